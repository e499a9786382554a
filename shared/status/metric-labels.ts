/**
 * Which values a label may have. Every new value of a label is a new series for whoever scrapes, for as long as it keeps them;
 * so a label holds what the configuration, the topology or this build knows, and everything else is `other`.
 */

import { topology } from '../topology.ts';
import { type DeploymentSummary, sumOf } from './summaries.ts';

export const OTHER = 'other';

/** Why entries are in the errors queue: what this app, the broker and JavaScript call it. */
export const KNOWN_REASONS: ReadonlySet<string> = new Set(
  [
    'Conflict EventTooLarge HandlerTimeout InvalidConfiguration InvalidEvent Misdirected MissingSubscription NotFound',
    'NotOwned NotReplayable NotificationFailed Permanent PolicyViolation Superseded Transient Unexpected Unknown UnknownEvent WorkerCrashed',
    // https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
    'FilterEvaluationException HeaderSizeExceeded MaxDeliveryCountExceeded MaxTransferHopCountExceeded TTLExpiredException',
    'AggregateError Error RangeError ReferenceError SyntaxError TypeError',
  ].flatMap((names) => names.split(' ')),
);

export function reasonLabel(reason: string): string {
  return reason === '' || KNOWN_REASONS.has(reason) ? reason : OTHER;
}

const SUBSCRIPTIONS: ReadonlySet<string> = new Set(
  topology.topics.flatMap(({ subscriptions }) => subscriptions.map(({ name }) => name)),
);

export function subscriptionLabel(subscription: string): string {
  return subscription === '' || SUBSCRIPTIONS.has(subscription) ? subscription : OTHER;
}

/** Entries of the errors queue are grouped by these labels; each narrows a group when it is given. */
export interface ErrorGroupLabels {
  readonly reason: string | undefined;
  readonly subscription: string | undefined;
}

export function isInGroup(
  entry: { readonly reason: string; readonly subscription?: string | undefined },
  { reason, subscription }: ErrorGroupLabels,
): boolean {
  return (
    (reason === undefined || reasonLabel(entry.reason) === reason) &&
    (subscription === undefined || subscriptionLabel(entry.subscription ?? '') === subscription)
  );
}

/** The numbers of one Deployment, or of all that have no labels of their own. */
export interface DeploymentMeasure {
  readonly labels: Readonly<Record<'cluster' | 'namespace' | 'deployment' | 'service', string>>;
  readonly doraTotals: DeploymentSummary['doraTotals'];
  readonly isFailing: boolean;
}

/** So many Deployments have labels of their own, ten series each. */
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
  for await (const { cluster, namespace, deployment, service, doraTotals, failingSince } of deployments) {
    if (doraTotals.deployed + doraTotals.completed + doraTotals.rolledBack === 0) continue;
    const isFailing = failingSince !== undefined;
    if (found.length < MAX_DEPLOYMENTS) {
      const labels = {
        cluster,
        namespace,
        deployment,
        service: service !== undefined && services.has(service) ? service : OTHER,
      };
      found.push({ labels, doraTotals, isFailing });
    } else {
      const labels = { cluster: OTHER, namespace: OTHER, deployment: OTHER, service: OTHER };
      rest = {
        labels,
        doraTotals: rest ? sumOf(rest.doraTotals, doraTotals) : doraTotals,
        isFailing: isFailing || !!rest?.isFailing,
      };
    }
  }
  return rest ? [...found, rest] : found;
}
