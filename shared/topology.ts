/**
 * The Service Bus entities, computed from the catalog: a topic per event type, so that the right to send is given per
 * type; a subscription per handler; one queue for everything that went wrong. Functions, local broker, Bicep and the
 * emulator's Config.json read it.
 */
import { DAY_MS } from './duration.ts';
import { catalog } from './events/catalog.ts';
import type { EventDefinition } from './events/cloud-event.ts';

/** One place to look for what could not be handled. */
export const ERRORS_QUEUE = 'errors';

/** A subscription and the filter that feeds it. Durations are in seconds. */
export interface SubscriptionTopology {
  readonly name: string;
  readonly rule: { readonly name: string; readonly sqlFilter: string };
  readonly lockSeconds: number;
  readonly maxDeliveryCount: number;
  /** An event that nobody took in time is a dead letter, and not gone without a word. */
  readonly deadLetteringOnMessageExpiration: boolean;
  /** Where dead letters go. */
  readonly forwardDeadLetteredMessagesTo: string;
}

export interface TopicTopology {
  readonly name: string;
  /** The type of the events that it carries. */
  readonly type: string;
  /** Whether others than the app itself may be given the right to send them. */
  readonly sender: EventDefinition['sender'];
  readonly timeToLiveSeconds: number;
  readonly duplicateDetectionSeconds: number;
  readonly subscriptions: readonly SubscriptionTopology[];
}

export interface QueueTopology {
  readonly name: string;
  readonly timeToLiveSeconds: number;
  readonly lockSeconds: number;
  readonly maxDeliveryCount: number;
  readonly deadLetteringOnMessageExpiration: boolean;
}

export interface Topology {
  readonly topics: readonly TopicTopology[];
  readonly queues: readonly QueueTopology[];
}

const DAY = 24 * 60 * 60;
const ERRORS_KEPT_DAYS = 14;

/** The topic that carries the events of a type, and no others. */
export function topicOf(type: string): string {
  return entityNameOf(type);
}

/** The subscription, and the function, that handles a type. */
export function subscriptionOf(type: string): string {
  return entityNameOf(type);
}

/** `DeploymentRolledBack` → `deployment-rolled-back` */
function entityNameOf(type: string): string {
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
  [...catalog.keys()].map((type) => [type, { topic: topicOf(type), subscription: subscriptionOf(type) }]),
);

/** The topic of a handler's subscription, and the type it handles; undefined for a name that is none. */
export function routeTo(subscription: string): { topic: string; type: string } | undefined {
  return subscriptions.get(subscription);
}

const subscriptions: ReadonlyMap<string, { topic: string; type: string }> = new Map(
  [...catalog.keys()].map((type) => [subscriptionOf(type), { topic: topicOf(type), type }]),
);

/** The handlers' subscriptions of a topic; none of an entity that is no topic. */
export function subscriptionsOf(topic: string): readonly string[] {
  return byTopic.get(topic) ?? [];
}

const byTopic: ReadonlyMap<string, readonly string[]> = new Map(
  [...routes.values()].map(({ topic, subscription }) => [topic, [subscription]]),
);

/** Every handler's subscription, in the order of the catalog. */
export const handlerSubscriptions: readonly string[] = [...subscriptions.keys()];

/** The address (`to`) of a message that reaches one subscription of its topic alone: a redelivery, a replay. */
export function addressOf(subscription: string): string {
  return `only:${subscription}`;
}

/**
 * What a subscription takes: every message of its topic, except those that are addressed to another subscription alone.
 * Any other address is the sender's own business: JMS clients write the topic's name into it.
 */
function ruleFor(subscription: string): string {
  return `${LISTENER_FILTER} OR sys.To = '${addressOf(subscription)}'`;
}

/** The filter for a subscription of somebody who listens too: every event once, and no redelivery of a handler. */
export const LISTENER_FILTER = "sys.To IS NULL OR sys.To NOT LIKE 'only:%'";

const subscriptionDefaults = {
  lockSeconds: 60,
  // A delivery is no attempt: the handler's are counted in its record. But while the Functions host has no worker (nine
  // seconds, when one dies twice within ten) every delivery fails at once, and with 10 half of 800 good events were
  // given up, with 100 one to three. With 2,000 none is, but what no function can read holds the others up for 37 s.
  maxDeliveryCount: 100,
  deadLetteringOnMessageExpiration: true,
  forwardDeadLetteredMessagesTo: ERRORS_QUEUE,
};

/** The topology of this build. */
export const topology: Topology = {
  topics: [...catalog].map(([type, { definition }]) => {
    const subscription = subscriptionOf(type);
    return {
      name: topicOf(type),
      type,
      sender: definition.sender,
      timeToLiveSeconds: 14 * DAY,
      duplicateDetectionSeconds: 600,
      subscriptions: [
        { ...subscriptionDefaults, name: subscription, rule: { name: type, sqlFilter: ruleFor(subscription) } },
      ],
    };
  }),
  queues: [
    {
      name: ERRORS_QUEUE,
      // Longer than entries are kept: what has no time to live of its own is discarded before, and its reason not
      // replaced by the broker's for what expired.
      timeToLiveSeconds: ERRORS_KEPT_DAYS * DAY + DAY,
      lockSeconds: 60,
      // As many as the service can count: an entry that somebody tries to take ten times, in vain, would go to the
      // dead-letter queue with the broker's reason instead of its own. A deferral counts as a delivery:
      // https://github.com/Azure/azure-service-bus/issues/375
      maxDeliveryCount: 2_147_483_647,
      // What is forwarded here keeps the time to live that its sender gave it, which may be seconds.
      deadLetteringOnMessageExpiration: true,
    },
  ],
};

/** How long an entry of the errors queue is kept, wherever it lies; one that is older is discarded, and not replayed. */
export const ERRORS_KEPT_MS: number = ERRORS_KEPT_DAYS * DAY_MS;

/**
 * How long after its last change an event can come again: its message may lie in a topic for all of its life, then in
 * the errors queue for all of that one's, then in the dead-letter queue of that, and be replayed on the last day.
 */
export const REDELIVERABLE_MS: number =
  1_000 *
    (Math.max(...topology.topics.map(({ timeToLiveSeconds }) => timeToLiveSeconds)) +
      Math.max(...topology.queues.map(({ timeToLiveSeconds }) => timeToLiveSeconds))) +
  ERRORS_KEPT_MS +
  DAY_MS;
