/**
 * Replays or discards entries of the errors queue that are of one kind, one after the other, each audited for itself. So
 * many for one request, and for so long: whoever asks again goes on with the rest.
 */
import { TransientError } from '../errors.ts';
import { ProblemError } from '../http/problem.ts';
import type { DeadLetterEntry } from '../ports/bus.ts';
import { cursorAfter, MAX_AT_ONCE } from '../ports/dead-letter-list.ts';
import type { Ports } from '../ports/handler.ts';
import { type Asked, demand } from './asked.ts';
import { discardEntry, replayEntry } from './errors.ts';

/** One request goes on for so long. */
const MAX_MS = 20_000;
/** How many entries are read at a time, and looked through at most. */
const READ_COUNT = 250;
const MAX_READ = 2_500;

export interface GroupOutcome {
  readonly done: number;
  /** The numbers of those that cannot be replayed, and stay: the audit log says why. */
  readonly refused: readonly string[];
  /** Whether more of the kind may be there. */
  readonly isMore: boolean;
}

/**
 * @param fits which entries
 * @param why for the audit log
 * @throws ProblemError 403 without the right @throws TransientError when nothing could be done at all
 */
export async function actOnGroup(
  act: 'replay' | 'discard',
  fits: (entry: DeadLetterEntry) => boolean,
  { asked, why }: { readonly asked: Asked; readonly why: string },
  ports: Ports,
): Promise<GroupOutcome> {
  demand(asked, act, {}, act);
  const actOn = act === 'replay' ? replayEntry : discardEntry;
  const until = ports.clock.now() + MAX_MS;
  // First all of them: what fails again comes back with another number.
  const { numbers, isMore } = await numbersOf(fits, ports);
  const refused: string[] = [];
  let done = 0;
  for (const number of numbers) {
    if (done === MAX_AT_ONCE || ports.clock.now() > until) return { done, refused, isMore: true };
    try {
      await actOn(number, asked, ports, why);
      done++;
    } catch (error) {
      if (error instanceof TransientError && done > 0) return { done, refused, isMore: true };
      if (!(error instanceof ProblemError)) throw error;
      // What is not there was taken by somebody else.
      if (error.status !== 404) refused.push(number);
    }
  }
  return { done, refused, isMore };
}

/** The oldest first. */
async function numbersOf(
  fits: (entry: DeadLetterEntry) => boolean,
  { deadLetterQueue }: Ports,
): Promise<{ readonly numbers: readonly string[]; readonly isMore: boolean }> {
  const numbers: string[] = [];
  let next = '0';
  for (let read = 0; read < MAX_READ; ) {
    const page = await deadLetterQueue.deadLetters(next, READ_COUNT);
    if (page.length === 0) return { numbers, isMore: false };
    read += page.length;
    for (const entry of page) {
      next = cursorAfter(next, entry);
      if (fits(entry)) numbers.push(entry.sequenceNumber);
    }
  }
  return { numbers, isMore: true };
}
