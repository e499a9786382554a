/**
 * The schemas of a route's requests and answers, for the description of the API: `onHttp` names the module that has them.
 * The app itself never loads them; its answers are held against them by the tests.
 */
import * as z from 'zod';

export interface RouteSchemas {
  /** Of the parameters of the query that are not any text. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** Of the body, once it is JSON. */
  readonly body?: z.ZodType;
  /** By status, of the answers that are JSON; that of a problem needs none. */
  readonly answers?: Readonly<Record<number, z.ZodType>>;
}

/** RFC 3339, in UTC. */
export const time = z.iso.datetime({ offset: true }).meta({ examples: ['2026-03-01T12:00:00.000Z'] });

/** A number of things. */
export const number = z.int().min(0);

/** One page of a list, and where the next one begins. */
export function pageOf<Name extends string, Item extends z.ZodType>(name: Name, item: Item) {
  const next = z.string().optional().describe('The `cursor` of the next page; absent on the last');
  // The computed name widens the type to any name.
  return z.object({ [name]: z.array(item), next } as Record<Name, z.ZodArray<Item>> & { next: typeof next });
}

/** The query of a list that is returned in pages. */
export const PAGE_QUERY = { limit: z.int().min(1).max(1_000).default(100) } as const;

/** What is wrong, as RFC 9457 has it. */
export const problemDocument = z.object({
  title: z.string().describe('What is wrong'),
  status: z.int().min(400).max(599),
  issues: z
    .array(
      z.object({
        index: number.optional().describe('Which event of the request'),
        path: z.string().describe('The field; empty for the whole'),
        value: z.unknown().optional().describe('What was there; shortened'),
        expected: z.string(),
      }),
    )
    .optional()
    .describe('What is wrong where, when it is several things'),
  ids: z.array(z.string()).optional().describe('Send the events again with these ids: none arrives twice'),
  correlationIds: z.array(z.string()).optional(),
  requests: z
    .array(z.object({ source: z.string(), id: z.string(), target: z.string() }))
    .optional()
    .describe('The requests that have the id'),
  subscription: z.string().optional().describe('The handler whose subscription is missing'),
});
