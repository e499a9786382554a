/** A month of a load: the operations it takes, and those that run whether or not anything happens. */
import { REDELIVERABLE_MS, type Topology } from '../../topology.ts';
import { MEASURED, type Operations } from './measured.ts';

export interface Load {
  readonly deploymentsPerDay: number;
  readonly checksPerMinute: number;
  /** How long a rollout takes, and how often it is looked at. */
  readonly rolloutMs: number;
  readonly requeueAfterMs: number;
}

/** How the app is set up. */
export interface Setup {
  /** How many messages an instance handles at once, and how long an idle receive waits. */
  readonly concurrency: number;
  readonly receiveMs: number;
  /** Of an instance. */
  readonly memoryMb: number;
  readonly alwaysReady: number;
  /** How long an event is remembered, and how many of them. */
  readonly historyMs: number;
  readonly historyEvents: number;
}

/** A month of it. */
export interface Usage extends Operations {
  readonly timerRuns: number;
  /** Looks at what waits in subscriptions and queues. */
  readonly peeks: number;
  /** At most: as if an instance of each function were there all the time, each with its receives waiting in vain. */
  readonly idleReceives: number;
  /** In the end, when as many are forgotten as come in. */
  readonly eventsKept: number;
}

/** Azure's month: 365 days of 24 hours, divided by 12. */
export const MONTH_HOURS = 730;
const MONTH_MINUTES = MONTH_HOURS * 60;
export const MONTH_SECONDS: number = MONTH_MINUTES * 60;

/** What is not measured here, and what the estimate takes for it. */
export const ASSUMED = {
  /** A run in Azure: some calls of the store, one after the other, of about ten milliseconds. */
  runSeconds: 0.2,
  /** A record of telemetry as it is billed: a span or a log line with its ids. */
  telemetryBytes: 1_000,
  /** What the host itself logs of a message: executing, trigger details, executed. */
  hostLines: 3,
  /** Runs of timer functions: four each minute, one every two. */
  timersPerMinute: 4.5,
  /** Those of them that look into the errors queue; one of these looks into each subscription, too. */
  peekingTimers: 2,
  /** What a handler keeps of an event, as Table Storage counts it: its record and two rows of the history. */
  eventBytes: 3_700,
} as const;

export function usageOf(load: Load, setup: Setup, { topics, queues }: Topology): Usage {
  const deployments = (load.deploymentsPerDay * MONTH_HOURS) / 24;
  const checks = load.checksPerMinute * MONTH_MINUTES;
  // The next look comes after the run, however soon it is asked for.
  const lookMs = Math.max(load.requeueAfterMs, 1_000 * ASSUMED.runSeconds);
  const furtherLooks = Math.max(1, Math.ceil(load.rolloutMs / lookMs)) - 1;
  // Each function that takes an event keeps a record of it.
  const events = deployments * Object.keys(MEASURED.deployment.runs).length + checks;
  const subscriptions = topics.reduce((sum, topic) => sum + topic.subscriptions.length, 0);
  const eventsPerMs = events / (MONTH_SECONDS * 1_000);
  return {
    ...sumOf([
      [deployments, MEASURED.deployment],
      [deployments * furtherLooks, MEASURED.look],
      [checks, MEASURED.check],
      [events, MEASURED.forgotten],
    ]),
    timerRuns: ASSUMED.timersPerMinute * MONTH_MINUTES,
    // A queue is the queue itself and its dead letters.
    peeks: (subscriptions + ASSUMED.peekingTimers * 2 * queues.length) * MONTH_MINUTES,
    idleReceives: (subscriptions * setup.concurrency * MONTH_SECONDS * 1_000) / setup.receiveMs,
    // None is forgotten that can come again, however many they are.
    eventsKept: Math.max(eventsPerMs * REDELIVERABLE_MS, Math.min(eventsPerMs * setup.historyMs, setup.historyEvents)),
  };
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function sumOf(parts: readonly (readonly [times: number, Operations])[]): Operations {
  const sum = (numberOf: (operations: Operations) => number): number =>
    parts.reduce((all, [times, operations]) => all + times * numberOf(operations), 0);
  const sumBy = (countsOf: (operations: Operations) => Readonly<Record<string, number>>): Record<string, number> => {
    const names = new Set(parts.flatMap(([, operations]) => Object.keys(countsOf(operations))));
    return Object.fromEntries([...names].map((name) => [name, sum((operations) => countsOf(operations)[name] ?? 0)]));
  };
  return {
    runs: sumBy(({ runs }) => runs),
    storeCalls: sum(({ storeCalls }) => storeCalls),
    entities: sumBy(({ entities }) => entities),
    logLines: sum(({ logLines }) => logLines),
  };
}
