/**
 * Reads an event from the wire: structured JSON, AMQP binary mode, or an Event Grid delivery.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 */
import { InvalidEventError, UnknownEventError } from '../errors.ts';
import { catalog, type PlatformEvent } from './catalog.ts';
import { type EventDefinition, envelope } from './cloud-event.ts';
import { type ExactNumber, exactNumbersAt, exactNumbersIn, isDeclared, putExactNumbers } from './exact-numbers.ts';
import { eventKey } from './identity.ts';
import { check } from './issues.ts';
import { refuseForbiddenText } from './text.ts';

/** A received message: the body, and application properties, which may hold a binary-mode envelope. */
export interface WireEvent {
  /** Text, bytes, or the value that the Functions library parsed. */
  readonly body: unknown;
  readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  /** The exact numbers of the text that a parsed body came from. */
  readonly exactNumbers?: readonly ExactNumber[] | undefined;
  /** The time of arrival in milliseconds since the Unix epoch; the event's time when the sender gave none. */
  readonly receivedAt: number;
}

/** The marks of a redelivery. They are extension attributes in the body, which handlers do not see. */
export interface RedeliveryMarks {
  /** The number of the redelivery: 0 for the original. */
  readonly redelivery: number;
  /** How often this redelivery was rescheduled because the state store was away; undefined for never. */
  readonly unrecordedAttempts: number | undefined;
  /** The run whose lease this redelivery has waited for. */
  readonly awaitedRunId: string | undefined;
  /** The run that ended without being able to update the record: its lease need not be waited for. */
  readonly endedRunId: string | undefined;
  /** The runs that may have claimed the event and did not hear so: they did nothing with it. */
  readonly unheardRunIds: readonly string[] | undefined;
  /** How often it was replayed by itself in a row, with no handler having judged it; undefined for never. */
  readonly automaticReplays: number | undefined;
  /** The entry of the errors queue that it was replayed from, until a record knows of it; undefined for none. */
  readonly replayOf: string | undefined;
}

export interface ParsedEvent extends RedeliveryMarks {
  readonly event: PlatformEvent;
}

/**
 * The event of a message, validated and brought to this build's data version.
 *
 * @throws InvalidEventError with every issue: its path, the value found and what was expected
 * @throws UnknownEventError when the type, or its data version, is newer than this build
 */
export function parseEvent(wire: WireEvent): ParsedEvent {
  const { raw, exact } = readAttributes(wire);
  const identity = identityOf(raw);
  refuseForbiddenText(raw, identity);
  const attributes = check(envelope, raw, identity);

  const entry = catalog.get(attributes.type);
  if (!entry) {
    putExactNumbers(raw, exact, ([name = '']) => !isKnown(name));
    throw new UnknownEventError(raw, attributes, `unknown event type '${attributes.type}'`);
  }
  const { definition } = entry;
  const version = attributes.dataversion ?? 1;
  if (version > definition.version) {
    const message = `${definition.type} version ${version} is newer than this build, which reads up to ${definition.version}`;
    putExactNumbers(raw, exact, ([name = '']) => !isKnown(name));
    throw new UnknownEventError(raw, attributes, message);
  }
  const data = check(definition.schema, upgrade(definition, version, raw), identity, ['data']);

  const event = {
    ...withoutMarks(attributes),
    subject: attributes.subject ?? definition.subjectOf(data),
    time: attributes.time ?? new Date(wire.receivedAt).toISOString(),
    datacontenttype: 'application/json',
    dataversion: definition.version,
    correlationid: attributes.correlationid ?? eventKey(attributes),
    data,
  };
  putExactNumbers(event, exact, ([name = '', ...path]) =>
    name === 'data' ? !isDeclared(definition.schema, path) : !isKnown(name),
  );
  // The catalog's schema for this very type has just accepted the data. No spread: that takes as long as a schema's check.
  return Object.assign(redeliveryMarksOf(raw), { event: event as unknown as PlatformEvent });
}

/**
 * The message in one piece: a binary-mode event, whose attributes are not in its body, in structured form as far as
 * it can be read; any other body as it is.
 */
export function structured(wire: WireEvent): unknown {
  const attributes = binaryAttributes(wire.applicationProperties ?? {});
  if (Object.keys(attributes).length === 0) return wire.body;
  try {
    const { raw, exact } = readAttributes(wire);
    putExactNumbers(raw, exact);
    return raw;
  } catch {
    return { ...attributes, data: wire.body instanceof Uint8Array ? Buffer.from(wire.body).toString() : wire.body };
  }
}

type Attributes = Readonly<Record<string, unknown>>;

/** Deeper JSON could be parsed but not serialised again; events are far less deep. */
const MAX_DEPTH = 64;

interface RawEvent {
  readonly raw: Attributes;
  readonly exact: readonly ExactNumber[];
}

function readAttributes({ body, applicationProperties, exactNumbers }: WireEvent): RawEvent {
  const { value, exact: found } = readJson(body, '');
  // Event Grid may deliver in arrays; to Service Bus it sends one event a message.
  const isAlone = Array.isArray(value) && value.length === 1;
  const single = isAlone ? value[0] : value;
  const exact = exactNumbers ?? (isAlone ? exactNumbersAt(found, '0') : found);
  if (isDeeperThan(MAX_DEPTH, single)) throw invalid('', '(deeper JSON)', `JSON of at most ${MAX_DEPTH} levels`);
  const inBody = isObject(single) ? withoutNulls(single) : undefined;
  if (inBody && Object.hasOwn(inBody, 'specversion')) return withDecodedData(inBody, exact);

  const attributes = withoutNulls(binaryAttributes(applicationProperties ?? {}));
  if (Object.hasOwn(attributes, 'specversion')) {
    const inData = found.map(({ path, digits }) => ({ path: ['data', ...path], digits }));
    return { raw: { ...attributes, data: value }, exact: inData };
  }
  if (inBody) return withDecodedData(inBody, exact); // the envelope's schema says what is missing
  throw invalid('', value === '' ? '(an empty body)' : value, 'a CloudEvent as a JSON object');
}

function readJson(body: unknown, path: string): { value: unknown; exact: readonly ExactNumber[] } {
  let text = body;
  if (body instanceof Uint8Array) {
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    } catch {
      throw invalid(path, '(bytes)', 'UTF-8 text');
    }
  }
  if (typeof text !== 'string' || text === '') return { value: text, exact: [] };
  try {
    const json = text.replace(/^\uFEFF/, '');
    return { value: JSON.parse(json), exact: exactNumbersIn(json) };
  } catch {
    throw invalid(path, text, 'JSON');
  }
}

/** Attributes travel as `cloudEvents:id`, or `cloudEvents_id` from senders that cannot write a colon. */
function binaryAttributes(properties: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, value]) => {
      const attribute = /^cloudEvents[:_](.+)$/i.exec(name)?.[1];
      // The Functions library lower-cases first letters only; attribute names are lower-case by the specification.
      return attribute ? [[attribute.toLowerCase(), textOfTime(attribute, value)]] : [];
    }),
  );
}

/** Times travel as AMQP timestamps, of which SDKs make dates, or the milliseconds that are in them. */
function textOfTime(attribute: string, value: unknown): unknown {
  const isTime = value instanceof Date || (typeof value === 'number' && /^time$/i.test(attribute));
  const date = isTime ? new Date(value) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : value;
}

function withDecodedData(attributes: Attributes, exact: readonly ExactNumber[]): RawEvent {
  const encoded = attributes['data_base64'];
  if (encoded === undefined) return { raw: attributes, exact };
  if ((attributes['data'] ?? null) !== null)
    throw invalid('data_base64', encoded, 'either data or data_base64, not both');
  if (typeof encoded !== 'string' || !BASE64.test(encoded)) throw invalid('data_base64', encoded, 'Base64 text');
  const { value: data, exact: inData } = readJson(Buffer.from(encoded, 'base64'), 'data_base64');
  if (isDeeperThan(MAX_DEPTH, data))
    throw invalid('data_base64', '(deeper JSON)', `JSON of at most ${MAX_DEPTH} levels`);
  const all = [...exact, ...inData.map(({ path, digits }) => ({ path: ['data', ...path], digits }))];
  return { raw: { ...attributes, data }, exact: all };
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Upgrades the data of an older version to this build's. */
function upgrade(definition: EventDefinition, version: number, raw: Attributes): unknown {
  let data = raw['data'];
  for (let from = version; from < definition.version; from++) {
    try {
      data = definition.upgrades[from]?.(data);
    } catch (cause) {
      // An upgrade may take the shape of its own version for granted.
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw invalid('data', data, `data of ${definition.type} version ${from} (${reason})`, identityOf(raw));
    }
  }
  return data;
}

/** The marks of an event as it came. */
export function redeliveryMarksOf({
  redelivery,
  unrecordedattempts,
  awaitedrun,
  endedrun,
  unheardruns,
  automaticreplays,
  replayof,
}: Attributes): RedeliveryMarks {
  return {
    redelivery: countOf(redelivery),
    unrecordedAttempts: countOf(unrecordedattempts) || undefined,
    awaitedRunId: typeof awaitedrun === 'string' ? awaitedrun : undefined,
    endedRunId: typeof endedrun === 'string' ? endedrun : undefined,
    unheardRunIds: typeof unheardruns === 'string' ? unheardruns.split(' ') : undefined,
    automaticReplays: countOf(automaticreplays) || undefined,
    replayOf: typeof replayof === 'string' && ENTRY_NUMBER.test(replayof) ? replayof : undefined,
  };
}

/** As the list of the errors queue writes it. It becomes part of ids, and those are short. */
const ENTRY_NUMBER = /^d?[0-9]{1,19}$/;

/** An event as handlers see it. */
function withoutMarks(attributes: Attributes): Attributes {
  // Few messages have any, and leaving something out is slow.
  if (!UNSEEN.some((name) => name in attributes)) return attributes;
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !UNSEEN.includes(name)));
}

/** The attributes that carry the marks of a redelivery. */
export const REDELIVERY_MARKS: readonly string[] = [
  ...['redelivery', 'unrecordedattempts', 'awaitedrun', 'endedrun', 'unheardruns', 'automaticreplays', 'replayof'],
];
/** What handlers do not see: the data are in one form alone. */
const UNSEEN: readonly string[] = [...REDELIVERY_MARKS, 'data_base64'];

/** An attribute that this build reads itself. */
function isKnown(name: string): boolean {
  return Object.hasOwn(envelope.shape, name) || UNSEEN.includes(name);
}

/** Anything but a positive integer below the bound counts as absent: the extension may come from another product. */
function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value < 1e9 ? value : 0;
}

/** By the JSON format, an attribute that is null is absent; data may be null. */
function withoutNulls(attributes: Attributes): Attributes {
  if (!Object.values(attributes).includes(null)) return attributes;
  const entries = Object.entries(attributes).filter(([name, value]) => value !== null || name === 'data');
  return Object.fromEntries(entries);
}

/** Whether objects and lists are nested deeper than so many levels. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const child of Object.values(value)) {
    if (isDeeperThan(levels - 1, child)) return true;
  }
  return false;
}

function identityOf({ id, type }: Attributes): { id: string | undefined; type: string | undefined } {
  return { id: typeof id === 'string' ? id : undefined, type: typeof type === 'string' ? type : undefined };
}

function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, value: unknown, expected: string, identity = {}): InvalidEventError {
  return new InvalidEventError(identity, [{ path, value, expected }]);
}
