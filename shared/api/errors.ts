/** Answers of `/api/errors`. */
import * as z from 'zod';
import { number, PAGE_QUERY, pageOf, type RouteSchemas, time } from './route-schemas.ts';

const errorEntry = z
  .object({
    sequenceNumber: z.string().describe('Names the entry: digits, with a `d` before them where it expired'),
    deadLetteredAt: time,
    reason: z.string(),
    description: z.string(),
    type: z.string().optional(),
    eventId: z.string().optional(),
    eventSource: z.string().optional(),
    subject: z.string().optional(),
    subscription: z.string().optional().describe('The handler that it failed in'),
    attempts: number.optional(),
    correlationId: z.string().optional(),
    messageId: z.string(),
    automaticReplays: number.optional().describe('How often it was replayed by itself'),
    returnsAt: time.optional().describe('When it is replayed by itself; without it, it waits for a person'),
  })
  .meta({ id: 'DeadLetter', description: 'An entry of the errors queue' });

/** An entry of the errors queue. */
export type ErrorEntry = z.infer<typeof errorEntry>;

const wholeEntry = errorEntry
  .extend({
    body: z.unknown().describe('What was sent: JSON, or text'),
    bodyNote: z.string().optional().describe('Why the body is a data URL'),
  })
  .meta({ id: 'WholeDeadLetter', description: 'An entry of the errors queue, with what was sent' });

export const errorsSchemas: RouteSchemas = {
  query: { since: time, before: time, ...PAGE_QUERY },
  answers: { 200: pageOf('errors', errorEntry) },
};
export const errorSchemas: RouteSchemas = { answers: { 200: wholeEntry } };
export const replaySchemas: RouteSchemas = {
  answers: { 202: z.object({ eventId: z.string(), type: z.string(), subscription: z.string() }) },
};
