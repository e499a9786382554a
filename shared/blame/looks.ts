/**
 * What is judged when a page is looked at again. Two things may have changed: more was counted since, which may tell the
 * suspects of the onset apart, as they were then; or it burns worse from a later moment on, by a later change.
 */
import type { RecordedChange } from '../releases/changes.ts';
import type { OnsetFinding, OnsetInterval } from '../slo/onset.ts';

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

/**
 * In order; the first that blames somebody decides, or else the last.
 *
 * @param find an onset; after a known one, only a further one
 */
export function* looksAt(
  first: FirstOnset | undefined,
  find: (known?: OnsetInterval) => OnsetFinding,
): Generator<Look, void> {
  if (!first) {
    yield { finding: find() };
    return;
  }
  const { at, onset, suspects } = first;
  const again = suspects.length > 0 ? find() : undefined;
  const isSame = again?.onset && again.onset.from <= onset.to && again.onset.to >= onset.from;
  if (again && isSame) yield { finding: again, among: suspects };
  yield { finding: find(onset), judgedAt: at };
}
