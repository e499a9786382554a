/**
 * Values as .NET writes them: the host's parts parse and write JSON with Json.NET, which takes text that looks like a
 * date for a date.
 *
 * @see https://www.newtonsoft.com/json/help/html/DatesInJSON.htm
 */

const DATE_TEXT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|([+-])(\d\d)(?::?(\d\d))?)?$/;
/** A deeper body is none that Json.NET parses. */
const MAX_DEPTH = 64;

interface NetDate {
  /** `yyyy-MM-ddTHH:mm:ss`, of the zone that .NET keeps the date in. */
  readonly clock: string;
  readonly fraction: string;
  readonly zone: 'Z' | '+00:00' | '';
}

/** A date in a text. One with an offset becomes local time, which in Azure is UTC. */
function netDateIn(text: string): NetDate | undefined {
  const [, year, month, day, hour, minute, second, digits = '', zone = '', sign, hours, minutes = '0'] =
    DATE_TEXT.exec(text) ?? [];
  if (year === undefined) return undefined;
  const given = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const date = new Date(`${given}Z`);
  // The 30th of February is text.
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 19) !== given) return undefined;
  const fraction = digits.slice(0, 7).replace(/0+$/, '');
  if (zone === '' || zone === 'Z') return { clock: given, fraction, zone };
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return { clock: new Date(date.getTime() - offsetMs).toISOString().slice(0, 19), fraction, zone: '+00:00' };
}

function isoText({ clock, fraction, zone }: NetDate): string {
  return `${clock}${fraction && `.${fraction}`}${zone}`;
}

/** A time in Json.NET's form, which ends with its last digit that is not 0. */
export function netTime(date: Date, zone: NetDate['zone']): string {
  const [clock = '', fraction = ''] = date.toISOString().slice(0, -1).split('.');
  return isoText({ clock, fraction: fraction.replace(/0+$/, ''), zone });
}

/** Parsed JSON after Json.NET has parsed and written it: dates are written anew. */
export function netJson(value: unknown): unknown {
  if (typeof value === 'string') {
    const date = netDateIn(value);
    return date ? isoText(date) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(netJson);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, netJson(field)]));
}

/**
 * JSON as Json.NET parses it.
 *
 * @throws SyntaxError for text that is no JSON, and for JSON of more than 64 levels
 */
export function parseNetJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isDeeper(MAX_DEPTH, value)) throw new SyntaxError(`JSON of more than ${MAX_DEPTH} levels`);
  return value;
}

function isDeeper(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(levels - 1, child));
}

/** A scalar of parsed JSON as .NET makes text of it: `True`, `01/31/2026 08:00:00`. */
export function netText(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  const date = typeof value === 'string' ? netDateIn(value) : undefined;
  if (!date) return String(value);
  const [day = '', time = ''] = date.clock.split('T');
  const [year, month, dayOfMonth] = day.split('-');
  return `${month}/${dayOfMonth}/${year} ${time}`;
}

/** A value of an application property in JSON: a date is text, bytes are Base64. */
export function netProperty(value: unknown): unknown {
  if (value instanceof Date) return netTime(value, 'Z');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
