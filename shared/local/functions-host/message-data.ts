/**
 * Converts a Service Bus message to what the Functions host sends to the worker: the body as text, and the broker's
 * properties as trigger metadata, in the host's forms. The library turns these into handler arguments.
 */
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { PermanentError } from '../../errors.ts';
import type { RpcTypedData } from './core-module.ts';
import { netJson, netProperty, netText, netTime, parseNetJson } from './json-net.ts';

/** The client that received a message, as far as metadata shows it. */
export interface ReceivingClient {
  readonly fullyQualifiedNamespace: string;
  readonly identifier: string;
}

type Metadata = Record<string, RpcTypedData>;

/**
 * The trigger's input. The message must have been received without parsing its body.
 *
 * @throws PermanentError for a body that the host cannot turn into text, or into bytes
 */
export function bodyData(message: ServiceBusReceivedMessage, dataType: unknown): RpcTypedData {
  return isBinary(dataType) ? { bytes: bodyBytes(message) } : { string: bodyText(message) };
}

/**
 * The trigger's input for a batch. Without a data type the host parses every body, and none may be anything but JSON.
 *
 * @throws PermanentError for a body that the host cannot turn into text, bytes or a value
 */
export function batchData(messages: readonly ServiceBusReceivedMessage[], dataType: unknown): RpcTypedData {
  if (isBinary(dataType)) return { collectionBytes: { bytes: messages.map(bodyBytes) } };
  const texts = messages.map(bodyText);
  if (isOfType(dataType, 'string')) return textCollection(texts);
  return { json: JSON.stringify(texts.map((text, index) => parsedBody(text, messages[index]))) };
}

function isOfType(dataType: unknown, expected: string): boolean {
  return typeof dataType === 'string' && dataType.toLowerCase() === expected;
}

function isBinary(dataType: unknown): boolean {
  return isOfType(dataType, 'binary');
}

function parsedBody(text: string, message: ServiceBusReceivedMessage | undefined): unknown {
  try {
    return netJson(parseNetJson(text));
  } catch {
    throw new PermanentError(`the body of message ${message?.messageId} is not JSON, so the whole batch fails`);
  }
}

/** Empty texts are left out: the worker declares no capability for them. */
function textCollection(texts: readonly (string | undefined)[]): RpcTypedData {
  return { collectionString: { string: texts.filter((text) => text !== undefined && text !== '') as string[] } };
}

function bodyText(message: ServiceBusReceivedMessage): string {
  const { body, _rawAmqpMessage: raw } = message;
  if (raw.bodyType === 'sequence') throw new PermanentError('the body is an AMQP sequence, which no trigger can read');
  const bytes = dataSections(message);
  // Like the real host, this replaces bytes that are not UTF-8 by U+FFFD.
  if (bytes) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  if (body === undefined || body === null) return '';
  if (typeof body === 'string') return body;
  throw new PermanentError(`the body is an AMQP value of type ${typeof body}; a trigger reads text or bytes`);
}

function bodyBytes(message: ServiceBusReceivedMessage): Uint8Array {
  const bytes = dataSections(message);
  if (bytes) return bytes;
  const { bodyType } = message._rawAmqpMessage;
  if (bodyType === 'value' || bodyType === 'sequence') {
    throw new PermanentError(`the body is an AMQP ${bodyType}; a binary trigger reads data sections alone`);
  }
  return Buffer.from(message.body ?? '');
}

/** The bytes of a body in data sections. The SDK hands over several of them as a list; the real host joins them. */
function dataSections({ body, _rawAmqpMessage: raw }: ServiceBusReceivedMessage): Uint8Array | undefined {
  if (raw.bodyType === 'data' && Array.isArray(body)) return Buffer.concat(body);
  return body instanceof Uint8Array && raw.bodyType !== 'value' ? body : undefined;
}

const json = (value: unknown): RpcTypedData => ({ json: JSON.stringify(value) });

/** A property of the broker, by how it travels. */
type Field = { readonly text: string | undefined } | { readonly value: unknown } | { readonly long: unknown };

/** The last moment that .NET knows: of a message that expires later, or never. */
const NEVER = '9999-12-31T23:59:59.9999999';
const NEVER_MS = Date.UTC(10_000, 0);

/** The broker's properties, in the host's order and spelling. */
function brokerFields(message: ServiceBusReceivedMessage): Readonly<Record<string, Field>> {
  const { enqueuedTimeUtc = new Date(0) } = message;
  const expiresAt = (message.expiresAtUtc?.getTime() ?? NEVER_MS) < NEVER_MS ? message.expiresAtUtc : undefined;
  const text = (value: unknown): Field => ({
    text: value === undefined || value === null ? undefined : String(value),
  });
  const properties = Object.fromEntries(
    Object.entries(message.applicationProperties ?? {}).map(([name, value]) => [name, netProperty(value)]),
  );
  return {
    // .NET counts the current delivery; the header and the JavaScript SDK count the earlier ones.
    DeliveryCount: { value: (message.deliveryCount ?? 0) + 1 },
    DeadLetterSource: text(message.deadLetterSource),
    LockToken: text(message.lockToken),
    // The host writes the offset of a DateTimeOffset, and no zone for a DateTime, though it is in UTC.
    ExpiresAtUtc: { value: expiresAt ? netTime(expiresAt, '') : NEVER },
    ExpiresAt: { value: expiresAt ? netTime(expiresAt, '+00:00') : `${NEVER}+00:00` },
    EnqueuedTimeUtc: { value: netTime(enqueuedTimeUtc, '') },
    EnqueuedTime: { value: netTime(enqueuedTimeUtc, '+00:00') },
    MessageId: text(message.messageId),
    ContentType: text(message.contentType),
    ReplyTo: text(message.replyTo),
    SequenceNumber: { long: message.sequenceNumber ?? 0 },
    To: text(message.to),
    Subject: text(message.subject),
    Label: text(message.subject),
    CorrelationId: text(message.correlationId),
    ApplicationProperties: { value: properties },
    UserProperties: { value: properties },
    SessionId: text(message.sessionId),
    ReplyToSessionId: text(message.replyToSessionId),
    PartitionKey: text(message.partitionKey),
  };
}

/** What is meant for .NET, and is in the same dictionary: all of it is JSON without use to a Node app. */
function netObjects({ fullyQualifiedNamespace, identifier }: ReceivingClient): Metadata {
  const names = ['MessageReceiver', 'MessageSession', 'MessageActions', 'SessionActions', 'ReceiveActions'];
  const client = {
    FullyQualifiedNamespace: fullyQualifiedNamespace,
    IsClosed: false,
    TransportType: 0,
    Identifier: identifier,
  };
  return { ...Object.fromEntries(names.map((name) => [name, json({})])), Client: json(client) };
}

/** The client of messages that no client received. */
const NO_CLIENT: ReceivingClient = { fullyQualifiedNamespace: 'localhost', identifier: 'localhost-0' };

/**
 * The trigger metadata of a message. As with the real host, top-level properties of a JSON body overwrite the broker's
 * properties of the same name, ignoring case. So an app that trusts metadata for identity fails here too.
 */
export function triggerMetadata(
  message: ServiceBusReceivedMessage,
  body: RpcTypedData,
  client: ReceivingClient = NO_CLIENT,
): Metadata {
  const metadata = new Map<string, { key: string; data: RpcTypedData }>();
  const set = (key: string, data: RpcTypedData | undefined): void => {
    const folded = key.toLowerCase();
    // The host's dictionary ignores case and keeps the first spelling of a key.
    if (data) metadata.set(folded, { key: metadata.get(folded)?.key ?? key, data });
  };
  for (const [key, data] of Object.entries(netObjects(client))) set(key, data);
  for (const [key, field] of Object.entries(brokerFields(message))) set(key, single(field));
  for (const [key, data] of bodyProperties(body.string)) set(key, data);
  return Object.fromEntries([...metadata.values()].map(({ key, data }) => [key, data]));
}

/** Undefined ones are not sent. A Long prints all its digits; a JavaScript number might not. */
function single(field: Field): RpcTypedData | undefined {
  if ('text' in field) return field.text === undefined ? undefined : { string: field.text };
  return 'long' in field ? { json: String(field.long) } : json(field.value);
}

/**
 * The trigger metadata of a batch: an array a property. Those of text lose their empty entries, and then no longer line
 * up with the bodies.
 */
export function batchMetadata(
  messages: readonly ServiceBusReceivedMessage[],
  client: ReceivingClient = NO_CLIENT,
): Metadata {
  const metadata = netObjects(client);
  const rows = messages.map(brokerFields);
  for (const key of Object.keys(rows[0] ?? {})) {
    metadata[`${key}Array`] = collection(rows.flatMap((row) => row[key] ?? []));
  }
  // The extension fills it with the partition keys.
  return { ...metadata, TransactionPartitionKeyArray: metadata['PartitionKeyArray'] ?? textCollection([]) };
}

function collection(fields: readonly Field[]): RpcTypedData {
  if (fields.every((field) => 'text' in field)) return textCollection(fields.map(({ text }) => text));
  if (fields.every((field) => 'long' in field)) return { collectionSint64: { sint64: fields.map(({ long }) => long) } };
  return json(fields.map((field) => ('value' in field ? field.value : null)));
}

/** The top-level properties of a JSON body; empty for any other body. */
function bodyProperties(body: string | undefined): (readonly [string, RpcTypedData])[] {
  try {
    const value = parseNetJson(body ?? '');
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return Object.entries(value)
      .filter(([, field]) => field !== null && !Array.isArray(field))
      .map(([key, field]) => [key, typeof field === 'object' ? json(netJson(field)) : { string: netText(field) }]);
  } catch {
    return [];
  }
}
