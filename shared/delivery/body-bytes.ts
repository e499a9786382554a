/** Bodies as bytes and as values, whatever was sent. */
import { exactJson } from '../events/exact-numbers.ts';
import { isDeeperThan } from '../events/parse.ts';

/** Of a dead-lettered body that had to make room for the reason. */
export const GZIP_CONTENT_TYPE = 'application/gzip';

/** What a body in text stands for: JSON when it is and can be written again, else the text. */
export function jsonOrText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isDeeperThan(DEEPEST, value) ? text : value;
  } catch {
    return text;
  }
}

/** `JSON.stringify` has no stack for some thousands of levels. */
const DEEPEST = 500;

/**
 * The body of a received message in one piece. A sender may cut a body into several AMQP data sections, which the SDK hands
 * over as a list; they are one body (AMQP 1.0, 3.2.6), and the Functions host in Azure joins them too.
 */
export function wholeBody(body: unknown): unknown {
  const isCut = Array.isArray(body) && body.length > 0 && body.every((section) => section instanceof Uint8Array);
  return isCut ? Buffer.concat(body) : body;
}

/** The body of a message that could not be read, as it is sent on. */
export function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (typeof body === 'string') return Buffer.from(body);
  try {
    return Buffer.from(exactJson(body) ?? '');
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return Buffer.from(deepJson(body));
  }
}

/** What was parsed from JSON, as JSON, however deep: `JSON.parse` takes what `JSON.stringify` has no stack for. */
function deepJson(body: unknown): string {
  const written: string[] = [];
  const open: ({ readonly text: string } | { readonly value: unknown })[] = [{ value: body }];
  for (let next = open.pop(); next; next = open.pop()) {
    if ('text' in next) {
      written.push(next.text);
    } else if (typeof next.value !== 'object' || next.value === null) {
      written.push(JSON.stringify(next.value));
    } else {
      const isArray = Array.isArray(next.value);
      written.push(isArray ? '[' : '{');
      open.push({ text: isArray ? ']' : '}' });
      for (const [index, [key, value]] of [...Object.entries(next.value).entries()].reverse()) {
        open.push({ value }, { text: `${index > 0 ? ',' : ''}${isArray ? '' : `${JSON.stringify(key)}:`}` });
      }
    }
  }
  return written.join('');
}
