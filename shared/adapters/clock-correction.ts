/**
 * How far the clock of this host is off, judged by the `Date` of a server's answers. A `Date` is cut to whole seconds: the
 * server's time lay within that second at some moment between sending and receiving. So each answer says in which interval
 * the offset lies, and several together say it more exactly. The clock is corrected by the least that fits them all: a
 * clock that may be right is not corrected.
 */
import type { Clock } from '../ports/clock.ts';

const DATE_RESOLUTION_MS = 1_000;

/** Clocks drift and are set. What was known before this is forgotten. */
const MAX_AGE_MS = 10 * 60_000;

/** An answer, in milliseconds since the Unix epoch. */
export interface DatedAnswer {
  /** By the clock of this host. */
  readonly sentAt: number;
  /** By the clock of this host. */
  readonly receivedAt: number;
  /** What the server says: whole seconds, by its clock. */
  readonly date: number;
}

/** Where the server's time minus the time of this host lies. */
export interface OffsetInterval {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** When the oldest answer behind it was received, by the clock of this host. */
  readonly since: number;
}

/** What is known after one more answer. It starts anew when the answers contradict each other, or the first is old. */
export function narrowed(
  known: OffsetInterval | undefined,
  { sentAt, receivedAt, date }: DatedAnswer,
): OffsetInterval | undefined {
  // The clock was set back meanwhile, or there is no date: nothing can be learned from it.
  if (!(sentAt <= receivedAt) || Number.isNaN(date)) return known;
  const answer = { from: date - receivedAt, to: date + DATE_RESOLUTION_MS - sentAt, since: receivedAt };
  if (!known || Math.abs(receivedAt - known.since) > MAX_AGE_MS) return answer;
  const from = Math.max(known.from, answer.from);
  const to = Math.min(known.to, answer.to);
  return from < to ? { from, to, since: known.since } : answer;
}

/** The offset that is closest to 0 among those that are possible, in whole milliseconds. */
export function correctionOf(interval: OffsetInterval | undefined): number {
  if (!interval) return 0;
  const { from, to } = interval;
  if (from > 0) return from;
  return to > 0 ? 0 : to - 1;
}

/** The clock of this host, corrected by what a server's answers say. */
export class CorrectedClock implements Clock {
  readonly #clock: Clock;
  #interval: OffsetInterval | undefined;
  #correction = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.#correction;
  }

  /**
   * Takes the `Date` of one answer into account.
   *
   * @param exchange sends the request and resolves to what has the date; its rejection is passed on
   */
  async observe<T>(exchange: () => Promise<T>, dateOf: (answer: T) => string | undefined): Promise<T> {
    const sentAt = this.#clock.now();
    const answer = await exchange();
    this.#interval = narrowed(this.#interval, {
      sentAt,
      receivedAt: this.#clock.now(),
      date: Date.parse(dateOf(answer) ?? ''),
    });
    this.#correction = correctionOf(this.#interval);
    return answer;
  }
}
