/**
 * What is judged when a page is looked at again. Two things may have changed: more was counted since, which may tell the
 * suspects of the onset apart, as they were then; or it burns worse from a later moment on, by a later change.
 */
import type { RecordedChange } from '../releases/changes.ts';
import type { Onset, OnsetFinding, OnsetInterval } from '../slo/onset.ts';

export interface Look {
  readonly finding: OnsetFinding;
  /** Nobody but these is blamed. */
  readonly among?: readonly RecordedChange[];
  /** Nobody is blamed for what was changed before. */
  readonly judgedAt?: number;
}

/** The onset that was found first. */
export interface FirstOnset {
  readonly at: number;
  readonly onset: OnsetInterval;
  readonly suspects: readonly RecordedChange[];
}

/** @param find an onset; after a known one, only a further one */
export function lookAt(first: FirstOnset | undefined, find: (known?: OnsetInterval) => OnsetFinding): Look {
  if (!first) return { finding: find() };
  const { at, onset, suspects } = first;
  const further = find(onset);
  // What rises on may only be what began then; and most of what burns now is what made it jump.
  if (further.onset?.isSudden) return { finding: further, judgedAt: at };
  const again = suspects.length > 0 ? find().onset : undefined;
  if (!again || again.from > onset.to || again.to < onset.from) {
    return { finding: { because: 'nothing is seen now that was not seen before' } };
  }
  return { finding: { onset: narrowed(again, onset) }, among: suspects };
}

/** What was seen by the minute is seen by five of them an hour later: what it hardly was then, it is not now. */
function narrowed(onset: Onset, { from, to }: OnsetInterval): Onset {
  return { ...onset, from: Math.max(onset.from, from), to: Math.min(onset.to, to) };
}
