/**
 * What an event is known by: its source and its id together (CloudEvents 1.0), since two sources may use one id.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#id
 */
import { createHmac, hash } from 'node:crypto';

/** Of an event's id and source, in characters. */
export const MAX_ID = 256;
export const MAX_SOURCE = 1024;

/** The attributes that no two events share. */
export interface EventIdentity {
  readonly source: string;
  readonly id: string;
}

/**
 * The identity as a text of fixed length: 36 characters, a UUID of version 8 (RFC 9562, section 5.8) that is drawn from
 * SHA-256. Message ids, the keys of records, and the correlation id of a new chain are made of it.
 */
export function eventKey({ source, id }: EventIdentity): string {
  if (source !== last.source || id !== last.id) {
    // With their lengths, so that no character of the one can be taken for the other's.
    last = { source, id, key: uuidOf(hash('sha256', `${source.length}:${source}${id.length}:${id}`), '8') };
  }
  return last.key;
}

/** Whoever handles an event asks for its key again and again: the delivery, the handler, and each child. */
let last: EventIdentity & { readonly key: string } = { source: '', id: '', key: '' };

/** The identity as people read it, and as `causationid` says it. A source holds no space. */
export function eventReference({ source, id }: EventIdentity): string {
  return `${source} ${id}`;
}

/** The identity that a reference names; undefined for a text that is none. */
export function parseReference(reference: string): EventIdentity | undefined {
  const space = reference.indexOf(' ');
  if (space <= 0 || space === reference.length - 1) return undefined;
  return { source: reference.slice(0, space), id: reference.slice(space + 1) };
}

/** What `source` says of an event that a handler publishes. */
export function sourceOfHandler(handler: string): string {
  return `${HANDLERS}${handler}`;
}

const HANDLERS = '/handlers/';

/** How an event follows from another. */
export interface Derivation {
  /** `eventKey` of the event that was handled. */
  readonly parent: string;
  readonly type: string;
  /** The subscription of the handler that publishes it. */
  readonly handler: string;
  /** Tells several events of one type and one run apart. */
  readonly key?: string | undefined;
}

/** Namespace of the derived ids, 5d0f6c39-6f83-5a53-9b3e-0a5c1a1f6d0e: a child of a parent has the same id every time. */
const CHILD_IDS = Buffer.from('5d0f6c396f835a539b3e0a5c1a1f6d0e', 'hex');

/**
 * The id of an event that follows from another, a UUID of version 5: publishing it twice is publishing it once.
 */
export function derivedId({ parent, type, handler, key }: Derivation): string {
  // As JSON, since a key may hold any character that could be chosen to separate them.
  const name = JSON.stringify(key === undefined ? [parent, type, handler] : [parent, type, handler, key]);
  // uuid's own takes five times as long, which is a tenth of what delivering an event takes.
  return uuidOf(hash('sha1', Buffer.concat([CHILD_IDS, Buffer.from(name)])), '5');
}

/**
 * An id that nobody can make without the key, of what an event says: where others may send events of its type. A UUID of
 * version 8.
 */
export function keyedId(key: string, said: readonly (string | number)[]): string {
  return uuidOf(createHmac('sha256', key).update(JSON.stringify(said)).digest('hex'), '8');
}

/** Whether an event is the very one that follows so. */
export function isDerived({ source, id }: EventIdentity, derivation: Derivation): boolean {
  return source === sourceOfHandler(derivation.handler) && id === derivedId(derivation);
}

function uuidOf(hex: string, version: '5' | '8'): string {
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) & 3);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
