/** Messages: what a sender gives, what the queues share, and what was changed since. */
import { randomUUID } from 'node:crypto';
import { BrokerError } from './broker-error.ts';

/**
 * The value of an application property. An integral `number` or a `bigint` is an integer in SQL filters. A protocol
 * that distinguishes 5.0 from 5 uses `Float` for the former.
 */
export type PropertyValue = string | number | bigint | boolean | Date | Uint8Array | Float | null;

/** A floating-point value, even when it is integral. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }
}

/** A property in its client's encoding, for a protocol with more types than JavaScript. */
export class Encoded {
  readonly value: PropertyValue;
  readonly bytes: Uint8Array;

  constructor(value: PropertyValue, bytes: Uint8Array) {
    this.value = value;
    this.bytes = bytes;
  }
}

/** Properties to be set, or removed where the value is undefined. */
export type ChangedProperties = Readonly<Record<string, PropertyValue | Encoded | undefined>>;

export type ApplicationProperties = Readonly<Record<string, PropertyValue>>;

/** The properties that filters see and actions change. */
export interface SystemProperties {
  readonly messageId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Called Label in SQL. */
  readonly subject?: string | undefined;
  readonly to?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly replyToSessionId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly partitionKey?: string | undefined;
  /** Counts from enqueueing. The entity's default applies when this is absent or larger. */
  readonly timeToLiveMs?: number | undefined;
  /** Milliseconds since the Unix epoch. A past time means now. */
  readonly scheduledEnqueueTimeMs?: number | undefined;
}

/** What a sender gives. */
export interface OutgoingMessage extends SystemProperties {
  readonly applicationProperties?: ApplicationProperties | undefined;
  /** Opaque to the broker, which hands it out as it is: the sender must not change it afterwards. */
  readonly body: unknown;
  /** The size of the whole encoded message, which counts against the limits. */
  readonly sizeBytes: number;
}

/**
 * What was changed since the sender encoded the message. A name with the value `undefined` was removed. Everything else
 * is as it was sent.
 */
export interface Changes {
  readonly system: Partial<SystemProperties>;
  readonly applicationProperties: ChangedProperties;
}

/** An accepted message, immutable and shared by every queue that holds it. */
export interface Content extends SystemProperties {
  readonly messageId: string;
  readonly applicationProperties: ApplicationProperties;
  readonly body: unknown;
  readonly sizeBytes: number;
  /** Undefined while the message is as its sender encoded it. */
  readonly changes: Changes | undefined;
}

/** What a topic has given a message by the time that its rules are asked. */
export interface Arrival {
  readonly clock: { now(): number };
  readonly sequenceNumber: number;
  /** The one that it got where it was first sent. */
  readonly enqueuedSequenceNumber: number;
  /** The topic's, which limits that of the message. */
  readonly longestTimeToLiveMs: number;
  readonly deadLetterSource?: string | undefined;
}

/** @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas */
const MAX_ID = 128;
const NO_PROPERTIES: ApplicationProperties = Object.freeze({});

/**
 * A copy of what a sender gave. Its message id is 32 random hex digits when the sender gave none.
 *
 * @throws BrokerError for an id that is too long or a partition key that contradicts the session id
 */
export function acceptMessage(message: OutgoingMessage): Content {
  const { messageId, sessionId, partitionKey, applicationProperties } = message;
  checkLength('message id', messageId);
  checkLength('session id', sessionId);
  checkLength('partition key', partitionKey);
  if (sessionId !== undefined && partitionKey !== undefined && sessionId !== partitionKey) {
    throw new BrokerError(
      'amqp:not-allowed',
      `the partition key '${partitionKey}' differs from the session id '${sessionId}'; with sessions they must be equal`,
    );
  }
  const given = messageId === undefined || messageId === '' ? undefined : messageId;
  const id = given ?? randomUUID().replaceAll('-', '');
  return {
    messageId: id,
    sessionId,
    correlationId: message.correlationId,
    subject: message.subject,
    to: message.to,
    replyTo: message.replyTo,
    replyToSessionId: message.replyToSessionId,
    contentType: message.contentType,
    partitionKey,
    timeToLiveMs: message.timeToLiveMs,
    scheduledEnqueueTimeMs: message.scheduledEnqueueTimeMs,
    applicationProperties: applicationProperties === undefined ? NO_PROPERTIES : { ...applicationProperties },
    body: message.body,
    sizeBytes: message.sizeBytes,
    // A generated id is not in the sender's encoding.
    changes: given === undefined ? { system: { messageId: id }, applicationProperties: NO_PROPERTIES } : undefined,
  };
}

function checkLength(what: string, value: string | undefined): void {
  if (value !== undefined && value.length > MAX_ID) {
    throw new BrokerError(
      'com.microsoft:argument-error',
      `the ${what} '${value.slice(0, 32)}...' has ${value.length} characters; at most ${MAX_ID} are allowed`,
    );
  }
}

/** The content with some properties set, or removed where the value is undefined. The original is not touched. */
export function changeContent(
  content: Content,
  applicationProperties: ChangedProperties,
  system: Partial<SystemProperties> = {},
): Content {
  // Not by assignment: a property may be called __proto__.
  const properties = Object.fromEntries(
    Object.entries<ChangedProperties[string]>({ ...content.applicationProperties, ...applicationProperties })
      .map(([name, value]) => [name, value instanceof Encoded ? value.value : value] as const)
      .filter((entry): entry is readonly [string, PropertyValue] => entry[1] !== undefined),
  );
  return {
    ...content,
    ...system,
    // No action can remove the message id, although the type of `system` allows it.
    messageId: system.messageId ?? content.messageId,
    applicationProperties: properties,
    changes: {
      system: { ...content.changes?.system, ...system },
      applicationProperties: { ...content.changes?.applicationProperties, ...applicationProperties },
    },
  };
}
