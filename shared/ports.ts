/**
 * What a handler may ask of the world. The contracts here bind every implementation; each port has one contract
 * suite in `test/contract/`. Errors: a `TransientError` is worth another try, a `PermanentError` is not.
 */
import type { PlatformConfig } from './config.ts';
import type { PlatformEvent } from './events/catalog.ts';
import type { CloudEvent, DataOf, EventDefinition } from './events/cloud-event.ts';

/** The only source of time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** Structured logging. Fields never hold secrets or event data. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

// ---------------------------------------------------------------- events

/** A copy of an event for one subscription, to arrive later. */
export interface Redelivery {
  /** Usually a `PlatformEvent`; an event that is newer than this build can be sent again all the same. */
  readonly event: CloudEvent;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The one subscription that gets it; topic and subject follow from it. */
  readonly to: string;
  /** Which copy this is; sent as the CloudEvents extension `copy`. */
  readonly redelivery: number;
  /** Sent as the extension `unrecordedattempts` unless 0: how often this copy was scheduled again for want of the state store. */
  readonly unrecordedAttempts?: number | undefined;
  /** Sent as the extension `awaitedrun`: the run whose lease this copy waits for. */
  readonly awaitedRunId?: string | undefined;
  /** Sent as the extension `endedrun`: the run that ended and could not say so in the record. */
  readonly endedRunId?: string | undefined;
  /** Sending the same id twice within the duplicate-detection window is sending it once. */
  readonly messageId: string;
}

/** A message that could not be handled, for the errors queue. */
export interface DeadLetter {
  readonly messageId: string;
  /** The event, or the body as it came when it is none. */
  readonly body: unknown;
  readonly type: string | undefined;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
  /** PascalCase. */
  readonly reason: string;
  /** At most 4 KiB are kept. */
  readonly description: string;
  readonly subscription: string;
  readonly attempts: number;
  /** The copy that failed; a replay is the next one. */
  readonly redelivery: number;
}

/** A message that lies in the errors queue: dead-lettered by a handler's delivery, or given up by the broker. */
export interface DeadLetterEntry {
  /** Names it in the queue; digits. */
  readonly sequenceNumber: string;
  readonly messageId: string;
  /** When it came into the queue, in milliseconds since the Unix epoch. */
  readonly deadLetteredAt: number;
  /** As text; empty when it is a gzip. */
  readonly body: string;
  /** The body as it was sent when it is a gzip; `bodyOf` unpacks it. */
  readonly gzipped: Uint8Array | undefined;
  /** Whether the body is only the beginning of what was sent. */
  readonly isCut: boolean;
  readonly type: string | undefined;
  readonly correlationId: string | undefined;
  /** Ours, or the broker's, such as `MaxDeliveryCountExceeded` or `TTLExpiredException`; empty when nobody said. */
  readonly reason: string;
  readonly description: string;
  /** The handler's subscription, or where the broker took the message from. */
  readonly subscription: string | undefined;
  /** As in `DeadLetter`; undefined when the broker gave it up. */
  readonly attempts: number | undefined;
  readonly redelivery: number | undefined;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
}

/** What a subscriber gets; settled by the promise of its callback: fulfilled completes, rejected abandons. */
export interface ReceivedMessage {
  readonly body: unknown;
  readonly messageId: string;
  readonly deliveryCount: number;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
}

/** Carries the events. Delivery is at least once; publishing an event id twice within ten minutes is once. */
export interface EventBus {
  /** Resolves when the broker has accepted the event. @throws EventTooLargeError */
  publish(event: PlatformEvent): Promise<void>;
  /** A batch per topic (more when they do not fit into one); not one transaction across topics. */
  publishAll(events: readonly PlatformEvent[]): Promise<void>;
  schedule(redelivery: Redelivery): Promise<void>;
  /** Puts a message into the errors queue. */
  deadLetter(message: DeadLetter): Promise<void>;
  /**
   * What is in the errors queue from a sequence number on, oldest first, at most so many: fewer when they are large, none
   * only at its end.
   */
  deadLetters(from: string, count: number): Promise<DeadLetterEntry[]>;
  /**
   * Takes an entry out of the errors queue, once `before` is done. When that rejects, or the process dies, the entry
   * stays; so `before` may be done twice. Others are left in their places, but are deferred: they are read and taken
   * out by their numbers alone from then on.
   *
   * @returns false when there is no such entry (any more)
   * @throws TransientError when somebody else is at it
   */
  takeDeadLetter(sequenceNumber: string, before?: () => Promise<void>): Promise<boolean>;
  /** Receives from a subscription until the returned function is called; it resolves when the last callback ended. */
  subscribe(
    topic: string,
    subscription: string,
    receive: (message: ReceivedMessage) => Promise<void>,
  ): () => Promise<void>;
  /** Checks that the broker answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- state

/** A stored value, and the version that `put` and `delete` compare. */
export interface Stored<T> {
  readonly key: string;
  readonly value: T;
  readonly etag: string;
}

export interface Query {
  /** Keys from this one (inclusive), in order. */
  readonly from?: string;
  /** Keys before this one (exclusive). */
  readonly to?: string;
  /** Only values whose top-level fields equal these; scalars alone can be asked for. */
  readonly where?: Readonly<Record<string, string | number | boolean>>;
  readonly limit?: number;
}

/**
 * Small JSON documents by partition and key, with optimistic concurrency. Any text is a valid partition or key up
 * to 300 UTF-8 bytes. A value takes at most 700 KiB as JSON. Values are copied at the boundary. Keys are ordered
 * by UTF-16 code unit; use ASCII in keys whose order matters.
 */
export interface StateStore {
  get<T>(partition: string, key: string): Promise<Stored<T> | undefined>;
  /** @returns the etag. @throws ConflictError when the key exists */
  insert<T>(partition: string, key: string, value: T): Promise<string>;
  /** Replaces the value of that etag, or any with `'*'` (which also inserts). @throws ConflictError when it changed or is gone */
  put<T>(partition: string, key: string, value: T, etag: string): Promise<string>;
  /** Deleting what is not there is no error. @throws ConflictError when it changed */
  delete(partition: string, key: string, etag: string): Promise<void>;
  /** In key order; pages are followed. Concurrent changes may or may not be seen. */
  query<T>(partition: string, query?: Query): AsyncIterable<Stored<T>>;
  /** Checks that the store answers. */
  ping(): Promise<void>;
}

// ---------------------------------------------------------------- clusters

/** A Kubernetes Deployment in one cluster, and the container of it that this is about. */
export interface Workload {
  readonly namespace: string;
  readonly deployment: string;
  /** The only container when absent. */
  readonly container?: string | undefined;
}

/**
 * A change to a workload, by apply or by rollback. The deployment bears the marks of the last one made, so that a
 * repeated change is recognised by looking, and a late one (a process that was cut off and wakes up) is refused.
 */
export interface Change extends Workload {
  /** Names this change; `Rollout.requestId` shows it. */
  readonly requestId: string;
  /**
   * The place of this change among all changes of the deployment: ASCII text that sorts (by code unit) after the
   * rank of every older change. The cluster compares and writes in one step (Kubernetes: `resourceVersion`).
   */
  readonly rank: string;
  /** Human text for `kubernetes.io/change-cause`. */
  readonly changeCause: string;
}

export interface Release extends Change {
  readonly image: string;
  /** Left as it is when absent. */
  readonly replicas?: number | undefined;
}

export interface Rollback extends Change {
  /** The image to return to: the template of the newest revision that ran it is restored, replicas stay. */
  readonly image: string;
}

/** What runs, and what is meant to run. */
export interface Rollout {
  /** `complete` only when every replica runs what the template asks for now. */
  readonly state: 'progressing' | 'complete' | 'failed';
  /** For people: what is being waited for, or why it failed. */
  readonly message: string;
  /** The image that the template asks for now. */
  readonly image: string;
  readonly replicas: number;
  /** `deployment.kubernetes.io/revision`. */
  readonly revision: string | undefined;
  /** The change last made through this port. */
  readonly requestId: string | undefined;
}

/** The name of the ResourceQuota, LimitRange and other objects that guardrails make in a namespace. */
export const GUARDRAILS_NAME = 'platform';

/** A namespace with everything it is owed; see `profiles` in the configuration. */
export interface Guardrails {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** ResourceQuota `hard`, quantities by resource name. */
  readonly quota: Readonly<Record<string, string>>;
  /** LimitRange of type Container. */
  readonly limits: {
    readonly default: Readonly<Record<string, string>>;
    readonly defaultRequest: Readonly<Record<string, string>>;
  };
  /** RoleBinding: the team's group and the ClusterRole it gets. */
  readonly access: { readonly group: string; readonly clusterRole: string };
}

export interface Quota {
  readonly name: string;
  readonly hard: Readonly<Record<string, string>>;
}

/** One Kubernetes cluster. Every call is safe to repeat. */
export interface Cluster {
  /**
   * Sets the image (and replicas). Changes nothing when the deployment already bears this very rank.
   *
   * @throws SupersededError when the deployment bears a higher rank; nothing is changed
   * @throws NotFoundError when the deployment does not exist (and this cluster does not create them)
   * @throws PermanentError when the cluster refuses it for good; nothing is changed
   */
  apply(release: Release): Promise<void>;
  /** @throws NotFoundError */
  rollout(workload: Workload): Promise<Rollout>;
  /**
   * Restores an earlier template. Changes nothing when the deployment already bears this very rank. A template that
   * asks for that image already stays, but the marks are written: what was still on its way is then refused.
   *
   * @throws SupersededError when the deployment bears a higher rank; nothing is changed
   * @throws NotFoundError when the deployment, or a revision with that image, does not exist
   */
  rollback(rollback: Rollback): Promise<void>;
  /**
   * Namespace, ResourceQuota, LimitRange, default-deny NetworkPolicy with DNS allowed, RoleBinding; server-side apply
   * under one field manager: repairs drift, touches nothing else.
   */
  applyGuardrails(guardrails: Guardrails): Promise<void>;
  /** The quotas of a namespace; ours is the one named GUARDRAILS_NAME. @throws NotFoundError when the namespace does not exist */
  quotas(namespace: string): Promise<readonly Quota[]>;
  /** Sets one resource of a quota. */
  setQuota(namespace: string, quota: string, resource: string, hard: string): Promise<void>;
  /** Checks that the API server answers. */
  ping(): Promise<void>;
}

/** The clusters of the configuration, by name. */
export interface Clusters {
  /** `default` when no name is given. @throws NotFoundError naming the known ones */
  get(name: string | undefined): Cluster;
  readonly names: readonly string[];
}

// ---------------------------------------------------------------- notifications

export interface Notification {
  /** Sent once per key: a repeated run of a handler gives the same key. */
  readonly key: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly title: string;
  readonly text: string;
  /** Routes to the team's own channel when it has one. */
  readonly team?: string | undefined;
  readonly facts?: Readonly<Record<string, string>>;
  /** The event that this is about. */
  readonly event: PlatformEvent;
}

export interface Notifier {
  /** @throws TransientError when the receiver is busy or away; PermanentError when it refuses */
  notify(notification: Notification): Promise<void>;
}

// ---------------------------------------------------------------- handlers

/** Everything that a composition root provides. */
export interface Ports {
  readonly bus: EventBus;
  readonly state: StateStore;
  readonly clusters: Clusters;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly config: PlatformConfig;
  readonly log: Log;
  /**
   * The triggers of this process. Only the local Functions host tells: in Azure the instance that is asked need not be
   * the one that receives.
   */
  readonly triggers?: (() => readonly TriggerState[]) | undefined;
}

/** A function that receives events. */
export interface TriggerState {
  readonly name: string;
  /** Why it does not receive just now; undefined while it does. */
  readonly trouble: string | undefined;
}

/** What a handler gets: the ports, but for the bus, which it reaches by asking for events to be published. */
export interface HandlerPorts extends Omit<Ports, 'bus' | 'triggers'> {
  /**
   * Does not reject here, so that no work waits for a channel that is away: the run goes on, what it asks for is
   * published, and a run that finished is repeated until people are told. An entry in the errors queue says in the
   * end who was not.
   */
  readonly notifier: Notifier;
  /**
   * Asks for an event that follows from the one being handled. It is sent after the handler returned, with a derived
   * id; a run that throws publishes nothing.
   *
   * @throws InvalidEventError at once when the data does not fit
   */
  publish<Definition extends EventDefinition>(
    definition: Definition,
    data: DataOf<Definition>,
    options?: {
      /** Needed when one run publishes several events of one type; the same on every run. */
      key?: string;
      /** The chain it belongs to, when that is not the chain of the event being handled. */
      correlationid?: string;
    },
  ): void;
  /** Whether this handler has completed an event, or did so long ago: its message changes nothing any more. */
  isCompleted(eventId: string): Promise<boolean>;
}

/** Look again after a while: not a try, the handler's own deadline bounds it. */
export interface Requeue {
  readonly requeueAfterMs: number;
}

/** @example return requeueAfter(2_000); */
export function requeueAfter(afterMs: number): Requeue {
  return { requeueAfterMs: afterMs };
}

/** Handles one event. May run several times for one event, also concurrently after a lost lease. */
export type Handler<Event extends PlatformEvent = PlatformEvent> = (
  event: Event,
  ports: HandlerPorts,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler with nothing more to say simply ends
) => Promise<Requeue | void>;
