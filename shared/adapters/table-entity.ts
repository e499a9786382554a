/**
 * How keys and values fit into Table Storage entities: any text as a key, and JSON of any size that an entity takes.
 *
 * @see https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
 */
import { PermanentError } from '../errors.ts';
import { jsonOfValue } from './stored-value.ts';

/** 1 KiB, counted in UTF-16. */
const MAX_KEY = 512;

/**
 * A text as a key: without the characters that keys must not hold (`/ \ # ?`, control characters) or that proxies
 * and SDKs stumble over (`%`, spaces), reversible, and in the same order. Keeping the order is why a forbidden
 * character takes its allowed neighbour along: `.` and `/` become `.0` and `.1`.
 *
 * @throws PermanentError when it is too long
 */
export function encodeKey(text: string): string {
  const key = encode(text);
  if (key.length > MAX_KEY) throw new PermanentError(`key is too long for Table Storage: ${text}`);
  return key;
}

/** A text as a bound of keys. It may be longer than any key; then what is beyond that length decides nothing. */
export function encodeBound(text: string): string {
  return encode(text).slice(0, MAX_KEY);
}

function encode(text: string): string {
  // A key may not be missing, and `!` is before everything else.
  return text === '' ? '!' : text.replace(SPECIAL, encodeCharacter);
}

export function decodeKey(key: string): string {
  if (key === '!') return '';
  return key.replace(ENCODED, (sequence) => {
    const pair = PAIRS.indexOf(sequence.charAt(0));
    if (pair >= 0) return PAIRS.charAt(sequence.endsWith('0') ? pair : pair + 1);
    return String.fromCharCode(Number.parseInt(sequence.replace(/^[!~]u?/, ''), 16));
  });
}

/** Each allowed character here is followed by its forbidden neighbour. */
const PAIRS = '"#$%./>?[\\';

/** What keys must not hold, lone halves of surrogate pairs (which no UTF-8 has) among it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys must not hold them, so they are looked for
const SPECIAL = /[\x00-!"#$%./>?[\\~-\x9f]|\p{Surrogate}/gu;
const ENCODED = /["$.>[][01]|![0-9a-f]{2}|~u[0-9a-f]{4}|~[0-9a-f]{2}/g;

function encodeCharacter(character: string): string {
  const pair = PAIRS.indexOf(character);
  if (pair >= 0) return pair % 2 === 0 ? `${character}0` : `${PAIRS.charAt(pair - 1)}1`;
  const code = character.charCodeAt(0);
  if (code <= 0x21) return `!${code.toString(16).padStart(2, '0')}`;
  return code <= 0x9f ? `~${code.toString(16)}` : `~u${code.toString(16)}`;
}

// ---------------------------------------------------------------- values

/** The properties of an entity that hold a value, and copies of its fields to filter by. */
type TableProperties = Record<string, string | Uint8Array>;

/** 32 Ki characters are 64 KiB, the most that a property takes; larger values are kept as UTF-8 in several. */
const MAX_TEXT = 32 * 1024;
const MAX_CHUNK = 64 * 1024;

/** An entity takes 252 properties, and a filter is part of an address. */
const MAX_FIELDS = 100;
const MAX_FIELD = 256;
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** @throws PermanentError when the value is too large, or is none that JSON can hold */
export function encodeValue(value: unknown): TableProperties {
  const json = jsonOfValue(value);
  const properties: TableProperties = {};
  if (json.length <= MAX_TEXT) {
    properties['json'] = json;
  } else {
    const bytes = Buffer.from(json);
    for (let at = 0, n = 0; at < bytes.length; at += MAX_CHUNK, n++) {
      properties[`json${n}`] = bytes.subarray(at, at + MAX_CHUNK);
    }
  }
  if (typeof value !== 'object' || value === null) return properties;
  let fields = 0;
  for (const [name, field] of Object.entries(value)) {
    const text = filterText(name, field);
    if (text === undefined || fields++ >= MAX_FIELDS) continue;
    properties[`is_${name}`] = text;
  }
  return properties;
}

export function decodeValue(properties: Readonly<Record<string, unknown>>): unknown {
  const { json } = properties;
  if (typeof json === 'string') return JSON.parse(json);
  const chunks: Uint8Array[] = [];
  for (let n = 0; ; n++) {
    const chunk = properties[`json${n}`];
    if (!(chunk instanceof Uint8Array)) break;
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

/**
 * A field's text in a filter; undefined when the entity may not have it. One type for all kinds of scalars, since Table
 * Storage does not compare one number type with another.
 */
export function filterText(name: string, field: unknown): string | undefined {
  if (!FIELD_NAME.test(name)) return undefined;
  if (typeof field === 'string') return field.length <= MAX_FIELD ? `s${field}` : undefined;
  if (typeof field === 'number' || typeof field === 'boolean') return JSON.stringify(field);
  return undefined;
}
