/** Requests and answers of `/api/events`. */
import * as z from 'zod/mini';
import { catalog } from '../events/catalog.ts';
import { envelope } from '../events/cloud-event.ts';
import { described } from '../events/described.ts';
import { descriptionOf } from '../events/schemas.ts';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const historyEntry = described(
  z.object({
    id: z.string(),
    type: z.string(),
    source: z.string(),
    subject: z.string(),
    time: described(z.string(), 'When it happened, as its publisher wrote it'),
    summary: described(z.optional(z.string()), 'In one line: the image, the reason'),
    correlationId: described(z.string(), 'Names the chain'),
    causationId: described(
      z.optional(z.string()),
      'The event that caused it: its source, a space, its id; absent on the first of a chain',
    ),
    handler: z.string(),
    status: z.enum(['in-progress', 'waiting', 'completed', 'dead-lettered']),
    attempts: described(z.clone(number), 'Failed attempts'),
    runs: number,
    redeliveries: number,
    caused: described(
      z.clone(number),
      'How many events of this chain it has caused: each is listed once it is delivered',
    ),
    startedAt: time,
    updatedAt: time,
    endedAt: z.optional(time),
    dueAt: described(z.optional(time), 'When a waiting one is tried again'),
    reason: described(z.optional(z.string()), 'Of the last failed attempt, for programs'),
    error: described(z.optional(z.string()), 'The same, for people'),
  }),
  { id: 'HandledEvent', description: 'An event, and what became of it at its handler' },
);

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
      specversion: z.optional(specversion),
      id: described(z.optional(id), 'Unique for this source; sending an event again keeps it. Made when absent'),
      type: z.literal(type),
      data: definition.schema,
    });
    return [described(z.clone(event), { id: type, description: descriptionOf(definition.schema) ?? type })];
  }),
);

export const publishSchemas: RouteSchemas = {
  body: z.union([published, z.array(published).check(z.minLength(1), z.maxLength(500))]),
  answers: {
    202: z.object({
      ids: described(z.array(z.string()), 'Of the events, in the order of the request'),
      correlationIds: described(z.array(z.string()), 'Of their chains'),
    }),
  },
};
