/** What is made of releases that came after the one that is to blame, to the same container. */
import { describe, expect, it } from 'vitest';
import { judge } from '../../../shared/blame/judge.ts';
import type { RecordedChange } from '../../../shared/releases/changes.ts';

const MINUTE = 60_000;

function release(tag: string, startedAt: number, of: Partial<RecordedChange> = {}): RecordedChange {
  const target = 'c1/shop/web';
  const times = { startedAt: startedAt * MINUTE, endedAt: (startedAt + 1) * MINUTE };
  return { key: `${target}/${tag}`, kind: 'release', target, image: `web:${tag}`, ...times, ...of };
}

const bad = release('bad', 0);

/** Who goes back, when it began just after `bad` was released. */
function goesBack(now: number, ...later: RecordedChange[]): string[] {
  const onset = { at: MINUTE, from: 0, to: 2 * MINUTE, earliest: 0, latest: 2 * MINUTE };
  const { blamed, alsoUndone } = judge({ finding: { onset }, changes: [bad, ...later], now: now * MINUTE });
  return [...blamed, ...alsoUndone].map(({ image }) => image ?? '');
}

describe('a release after the one to blame', () => {
  it('goes back with it when it followed at once', () => {
    expect(goesBack(20, release('next', 6))).toEqual(['web:next', 'web:bad']);
  });

  it('stays, and so does the culprit, while it may be the fix', () => {
    expect(goesBack(60, release('fix', 50))).toEqual([]);
    expect(goesBack(90, release('fix', 50))).toEqual([]);
    expect(goesBack(90, release('fix', 20, { endedAt: undefined }))).toEqual([]);
  });

  it('goes back with it when it still burns long after', () => {
    expect(goesBack(91, release('no-fix', 50))).toEqual(['web:no-fix', 'web:bad']);
  });

  it('is of no matter on another workload', () => {
    expect(goesBack(60, release('other', 50, { target: 'c1/shop/worker' }))).toEqual(['web:bad']);
  });

  it.each(['others', 'rollback', 'known-good'] as const)('is not undone when it is the work of %s', (kind) => {
    expect(goesBack(200, release('theirs', 50, { kind }))).toEqual([]);
  });
});
