/**
 * The system properties of SQL: those that a sender gives, and those that the topic has given a message when its rules
 * are asked. What a message gets later, such as a lock, has no value yet.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messages-payloads
 */
import type { Arrival, Content, SystemProperties } from '../core/message.ts';
import { TimeSpan, type Value } from './sql-value.ts';

/** Those that an action can change, and that are texts. */
export type SystemProperty = Exclude<keyof SystemProperties, 'timeToLiveMs' | 'scheduledEnqueueTimeMs'>;

/** By their names in SQL, in lower case. `Subject` is what newer clients call the label. */
const GIVEN: ReadonlyMap<string, SystemProperty> = new Map([
  ['messageid', 'messageId'],
  ['sessionid', 'sessionId'],
  ['correlationid', 'correlationId'],
  ['label', 'subject'],
  ['subject', 'subject'],
  ['to', 'to'],
  ['replyto', 'replyTo'],
  ['replytosessionid', 'replyToSessionId'],
  ['contenttype', 'contentType'],
  ['partitionkey', 'partitionKey'],
]);

type Read = (content: Content, arrival: Arrival) => Value;

/** Those that an action can change, and that are not texts. */
const TIMES: ReadonlyMap<string, 'timeToLiveMs' | 'scheduledEnqueueTimeMs'> = new Map([
  ['timetolive', 'timeToLiveMs'],
  ['scheduledenqueuetimeutc', 'scheduledEnqueueTimeMs'],
] as const);

/** The latest time that .NET has, for what never expires. */
const NEVER = new Date('9999-12-31T23:59:59.999Z');
const nothing: Read = () => undefined;

const DERIVED: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['deadlettersource', (_, { deadLetterSource }) => deadLetterSource],
  ['deliverycount', () => 0],
  ['enqueuedsequencenumber', (_, { enqueuedSequenceNumber }) => enqueuedSequenceNumber],
  ['enqueuedtimeutc', (_, { clock }) => new Date(clock.now())],
  [
    'expiresatutc',
    (content, arrival) => {
      const lives = timeToLive(content, arrival);
      return lives === Number.POSITIVE_INFINITY ? NEVER : new Date(arrival.clock.now() + lives);
    },
  ],
  ['forcepersistence', () => false],
  ['lockeduntilutc', nothing],
  ['locktoken', nothing],
  ['scheduledenqueuetimeutc', ({ scheduledEnqueueTimeMs: at }) => (at === undefined ? undefined : new Date(at))],
  ['sequencenumber', (_, { sequenceNumber }) => sequenceNumber],
  ['size', ({ sizeBytes }) => sizeBytes],
  // Active.
  ['state', () => 0],
  ['timetolive', (content, arrival) => new TimeSpan(timeToLive(content, arrival))],
  ['viapartitionkey', nothing],
]);

function timeToLive({ timeToLiveMs = Number.POSITIVE_INFINITY }: Content, { longestTimeToLiveMs }: Arrival): number {
  return Math.min(timeToLiveMs, longestTimeToLiveMs);
}

/** The property of the sender's that a name stands for. */
export function systemPropertyOf(name: string): SystemProperty | undefined {
  return GIVEN.get(name.toLowerCase());
}

/** What reads the property of the topic's that a name stands for. */
export function derivedPropertyOf(name: string): Read | undefined {
  return DERIVED.get(name.toLowerCase());
}

/** The property of the sender's that is a time or a time span, which a name stands for. */
export function timePropertyOf(name: string): 'timeToLiveMs' | 'scheduledEnqueueTimeMs' | undefined {
  return TIMES.get(name.toLowerCase());
}
