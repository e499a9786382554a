/**
 * What no handler has judged comes back by itself. While the Functions host has no worker, every delivery fails without a
 * handler, and the broker gives up (`MaxDeliveryCountExceeded`) on events that nothing is wrong with. A timer replays those
 * after 1, 5, 30 and 120 minutes, counted on the message; then they stay for a person.
 *
 * Never what a handler refused, nor what cannot be read: neither gets better by waiting. An event that its handler has
 * finished meanwhile is discarded: the record is the proof that nothing is lost, and a person could do nothing else.
 */
import { describeError } from '../describe-error.ts';
import { MINUTE_MS, SECOND_MS } from '../duration.ts';
import { parseEvent } from '../events/parse.ts';
import type { DeadLetterEntry } from '../ports/bus.ts';
import { cursorAfter } from '../ports/dead-letter-list.ts';
import type { Ports } from '../ports/handler.ts';
import { routeTo } from '../topology.ts';
import { FinishedError, NotReplayableError, replay } from './replay.ts';

/** How long an entry lies in the errors queue before each replay. */
const DELAYS_MS: readonly number[] = [1, 5, 30, 120].map((minutes) => minutes * MINUTE_MS);

/** An entry that should be gone for so long does not come back: its replay fails, or the timer does not run. */
const OVERDUE_MS = 15 * MINUTE_MS;

/** What the broker gave up, though it is a readable event on the topic of its type. */
export interface Unjudged {
  /** How often it was replayed by itself in a row. */
  readonly automaticReplays: number;
  /** When it will be, in milliseconds since the Unix epoch; undefined when it was often enough. */
  readonly returnsAt: number | undefined;
}

/** Undefined for an entry of any other kind. Decided by the entry alone, so it costs no look at the store. */
export function unjudgedIn(entry: DeadLetterEntry): Unjudged | undefined {
  const { reason, subscription, body, gzipped, isCut, applicationProperties, deadLetteredAt } = entry;
  if (reason !== 'MaxDeliveryCountExceeded' || subscription === undefined || gzipped || isCut) return undefined;
  try {
    const { event, automaticReplays = 0 } = parseEvent({ body, applicationProperties, receivedAt: deadLetteredAt });
    if (routeTo(subscription)?.type !== event.type) return undefined;
    const delayMs = DELAYS_MS[automaticReplays];
    return { automaticReplays, returnsAt: delayMs === undefined ? undefined : deadLetteredAt + delayMs };
  } catch {
    return undefined;
  }
}

/** Whether nothing happens to an entry unless a person sees to it. */
export function waitsForPerson({ returnsAt }: Partial<Unjudged>, now: number): boolean {
  return returnsAt === undefined || now > returnsAt + OVERDUE_MS;
}

const PAGE = 100;
/** How many entries are looked at in a pass. */
const MAX_READ = 5_000;
/** How many are replayed at once: each takes some calls, one after the other. */
const CONCURRENT = 8;
/** A pass ends well within the time of a function; the next one goes on. Half of it may be spent on reading. */
const PASS_MS = 60 * SECOND_MS;

/** What a pass did. */
export interface ReplayPass {
  readonly replayed: number;
  readonly discarded: number;
}

/** One pass over the errors queue. Safe to stop anywhere, to run again, and to run at the same time as others. */
export async function replayUnjudged(ports: Ports): Promise<ReplayPass> {
  const { clock, log } = ports;
  const end = clock.now() + PASS_MS;
  const pass = { replayed: 0, discarded: 0 };
  const due = await dueEntries(ports, clock.now(), end - PASS_MS / 2);
  const work = async (): Promise<void> => {
    for (let next = due.shift(); next && clock.now() < end; next = due.shift()) {
      const { sequenceNumber } = next;
      try {
        const outcome = await replayOrDiscard(next, ports);
        if (outcome) pass[outcome]++;
      } catch (error) {
        // The next pass tries again; one that never succeeds is overdue soon, and then waits for a person.
        const why = { sequenceNumber, error: describeError(error) };
        if (!(error instanceof NotReplayableError)) log.warn('replay failed', why);
        else if (!waitsForPerson(next, clock.now())) log.info('not replayed', why);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
  return pass;
}

/** @returns undefined when the entry no longer exists */
async function replayOrDiscard(
  { sequenceNumber, automaticReplays }: DueEntry,
  ports: Ports,
): Promise<keyof ReplayPass | undefined> {
  const { deadLetterQueue, log } = ports;
  try {
    return (await replay(sequenceNumber, ports, automaticReplays + 1)) && 'replayed';
  } catch (error) {
    if (!(error instanceof FinishedError)) throw error;
  }
  if (!(await deadLetterQueue.takeDeadLetter(sequenceNumber))) return undefined;
  log.info('dead letter of a completed event discarded', { sequenceNumber });
  return 'discarded';
}

interface DueEntry extends Unjudged {
  readonly sequenceNumber: string;
}

async function dueEntries(
  { deadLetterQueue, clock }: Pick<Ports, 'deadLetterQueue' | 'clock'>,
  now: number,
  readUntil: number,
): Promise<DueEntry[]> {
  const due: DueEntry[] = [];
  let cursor = '0';
  for (let read = 0; read < MAX_READ && clock.now() < readUntil; ) {
    const page = await deadLetterQueue.deadLetters(cursor, PAGE);
    if (page.length === 0) break;
    read += page.length;
    for (const entry of page) {
      cursor = cursorAfter(cursor, entry);
      const unjudged = unjudgedIn(entry);
      if (unjudged?.returnsAt === undefined || unjudged.returnsAt > now) continue;
      due.push({ ...unjudged, sequenceNumber: entry.sequenceNumber });
    }
  }
  return due;
}
