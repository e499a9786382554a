/**
 * The schemas of a route's requests and answers, for the description of the API: `onHttp` names the module that has them.
 * The app itself never loads them; its answers are held against them by the tests.
 */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';

export interface RouteSchemas {
  /** Of the parameters of the query that are not any text. */
  readonly query?: Readonly<Record<string, z.core.$ZodType>>;
  /** Of the body, once it is JSON. */
  readonly body?: z.core.$ZodType;
  /** By status, of the answers that are JSON; that of a problem needs none. */
  readonly answers?: Readonly<Record<number, z.core.$ZodType>>;
}

/** RFC 3339, in UTC. */
export const time = described(z.iso.datetime({ offset: true }), { examples: ['2026-03-01T12:00:00.000Z'] });

/** A number of things. */
export const number = z.int().check(z.gte(0));

/** One page of a list, and where the next one begins. */
export function pageOf<Name extends string, Item extends z.core.$ZodType>(name: Name, item: Item) {
  const next = described(z.optional(z.string()), 'The `cursor` of the next page; absent on the last');
  // The computed name widens the type to any name.
  return z.object({ [name]: z.array(item), next } as Record<Name, z.ZodMiniArray<Item>> & { next: typeof next });
}

/** The query of a list that is returned in pages. */
export const PAGE_QUERY = { limit: z._default(z.int().check(z.gte(1), z.lte(1_000)), 100) } as const;

/** What is wrong, as RFC 9457 has it. */
export const problemDocument = z.object({
  title: described(z.string(), 'What is wrong'),
  status: z.int().check(z.gte(400), z.lte(599)),
  issues: described(
    z.optional(
      z.array(
        z.object({
          index: described(z.optional(number), 'Which event of the request'),
          path: described(z.string(), 'The field; empty for the whole'),
          value: described(z.optional(z.unknown()), 'What was there; shortened'),
          expected: z.string(),
        }),
      ),
    ),
    'What is wrong where, when it is several things',
  ),
  ids: described(z.optional(z.array(z.string())), 'Send the events again with these ids: none arrives twice'),
  correlationIds: z.optional(z.array(z.string())),
  requests: described(
    z.optional(z.array(z.object({ source: z.string(), id: z.string(), target: z.string() }))),
    'The requests that have the id',
  ),
  subscription: described(z.optional(z.string()), 'The handler whose subscription is missing'),
});
