/**
 * The Service Bus entities, computed from the catalog: a topic per family, a subscription per event's handler,
 * one queue for everything that went wrong. Functions, local broker, Bicep and the emulator's Config.json read it.
 */
import { DAY_MS } from './duration.ts';
import { type CatalogEntry, catalog, type Family, families } from './events/catalog.ts';

/** One place to look for what could not be handled. */
export const ERRORS_QUEUE = 'errors';

/** A subscription and the filter that feeds it. Durations are in seconds. */
export interface SubscriptionTopology {
  readonly name: string;
  readonly rule: { readonly name: string; readonly sqlFilter: string; readonly sqlAction?: string };
  readonly lockSeconds: number;
  readonly maxDeliveryCount: number;
  /** An event that nobody took in time is a dead letter, and not gone without a word. */
  readonly deadLetteringOnMessageExpiration: boolean;
  /** Where dead letters go. */
  readonly forwardDeadLetteredMessagesTo: string;
  /** Where every message goes; such a subscription has no reader. */
  readonly forwardTo?: string;
}

export interface TopicTopology {
  readonly name: string;
  readonly timeToLiveSeconds: number;
  readonly duplicateDetectionSeconds: number;
  readonly subscriptions: readonly SubscriptionTopology[];
}

export interface QueueTopology {
  readonly name: string;
  readonly timeToLiveSeconds: number;
  readonly lockSeconds: number;
  readonly maxDeliveryCount: number;
}

export interface Topology {
  readonly topics: readonly TopicTopology[];
  readonly queues: readonly QueueTopology[];
}

const DAY = 24 * 60 * 60;

/** The topic that carries a family's events. */
export function topicOf(family: Family): string {
  return `${family}-events`;
}

/** `DeploymentRolledBack` → `deployment-rolled-back`: the subscription, and the function, that handles a type. */
export function subscriptionOf(type: string): string {
  return type
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}

/** Where an event of a type is published and who handles it; undefined for a type that no family declares. */
export function routeOf(type: string): { readonly topic: string; readonly subscription: string } | undefined {
  return routes.get(type);
}

const routes: ReadonlyMap<string, { readonly topic: string; readonly subscription: string }> = new Map(
  [...catalog].map(([type, { family }]) => [type, { topic: topicOf(family), subscription: subscriptionOf(type) }]),
);

/** The topic of a handler's subscription, and the type it handles; undefined for a name that is none. */
export function routeTo(subscription: string): { topic: string; type: string } | undefined {
  return subscriptions.get(subscription);
}

const subscriptions: ReadonlyMap<string, { topic: string; type: string }> = new Map(
  [...catalog].map(([type, { family }]) => [subscriptionOf(type), { topic: topicOf(family), type }]),
);

const subscriptionDefaults = {
  lockSeconds: 60,
  // A delivery is no attempt: the handler's are counted in its record. But while the Functions host has no worker (nine
  // seconds, when one dies twice within ten) every delivery fails at once, and with 10 half of 800 good events were
  // given up, with 100 one to three. With 2,000 none is, but what no function can read holds the others up for 37 s.
  maxDeliveryCount: 100,
  deadLetteringOnMessageExpiration: true,
  forwardDeadLetteredMessagesTo: ERRORS_QUEUE,
};

function handlerSubscription({ definition: { type } }: CatalogEntry): SubscriptionTopology {
  const name = subscriptionOf(type);
  // The subject is the event type; `to` addresses one subscription alone (retries, replays).
  const sqlFilter = `sys.Label = '${type}' AND (sys.To IS NULL OR sys.To = '${name}')`;
  return { ...subscriptionDefaults, name, rule: { name: type, sqlFilter } };
}

const UNROUTED =
  'no handler of this topic takes it: expected a subject (label) that is the type of an event of this topic, and no address (to) or the one of its handler';

/**
 * A topic drops a message that no subscription wants, without a word. An unlabelled or misdirected event would be
 * lost that way, so one more subscription forwards whatever no handler's filter takes to the errors queue.
 */
function unroutedSubscription(entries: readonly CatalogEntry[]): SubscriptionTopology {
  const list = (values: string[]): string => values.map((value) => `'${value}'`).join(', ');
  const labels = list(entries.map(({ definition }) => definition.type));
  const known = entries.map(
    ({ definition: { type } }) => `(sys.Label = '${type}' AND sys.To <> '${subscriptionOf(type)}')`,
  );
  const sqlFilter = `sys.Label IS NULL OR sys.Label NOT IN (${labels}) OR ${known.join(' OR ')}`;
  // Forwarded and not dead-lettered, it would lie there without a reason.
  const sqlAction = `SET DeadLetterReason = 'Unrouted'; SET DeadLetterErrorDescription = '${UNROUTED}'`;
  const rule = { name: 'Unrouted', sqlFilter, sqlAction };
  return { ...subscriptionDefaults, name: 'unrouted', rule, forwardTo: ERRORS_QUEUE };
}

/** The topology of this build. */
export const topology: Topology = {
  topics: Object.keys(families).map((family) => {
    const entries = [...catalog.values()].filter((entry) => entry.family === family);
    return {
      // Object.keys widens the keys of a constant object to string.
      name: topicOf(family as Family),
      timeToLiveSeconds: 14 * DAY,
      duplicateDetectionSeconds: 600,
      subscriptions: [...entries.map(handlerSubscription), unroutedSubscription(entries)],
    };
  }),
  queues: [{ name: ERRORS_QUEUE, timeToLiveSeconds: 14 * DAY, lockSeconds: 60, maxDeliveryCount: 10 }],
};

/**
 * How long after its last change an event can come again: its message may lie in a topic for all of its life, then in
 * the errors queue for all of that one's, and be replayed on the last day.
 */
export const REDELIVERABLE_MS =
  1_000 *
    (Math.max(...topology.topics.map(({ timeToLiveSeconds }) => timeToLiveSeconds)) +
      Math.max(...topology.queues.map(({ timeToLiveSeconds }) => timeToLiveSeconds))) +
  DAY_MS;
