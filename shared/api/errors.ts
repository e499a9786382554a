/** Answers of `/api/errors`. */
import * as z from 'zod/mini';
import { described } from '../events/described.ts';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const errorEntry = described(
  z.object({
    sequenceNumber: described(z.string(), 'Names the entry: digits, with a `d` before them where it expired'),
    deadLetteredAt: time,
    reason: z.string(),
    description: z.string(),
    type: z.optional(z.string()),
    eventId: z.optional(z.string()),
    eventSource: z.optional(z.string()),
    subject: z.optional(z.string()),
    subscription: described(z.optional(z.string()), 'The handler that it failed in'),
    attempts: z.optional(number),
    correlationId: z.optional(z.string()),
    messageId: z.string(),
    automaticReplays: described(z.optional(number), 'How often it was replayed by itself'),
    returnsAt: described(z.optional(time), 'When it is replayed by itself; without it, it waits for a person'),
  }),
  { id: 'DeadLetter', description: 'An entry of the errors queue' },
);

/** An entry of the errors queue. */
export type ErrorEntry = z.infer<typeof errorEntry>;

const wholeEntry = described(
  z.object({
    ...errorEntry.shape,
    body: described(z.unknown(), 'What was sent: JSON, or text'),
    bodyNote: described(z.optional(z.string()), 'Why the body is a data URL'),
  }),
  { id: 'WholeDeadLetter', description: 'An entry of the errors queue, with what was sent' },
);

export const errorsSchemas: RouteSchemas = {
  query: { since: time, before: time, ...PAGE_QUERY },
  answers: { 200: pageOf('errors', errorEntry) },
};
export const errorSchemas: RouteSchemas = { answers: { 200: wholeEntry } };
export const replaySchemas: RouteSchemas = {
  answers: { 202: z.object({ eventId: z.string(), type: z.string(), subscription: z.string() }) },
};
