/** Requests and answers of `/api/events`. */
import * as z from 'zod';
import { catalog } from '../events/catalog.ts';
import { envelope } from '../events/cloud-event.ts';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const historyEntry = z
  .object({
    id: z.string(),
    type: z.string(),
    source: z.string(),
    subject: z.string(),
    time: z.string().describe('When it happened, as its publisher wrote it'),
    summary: z.string().optional().describe('In one line: the image, the reason'),
    correlationId: z.string().describe('Names the chain'),
    causationId: z
      .string()
      .optional()
      .describe('The event that caused it: its source, a space, its id; absent on the first of a chain'),
    handler: z.string(),
    status: z.enum(['in-progress', 'waiting', 'completed', 'dead-lettered']),
    attempts: number.describe('Failed attempts'),
    runs: number,
    redeliveries: number,
    caused: number.describe('How many events of this chain it has caused: each is listed once it is delivered'),
    startedAt: time,
    updatedAt: time,
    endedAt: time.optional(),
    dueAt: time.optional().describe('When a waiting one is tried again'),
    reason: z.string().optional().describe('Of the last failed attempt, for programs'),
    error: z.string().optional().describe('The same, for people'),
  })
  .meta({ id: 'HandledEvent', description: 'An event, and what became of it at its handler' });

/** One event at one handler. */
export type HistoryEntry = z.infer<typeof historyEntry>;

export const historySchemas: RouteSchemas = {
  query: { type: z.enum([...catalog.keys()]), since: time, ...PAGE_QUERY },
  answers: { 200: pageOf('events', historyEntry) },
};

/** What a publisher gives: the app fills in the rest. */
const published = z.union(
  [...catalog].flatMap(([type, { definition }]) => {
    if (definition.sender === 'app') return [];
    const { specversion, id, ...rest } = envelope.shape;
    const event = z.looseObject({
      ...rest,
      specversion: specversion.optional(),
      id: id.optional().describe('Unique for this source; sending an event again keeps it. Made when absent'),
      type: z.literal(type),
      data: definition.schema,
    });
    return [event.meta({ id: type, description: definition.schema.description ?? type })];
  }),
);

export const publishSchemas: RouteSchemas = {
  body: z.union([published, z.array(published).min(1).max(500)]),
  answers: {
    202: z.object({
      ids: z.array(z.string()).describe('Of the events, in the order of the request'),
      correlationIds: z.array(z.string()).describe('Of their chains'),
    }),
  },
};
