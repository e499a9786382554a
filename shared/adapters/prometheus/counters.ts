/**
 * How far counters rose, from their values on a grid of times; pure.
 *
 * Not `increase()`: it looks at the samples within a window only, so what happens between the last sample of one window
 * and the first of the next is guessed (extrapolated), and two adjacent windows do not add up. Here a counter is compared
 * with its last value from before the time, however long ago that is within the look-back: nothing is guessed, and
 * adjacent times add up.
 *
 * A series that was not there before begins with a value of which nobody knows when it was counted, so that counts for
 * nothing, as in `increase()`. But most clients make a series when its first event happens (the first answer 500), and
 * of a service with few failures that would be half of them. So such a value counts when its process was known already
 * and the value is smaller than all that the process has: so it is none of those under new labels (a relabelling).
 */

/** One series: who counted, and what at which times. */
export interface Series {
  /** Job and instance. */
  readonly process: string;
  readonly points: readonly Point[];
}

export interface Point {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly value: number;
}

interface Counted {
  readonly from: number;
  readonly until: number;
  /** Every series that is known of the processes, these included. */
  readonly all: readonly Series[];
}

/** How far the series rose together. A value below the one before it says that the process began anew. */
export function riseOf(series: readonly Series[], { from, until, all }: Counted): number {
  let rise = 0;
  for (const { process, points } of series) {
    const since = points.findLastIndex(({ at }) => at <= from);
    let before = since === -1 ? undefined : points[since]?.value;
    for (const { at, value } of points.slice(since + 1)) {
      if (at > until) break;
      before ??= isFirstOfItsKind(value, at, process, all) ? 0 : value;
      rise += value >= before ? value - before : value;
      before = value;
    }
  }
  return rise;
}

/** Whether the process was known before, and has no smaller number. What it had as 0 may be this under other labels. */
function isFirstOfItsKind(value: number, at: number, process: string, all: readonly Series[]): boolean {
  const known = all.filter((other) => other.process === process).map(({ points }) => valueBefore(points, at));
  const values = known.filter((one) => one !== undefined);
  return values.length > 0 && values.every((other) => other === 0 || value < other);
}

function valueBefore(points: readonly Point[], at: number): number | undefined {
  return points.findLast((point) => point.at < at)?.value;
}
