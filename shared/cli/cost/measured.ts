/**
 * What the app's work costs in operations. `test/shared/delivery/operations.test.ts` counts them and fails when one of
 * these figures is no longer so, in either direction: the cost command cannot go stale.
 */

/** Of one piece of work, or of a month of it. */
export interface Operations {
  /** Messages handled, by function. Each is sent, received and completed once, and is one execution. */
  readonly runs: Readonly<Record<string, number>>;
  /** Requests to the Table service; a transaction over several entities is one. */
  readonly storeCalls: number;
  /** Entities that they read or write, by partition; those of `records` are spread over 16. */
  readonly entities: Readonly<Record<string, number>>;
  /** What the app itself logs at Information or above. */
  readonly logLines: number;
}

type Work = 'deployment' | 'look' | 'check' | 'forgotten';

export const MEASURED: Readonly<Record<Work, Operations>> = {
  /** A good deployment whose rollout is looked at once after it was applied; the first of a Deployment writes once more. */
  deployment: {
    runs: { 'deployment-requested': 1, 'deployment-started': 2, 'deployment-completed': 1 },
    storeCalls: 19,
    entities: { records: 18, freezes: 1, deployments: 12, 'changed-deployments': 1 },
    logLines: 3,
  },
  /** Each further look at its rollout. */
  look: {
    runs: { 'deployment-started': 1 },
    storeCalls: 4,
    entities: { records: 3, deployments: 1 },
    logLines: 0,
  },
  /** A health check of a service that keeps its promise. */
  check: {
    runs: { 'health-check': 1 },
    storeCalls: 4,
    entities: { records: 4, services: 2 },
    logLines: 1,
  },
  /** Forgetting what a handler has kept of an event, once the history is full. */
  forgotten: { runs: {}, storeCalls: 2.4, entities: { records: 4 }, logLines: 0 },
};
