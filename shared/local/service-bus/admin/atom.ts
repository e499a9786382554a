/**
 * The answers of the administration as Atom: an entry for one entity, a feed for several, and errors.
 *
 * @see https://learn.microsoft.com/rest/api/servicebus/entities
 */
import { element, type Xml } from './xml.ts';

const ATOM = 'http://www.w3.org/2005/Atom';
const SERVICE_BUS = 'http://schemas.microsoft.com/netservices/2010/10/servicebus/connect';
const SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance';
/** The namespace of the counts. Clients look for its usual prefix. */
const COUNTS = 'http://schemas.microsoft.com/netservices/2011/06/servicebus';

/** An entity in an answer. */
export interface Entry {
  /** Its name, without that of its parent. */
  readonly title: string;
  /** The path from the root, such as `/topic/Subscriptions/name`; clients read the names of parents from it. */
  readonly path: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** Such as `QueueDescription`, with its fields in the order of the service's data contract. */
  readonly description: { readonly name: string; readonly fields: readonly Xml[] };
}

/** The address of a request: `http://localhost:5300`, and its query. */
export interface Address {
  readonly origin: string;
  readonly query: string;
}

export function renderEntry(entry: Entry, address: Address): string {
  return document(entryOf(entry, address, { xmlns: ATOM }));
}

/** @param next the address of the next page, when there is one */
export function renderFeed(
  title: string,
  path: string,
  entries: readonly Entry[],
  address: Address,
  next: string | undefined,
): string {
  const self = `${address.origin}${path}${address.query}`;
  return document(
    element(
      'feed',
      [
        element('title', title, { type: 'text' }),
        element('id', self),
        element('updated', new Date(Math.max(0, ...entries.map(({ updatedMs }) => updatedMs))).toISOString()),
        element('link', '', { rel: 'self', href: self }),
        ...(next === undefined ? [] : [element('link', '', { rel: 'next', href: next })]),
        ...entries.map((entry) => entryOf(entry, address, {})),
      ],
      { xmlns: ATOM },
    ),
  );
}

/** An error. Clients show the detail, and search it for a `SubCode`. */
export function renderError(code: number, detail: string): string {
  return document(element('Error', [element('Code', String(code)), element('Detail', detail)]));
}

/** Numbers of messages. */
interface MessageCounts {
  readonly active: number;
  readonly deadLetter: number;
  readonly scheduled: number;
  readonly transfer: number;
  readonly transferDeadLetter: number;
}

export function countDetails(counts: MessageCounts): Xml {
  const count = (name: string, value: number): Xml => element(`d2p1:${name}MessageCount`, String(value));
  return element(
    'CountDetails',
    [
      count('Active', counts.active),
      count('DeadLetter', counts.deadLetter),
      count('Scheduled', counts.scheduled),
      count('Transfer', counts.transfer),
      count('TransferDeadLetter', counts.transferDeadLetter),
    ],
    { 'xmlns:d2p1': COUNTS },
  );
}

function entryOf(
  { title, path, createdMs, updatedMs, description }: Entry,
  { origin, query }: Address,
  attributes: Readonly<Record<string, string>>,
): Xml {
  const self = `${origin}${path}${query}`;
  return element(
    'entry',
    [
      element('id', self),
      element('title', title, { type: 'text' }),
      element('published', new Date(createdMs).toISOString()),
      element('updated', new Date(updatedMs).toISOString()),
      element('author', element('name', new URL(origin).hostname)),
      element('link', '', { rel: 'self', href: self }),
      element(
        'content',
        element(description.name, description.fields, { xmlns: SERVICE_BUS, 'xmlns:i': SCHEMA_INSTANCE }),
        { type: 'application/xml' },
      ),
    ],
    attributes,
  );
}

function document(root: Xml): string {
  return `<?xml version="1.0" encoding="utf-8"?>${root.text}`;
}
