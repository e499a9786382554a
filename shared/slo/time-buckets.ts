/**
 * Counts by time, kept so that adding a check costs the same whatever the window: four rings of buckets (a
 * minute, five minutes, an hour, four hours) and a running sum per window. It is stored as JSON with every check, so a ring is one string
 * of fixed-width cells: a bucket is read and written in place, and a month of history is about 3 KB.
 *
 * A window holds its whole length and the bucket that is being filled: '1h' is the last 60 to 61 minutes, '30d' the
 * last 720 to 724 hours. So a bad event is never forgotten early, and at most one bucket late.
 */
import { HOUR_MS, MINUTE_MS } from '../duration.ts';
import { type Counts, lengthOf, WINDOWS, type Window } from './burn-rate.ts';

/** A service's counts; a value, changed by the functions below only. */
export interface TimeBuckets {
  /** The newest time counted, milliseconds; every window ends here. */
  readonly at: number;
  /** One for each of LEVELS. */
  readonly rings: readonly Ring[];
  /** Running sums. */
  readonly sums: Readonly<Record<Window, Counts>>;
}

interface Ring {
  /** Characters per number; grows with the largest number. */
  readonly digits: number;
  /** Two numbers a bucket, bad and total; bucket n is cell n modulo the number of cells. Empty while all are 0. */
  readonly cells: string;
}

interface Level {
  readonly step: number;
  readonly cells: number;
  /** The windows that this ring feeds, and how many whole buckets each is long. There may be more cells than they need. */
  readonly windows: readonly { readonly window: Window; readonly length: number }[];
}

/** The slowest page comes up to six hours after what it is about began, and what was before that is needed too. */
const ONSET_REACH_MS = 8 * HOUR_MS;

const MINUTES_LEVEL = level(MINUTE_MS, ['5m', '30m', '1h']);
const HOURS_LEVEL = level(HOUR_MS, ['1d', '3d']);

/** Those that the onset of a burn is looked for in. */
const FINE_LEVEL = level(5 * MINUTE_MS, ['2h', '6h'], ONSET_REACH_MS);

const WINDOW_LEVEL = level(4 * HOUR_MS, ['28d', '30d']);

const LEVELS: readonly Level[] = [MINUTES_LEVEL, FINE_LEVEL, HOURS_LEVEL, WINDOW_LEVEL];

/** @param reach how far back it goes when that is further than the longest of its windows */
function level(step: number, names: readonly Window[], reach = 0): Level {
  const windows = names.map((window) => ({ window, length: lengthOf(window) / step }));
  return { step, windows, cells: Math.max(reach / step, ...windows.map(({ length }) => length)) + 1 };
}

const NOTHING: Counts = { bad: 0, total: 0 };

/** Buckets that hold nothing, with windows that end at a time. */
export function emptyBuckets(at: number): TimeBuckets {
  // The keys are the windows, each once.
  const sums = Object.fromEntries(WINDOWS.map((window) => [window, NOTHING])) as Record<Window, Counts>;
  return { at, rings: LEVELS.map(() => ({ digits: 1, cells: '' })), sums };
}

/** Adds what was counted at a time; a time after `at` moves the windows there, one before them all changes nothing. */
export function addCounts(buckets: TimeBuckets, time: number, counts: Counts): TimeBuckets {
  const { at, rings, sums } = time > buckets.at ? advance(buckets, time) : buckets;
  const added: Record<Window, Counts> = { ...sums };
  const filled = LEVELS.map(({ step, cells, windows }, index) => {
    const ring = ringAt(rings, index);
    const bucket = Math.floor(time / step);
    const age = Math.floor(at / step) - bucket;
    for (const { window, length } of windows) if (age <= length) added[window] = plus(added[window], counts);
    return age < cells ? withAdded(ring, cells, bucket % cells, counts) : ring;
  });
  return { at, rings: filled, sums: added };
}

/** Moves the windows forward: what leaves a window leaves its sum, and the cells it leaves behind are cleared. */
function advance(buckets: TimeBuckets, to: number): TimeBuckets {
  const sums: Record<Window, Counts> = { ...buckets.sums };
  const rings = LEVELS.map(({ step, cells, windows }, index) => {
    const ring = ringAt(buckets.rings, index);
    const head = Math.floor(buckets.at / step);
    const jump = Math.floor(to / step) - head;
    if (jump === 0 || ring.cells === '') return ring;
    for (const { window, length } of windows) {
      if (jump > length) sums[window] = NOTHING;
      else
        for (let n = head - length; n < head - length + jump; n++)
          sums[window] = minus(sums[window], read(ring, cells, n));
    }
    return jump >= cells ? { ...ring, cells: '' } : { ...ring, cells: cleared(ring, cells, head + 1, jump) };
  });
  return { at: to, rings, sums };
}

/** What was counted from a time on, for as long as a bucket is. */
export interface CountsFrom extends Counts {
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
}

/** The five-minute buckets of the last eight hours, oldest first, empty ones included. */
export function recentBuckets(buckets: TimeBuckets): CountsFrom[] {
  return bucketsOf(buckets, FINE_LEVEL);
}

/** The minutes of the last hour, likewise. */
export function recentMinutes(buckets: TimeBuckets): CountsFrom[] {
  return bucketsOf(buckets, MINUTES_LEVEL);
}

/** The four hours that the whole window of a budget is made of, likewise. */
export function windowBuckets(buckets: TimeBuckets): CountsFrom[] {
  return bucketsOf(buckets, WINDOW_LEVEL);
}

/** The hours of the last three days, likewise. */
export function hourBuckets(buckets: TimeBuckets): CountsFrom[] {
  return bucketsOf(buckets, HOURS_LEVEL);
}

function bucketsOf({ at, rings }: TimeBuckets, level: Level): CountsFrom[] {
  const { step, cells } = level;
  const ring = ringAt(rings, LEVELS.indexOf(level));
  const first = Math.floor(at / step) - cells + 1;
  return Array.from({ length: cells }, (_, n) => ({ from: (first + n) * step, ...read(ring, cells, first + n) }));
}

/** What was counted in the three days up to the recent buckets, or since it is known. */
export function countsBefore(buckets: TimeBuckets): CountsFrom {
  const first = bucketsOf(buckets, HOURS_LEVEL).find(({ total }) => total > 0);
  const recent = recentBuckets(buckets).reduce(plus, NOTHING);
  const { bad, total } = minus(buckets.sums['3d'], recent);
  return { from: first?.from ?? buckets.at, bad: Math.max(0, bad), total: Math.max(0, total) };
}

/** Counts over some time, in milliseconds since the Unix epoch. */
export interface CountsOver extends Counts {
  readonly from: number;
  readonly to: number;
}

/** A span of time, in milliseconds since the Unix epoch, and what is compared with it. */
interface ComparedSpan {
  readonly from: number;
  /** Still going on when absent. */
  readonly until?: number | undefined;
  /** How long before it. */
  readonly beforeMs: number;
  /** From when on it is over, if it is. */
  readonly afterFrom?: number | undefined;
}

/**
 * What was counted in a span of time, before it and after it, by the finest ring that reaches back so far: minutes in the
 * last hour, four hours in the last month. A bucket that is only partly in the span counts for it, and for nothing else.
 */
export function countsAround(
  buckets: TimeBuckets,
  { from, until = Number.POSITIVE_INFINITY, beforeMs, afterFrom = Number.POSITIVE_INFINITY }: ComparedSpan,
): { readonly before: CountsOver; readonly during: CountsOver; readonly after: CountsOver } {
  // Two buckets hold a whole one.
  const begins = (step: number): number => from - Math.max(beforeMs, 2 * step);
  const reaching = LEVELS.map((one) => ({ step: one.step, found: bucketsOf(buckets, one) })).find(
    ({ step, found: [first] }) => first && first.from <= begins(step),
  );
  const { step, found } = reaching ?? { step: 0, found: [] };
  const all = found.map((bucket) => ({ ...bucket, to: bucket.from + step }));
  const sum = (some: readonly CountsOver[]): CountsOver => ({
    ...some.reduce(plus, NOTHING),
    from: some[0]?.from ?? from,
    to: some.at(-1)?.to ?? from,
  });
  return {
    before: sum(all.filter((bucket) => bucket.from >= begins(step) && bucket.to <= from)),
    during: sum(all.filter((bucket) => bucket.to > from && bucket.from <= until)),
    after: sum(all.filter((bucket) => bucket.from >= afterFrom && bucket.from > until)),
  };
}

function plus(a: Counts, b: Counts): Counts {
  return { bad: a.bad + b.bad, total: a.total + b.total };
}

function minus(a: Counts, b: Counts): Counts {
  return b.total === 0 ? a : { bad: a.bad - b.bad, total: a.total - b.total };
}

function ringAt(rings: readonly Ring[], index: number): Ring {
  return rings[index] ?? { digits: 1, cells: '' };
}

// ---------------------------------------------------------------- cells

/** 64 characters that JSON does not escape; the first is 0. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
const VALUES = Uint8Array.from({ length: 128 }, (_, code) => Math.max(0, DIGITS.indexOf(String.fromCharCode(code))));

function decode(cells: string, from: number, digits: number): number {
  let value = 0;
  for (let i = from; i < from + digits; i++) value = value * 64 + (VALUES[cells.charCodeAt(i)] ?? 0);
  return value;
}

function encode(value: number, digits: number): string {
  let text = '';
  for (let rest = value, i = 0; i < digits; i++, rest = Math.floor(rest / 64)) text = DIGITS.charAt(rest % 64) + text;
  return text;
}

function digitsFor(value: number): number {
  let digits = 1;
  for (let limit = 64; value >= limit; limit *= 64) digits++;
  return digits;
}

function read({ digits, cells }: Ring, count: number, bucket: number): Counts {
  if (cells === '') return NOTHING;
  const at = modulo(bucket, count) * 2 * digits;
  return { bad: decode(cells, at, digits), total: decode(cells, at + digits, digits) };
}

function withAdded(ring: Ring, count: number, bucket: number, counts: Counts): Ring {
  const { bad, total } = plus(read(ring, count, bucket), counts);
  const { digits, cells } = widened(ring, count, digitsFor(total));
  const at = modulo(bucket, count) * 2 * digits;
  const cell = encode(bad, digits) + encode(total, digits);
  return { digits, cells: cells.slice(0, at) + cell + cells.slice(at + 2 * digits) };
}

function widened(ring: Ring, count: number, digits: number): Ring {
  if (ring.cells === '') return { digits, cells: DIGITS.charAt(0).repeat(2 * digits * count) };
  if (ring.digits >= digits) return ring;
  const padding = DIGITS.charAt(0).repeat(digits - ring.digits);
  let cells = '';
  for (let at = 0; at < ring.cells.length; at += ring.digits) cells += padding + ring.cells.slice(at, at + ring.digits);
  return { digits, cells };
}

/** Sets `length` buckets from one on, fewer than the ring has, to 0. */
function cleared({ digits, cells }: Ring, count: number, first: number, length: number): string {
  const width = 2 * digits;
  const start = modulo(first, count);
  const wrapped = Math.max(0, start + length - count);
  const zeros = DIGITS.charAt(0).repeat(length * width);
  const end = (start + length - wrapped) * width;
  return (
    zeros.slice(0, wrapped * width) +
    cells.slice(wrapped * width, start * width) +
    zeros.slice(wrapped * width) +
    cells.slice(end)
  );
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
