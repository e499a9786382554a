/**
 * What may stand in a label. Every new value of a label is a new series for whoever scrapes, for as long as it keeps them;
 * so a label holds what the configuration, the topology or this build knows, and everything else is `other`.
 */

import { topology } from '../topology.ts';
import { type DeploymentSummary, sumOf } from './summaries.ts';

export const OTHER = 'other';

/** Why entries are in the errors queue: what this app, the broker and JavaScript call it. */
const REASONS: ReadonlySet<string> = new Set(
  [
    'Conflict EventTooLarge HandlerTimeout InvalidConfiguration InvalidEvent Misdirected NotFound',
    'NotReplayable NotificationFailed Permanent Superseded Transient Unknown UnknownEvent WorkerCrashed',
    // https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
    'FilterEvaluationException HeaderSizeExceeded MaxDeliveryCountExceeded MaxTransferHopCountExceeded TTLExpiredException',
    'AggregateError Error RangeError ReferenceError SyntaxError TypeError',
  ].flatMap((names) => names.split(' ')),
);

export function reasonLabel(reason: string): string {
  return reason === '' || REASONS.has(reason) ? reason : OTHER;
}

const SUBSCRIPTIONS: ReadonlySet<string> = new Set(
  topology.topics.flatMap(({ subscriptions }) => subscriptions.map(({ name }) => name)),
);

export function subscriptionLabel(subscription: string): string {
  return subscription === '' || SUBSCRIPTIONS.has(subscription) ? subscription : OTHER;
}

/** The numbers of one Deployment, or of all that have no labels of their own. */
export interface DeploymentMeasure {
  readonly labels: Readonly<Record<'cluster' | 'namespace' | 'deployment' | 'service', string>>;
  readonly numbers: DeploymentSummary['numbers'];
  readonly isBroken: boolean;
}

/** So many Deployments have labels of their own, eight series each. */
const MAX_DEPLOYMENTS = 1_000;

/**
 * Deployments with the labels they may have. A request can name any Deployment there is none of: a name counts once
 * something was applied under it, because then its cluster has it. What is beyond the limit is added up as one.
 */
export async function measuresOf(
  deployments: AsyncIterable<DeploymentSummary>,
  services: ReadonlySet<string>,
): Promise<DeploymentMeasure[]> {
  const found: DeploymentMeasure[] = [];
  let rest: DeploymentMeasure | undefined;
  for await (const { cluster, namespace, deployment, service, numbers, brokenSince } of deployments) {
    if (numbers.completed + numbers.failed + numbers.rolledBack === 0) continue;
    const isBroken = brokenSince !== undefined;
    if (found.length < MAX_DEPLOYMENTS) {
      const labels = { cluster, namespace, deployment, service: services.has(service) ? service : OTHER };
      found.push({ labels, numbers, isBroken });
    } else {
      const labels = { cluster: OTHER, namespace: OTHER, deployment: OTHER, service: OTHER };
      rest = { labels, numbers: rest ? sumOf(rest.numbers, numbers) : numbers, isBroken: isBroken || !!rest?.isBroken };
    }
  }
  return rest ? [...found, rest] : found;
}
