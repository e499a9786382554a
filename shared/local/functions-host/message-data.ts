/**
 * Converts a Service Bus message to what the Functions host sends to the worker: the body as text, and the broker's
 * properties as trigger metadata, in the host's forms. The library turns these into handler arguments.
 */
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { PermanentError } from '../../errors.ts';
import type { RpcTypedData } from './core-module.ts';

/**
 * The trigger's input. The message must have been received without parsing its body.
 *
 * @throws PermanentError for a body that the host cannot turn into text
 */
export function bodyData(message: ServiceBusReceivedMessage, dataType: unknown): RpcTypedData {
  const { body, _rawAmqpMessage: raw } = message;
  if (raw.bodyType === 'sequence') throw new PermanentError('the body is an AMQP sequence, which no trigger can read');
  // The SDK hands over several data sections as a list; the real host joins them.
  const bytes =
    raw.bodyType === 'data' && Array.isArray(body)
      ? Buffer.concat(body)
      : body instanceof Uint8Array
        ? body
        : undefined;
  if (!bytes && body !== undefined && body !== null && typeof body !== 'string') {
    throw new PermanentError(`the body is an AMQP value of type ${typeof body}; a trigger reads text or bytes`);
  }
  const text: string = bytes ? '' : (body ?? '');
  if (dataType === 'binary') return { bytes: bytes ?? Buffer.from(text) };
  if (!bytes) return { string: text };
  // Like the real host, this replaces bytes that are not UTF-8 by U+FFFD.
  return { string: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) };
}

const text = (value: string | undefined): RpcTypedData | undefined => (value === undefined ? value : { string: value });
const json = (value: unknown): RpcTypedData | undefined =>
  value === undefined ? undefined : { json: JSON.stringify(value) };

/** The host writes the offset of a DateTimeOffset, and no zone for a DateTime, though it is in UTC. */
const offsetTime = (date: Date): string => date.toISOString().replace('Z', '+00:00');
const zonelessTime = (date: Date): string => date.toISOString().replace('Z', '');

/** The broker's properties. Undefined ones are not sent. */
function brokerData(message: ServiceBusReceivedMessage): Record<string, RpcTypedData | undefined> {
  const { enqueuedTimeUtc = new Date(0), expiresAtUtc } = message;
  const properties = json(message.applicationProperties ?? {});
  return {
    // .NET counts the current delivery; the header and the JavaScript SDK count the earlier ones.
    DeliveryCount: json((message.deliveryCount ?? 0) + 1),
    DeadLetterSource: text(message.deadLetterSource),
    LockToken: text(message.lockToken),
    ExpiresAtUtc: json(expiresAtUtc ? zonelessTime(expiresAtUtc) : '9999-12-31T23:59:59.9999999'),
    ExpiresAt: json(expiresAtUtc ? offsetTime(expiresAtUtc) : '9999-12-31T23:59:59.9999999+00:00'),
    EnqueuedTimeUtc: json(zonelessTime(enqueuedTimeUtc)),
    EnqueuedTime: json(offsetTime(enqueuedTimeUtc)),
    MessageId: text(message.messageId === undefined ? undefined : String(message.messageId)),
    ContentType: text(message.contentType),
    ReplyTo: text(message.replyTo),
    // A Long prints all its digits; a JavaScript number might not.
    SequenceNumber: { json: String(message.sequenceNumber ?? 0) },
    To: text(message.to),
    Subject: text(message.subject),
    Label: text(message.subject),
    CorrelationId: text(message.correlationId === undefined ? undefined : String(message.correlationId)),
    ApplicationProperties: properties,
    UserProperties: properties,
    SessionId: text(message.sessionId),
    ReplyToSessionId: text(message.replyToSessionId),
    PartitionKey: text(message.partitionKey),
  };
}

/**
 * The trigger metadata of a message. As with the real host, top-level properties of a JSON body overwrite the broker's
 * properties of the same name, ignoring case. So an app that trusts metadata for identity fails here too.
 */
export function triggerMetadata(message: ServiceBusReceivedMessage, body: RpcTypedData): Record<string, RpcTypedData> {
  const metadata = new Map<string, { key: string; data: RpcTypedData }>();
  const set = (key: string, data: RpcTypedData | undefined): void => {
    const folded = key.toLowerCase();
    // The host's dictionary ignores case and keeps the first spelling of a key.
    if (data) metadata.set(folded, { key: metadata.get(folded)?.key ?? key, data });
  };
  for (const [key, data] of Object.entries(brokerData(message))) set(key, data);
  for (const [key, data] of bodyProperties(body.string)) set(key, data);
  return Object.fromEntries([...metadata.values()].map(({ key, data }) => [key, data]));
}

/**
 * The top-level properties of a JSON body; empty for any other body. The host's parser, too, rejects too deep nesting.
 */
function bodyProperties(body: string | undefined): (readonly [string, RpcTypedData | undefined])[] {
  try {
    const value: unknown = JSON.parse(body ?? '');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return Object.entries(value)
      .filter(([, field]) => field !== null && !Array.isArray(field))
      .map(([key, field]) => [key, fieldData(field)]);
  } catch {
    return [];
  }
}

function fieldData(value: unknown): RpcTypedData | undefined {
  if (typeof value === 'object') return json(value);
  return { string: typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value) };
}
