/** Which changes are suspects of an onset, what speaks against them, and what goes back with the one that is to blame. */
import { describe, expect, it } from 'vitest';
import { judge, type Neighbour, type Verdict } from '../../../shared/blame/judge.ts';
import type { RecordedChange } from '../../../shared/releases/changes.ts';

const MINUTE = 60_000;

function release(tag: string, startedAt: number, of: Partial<RecordedChange> = {}): RecordedChange {
  const target = 'c1/shop/web';
  const times = { startedAt: startedAt * MINUTE, endedAt: (startedAt + 1) * MINUTE };
  return { key: `${target}/${tag}`, kind: 'release', target, image: `web:${tag}`, ...times, ...of };
}

const bad = release('bad', 0);

/** What is made of it when it began just after `bad` was released. */
function verdictAt(now: number, ...later: RecordedChange[]): Verdict {
  const onset = { at: MINUTE, from: 0, to: 2 * MINUTE, earliest: 0, latest: 2 * MINUTE };
  return judge({ finding: { onset }, changes: [bad, ...later], now: now * MINUTE });
}

/** What goes back then. */
function goesBack(now: number, ...later: RecordedChange[]): string[] {
  const { blamed, alsoUndone } = verdictAt(now, ...later);
  return [...blamed, ...alsoUndone].map(({ image }) => image ?? '');
}

describe('a release after the one to blame', () => {
  it('goes back with it when it followed at once', () => {
    for (const at of [2, 6, 7]) expect(goesBack(20, release('next', at))).toEqual(['web:next', 'web:bad']);
    expect(goesBack(20, release('next', 8))).toEqual([]);
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
    for (const at of [6, 50]) {
      expect(goesBack(60, release('other', at, { target: 'c1/shop/worker' }))).toEqual(['web:bad']);
    }
  });

  it('goes back with it when it brings the same change to another place', () => {
    expect(goesBack(60, release('bad', 50, { target: 'c2/shop/web' }))).toEqual(['web:bad', 'web:bad']);
  });

  it('counts on any target of the change: all of it goes back with what followed at once, and stays beside a fix', () => {
    const south = release('bad', 0, { target: 'c2/shop/web' });

    expect(goesBack(20, south, release('next', 6))).toEqual(['web:bad', 'web:next', 'web:bad']);
    expect(goesBack(60, south, release('fix', 50))).toEqual([]);
  });

  it.each([
    ['others', 'somebody else changed c1/shop/web'],
    ['rollback', 'c1/shop/web was rolled back'],
    ['known-good', 'c1/shop/web went back to web:theirs, known to be good,'],
  ] as const)('is not undone when it is the work of %s', (kind, what) => {
    expect(verdictAt(200, release('theirs', 50, { kind }))).toMatchObject({
      ...{ blamed: [], alsoUndone: [], suspects: [bad] },
      because: `web:bad would be to blame, and ${what} since then`,
    });
  });
});

/** It began between 100 and 102, at 101; it can hardly have begun before 95 or after 107. */
const onset = {
  ...{ at: 101 * MINUTE, from: 100 * MINUTE, to: 102 * MINUTE },
  ...{ earliest: 95 * MINUTE, latest: 107 * MINUTE },
};
type Evidence = Parameters<typeof judge>[0];

function judged(changes: readonly RecordedChange[], more: Partial<Evidence> = {}): Verdict {
  return judge({ finding: { onset }, changes, now: 110 * MINUTE, ...more });
}

/** A release that began and ended at these minutes, after which traffic moves for ten more. */
const between = (startedAt: number, endedAt: number, tag = 'bad', of: Partial<RecordedChange> = {}): RecordedChange =>
  release(tag, startedAt, { endedAt: endedAt * MINUTE, ...of });

describe('a release', () => {
  const worker = { target: 'c1/shop/worker' };

  it.each<[string, RecordedChange]>([
    ['began as late as it may have begun', between(102, 103)],
    ['ended ten minutes before', between(80, 90)],
    ['went on all the time', between(80, 120)],
    ['has not ended', release('bad', 80, { endedAt: undefined })],
  ])('is to blame that %s', (_, change) => {
    expect(judged([change])).toMatchObject({
      ...{ blamed: [change], suspects: [change], alsoUndone: [] },
      because: 'nothing else changed when it began',
    });
  });

  it.each<[string, RecordedChange]>([
    ['a moment later', release('bad', 102 + 1 / 60)],
    ['as late as it hardly began', between(107, 108)],
    ['so long before that it hardly began', between(80, 90 - 1 / 60)],
    ['longer before, but not out of the question', between(80, 85)],
  ])('is suspected and not blamed that was made %s', (_, change) => {
    expect(judged([change])).toMatchObject({
      ...{ blamed: [], suspects: [change] },
      because: 'it may have begun as early as that, and hardly did',
    });
  });

  it.each<[string, RecordedChange]>([
    ['came after all that is possible', release('bad', 107 + 1 / 60)],
    ['had settled before', between(80, 85 - 1 / 60)],
  ])('is no suspect that %s', (_, change) => {
    expect(judged([change])).toMatchObject({ suspects: [], because: 'nothing was released when it began' });
  });

  it('is one change on all targets of its commit, or of its image', () => {
    const web = between(99, 100, '1', { commit: 'c1' });
    const worker = between(98, 99, '2', { target: 'c1/shop/worker', commit: 'c1' });
    const south = between(97, 98, '2', { target: 'c2/shop/worker', commit: undefined });

    // What joins them may come last.
    for (const changes of [
      [web, worker, south],
      [web, south, worker],
    ]) {
      expect(judged(changes)).toMatchObject({ because: 'nothing else changed when it began' });
      expect(new Set(judged(changes).blamed)).toEqual(new Set(changes));
    }
  });

  it('is not blamed beside another one, and the nearest is the likeliest', () => {
    const [near, far] = [between(100, 101), between(96, 97, 'other', worker)];
    const two = { blamed: [], suspects: [near, far], because: '2 changes were released when it began' };

    expect(judged([far, near])).toMatchObject(two);
    expect(judged([near, far])).toMatchObject(two);
    const [one, other] = [
      { ...near, commit: 'a' },
      { ...far, commit: 'b' },
    ];
    expect(judged([one, other]).because).toBe(two.because);
    expect(
      judged([
        { ...far, container: 'a' },
        { ...near, target: far.target, container: 'b' },
      ]).blamed,
    ).toEqual([]);
  });

  it('goes back to before the oldest of several of one container', () => {
    const [older, newer] = [between(96, 97, '1'), between(100, 101, '2')];

    expect(judged([newer, older])).toMatchObject({
      ...{ blamed: [newer], alsoUndone: [older] },
      because: 'nothing but this container changed when it began',
    });
  });

  it('is not blamed with another of its container that hardly counts, or was judged before', () => {
    const [first, hardly] = [between(100, 101), between(103, 104, '2')];

    expect(judged([first, hardly])).toMatchObject({
      ...{ blamed: [], suspects: [first, hardly] },
      because: 'it may have begun as early as that, and hardly did',
    });
    const known = { judgedAt: 98 * MINUTE };
    expect(judged([first, between(97, 98, '2')], known)).toMatchObject({ blamed: [], because: 'it was judged before' });
  });

  it('is not looked for where nothing is known of the beginning', () => {
    const verdict = judged([bad100], { finding: { because: 'no moment stands out' } });

    expect(verdict).toEqual({ blamed: [], alsoUndone: [], suspects: [], because: 'no moment stands out' });
  });

  it.each([
    ['rollback', 'c1/shop/worker was rolled back at the same time'],
    ['others', 'somebody else changed c1/shop/worker at the same time'],
    ['known-good', 'c1/shop/worker went back to web:0, known to be good, at the same time'],
  ] as const)('is exonerated by %s', (kind, because) => {
    const cut = (startedAt: number): RecordedChange => release('0', startedAt, { ...worker, kind });

    expect(judged([bad100, cut(100)])).toMatchObject({ blamed: [], suspects: [bad100], because });
    expect(judged([bad100, cut(107)])).toMatchObject({ blamed: [], because });
    expect(judged([bad100, cut(108)]).blamed).toEqual([bad100]);
  });

  it('is exonerated by an update of a cluster', () => {
    const updated = (at: number): Verdict => judged([bad100], { updates: [{ cluster: 'c1', at: at * MINUTE }] });

    const because = 'cluster c1 was updated at the same time';
    for (const at of [85, 100, 107]) expect(updated(at)).toMatchObject({ blamed: [], suspects: [bad100], because });
    for (const at of [84, 108]) expect(updated(at).blamed).toEqual([bad100]);
  });

  it('is not blamed when it was judged before, or was no suspect then', () => {
    const another = { ...bad100, key: 'another' };

    expect(judged([bad100], { judgedAt: 100 * MINUTE }).blamed).toEqual([bad100]);
    expect(judged([bad100], { among: [another, bad100] }).blamed).toEqual([bad100]);
    const because = 'it was judged before';
    expect(judged([bad100], { judgedAt: 100 * MINUTE + 1 })).toMatchObject({ blamed: [], because });
    expect(judged([bad100], { among: [another] })).toMatchObject({ blamed: [], because });
    expect(judged([bad100], { among: [] })).toMatchObject({ blamed: [], because });
  });
});

const bad100 = between(100, 101);

describe('what burns beside it', () => {
  const beside = (changes: readonly RecordedChange[], burnsToo = true): Neighbour => ({
    ...{ name: 'search', burnsToo, changes },
  });
  const verdict = (neighbour: Neighbour, now = 110): Verdict =>
    judged([bad100], { neighbours: [neighbour], now: now * MINUTE });

  it('exonerates, unless the same change came there', () => {
    const because = 'search began to burn at the same time without being part of it';

    expect(verdict(beside([]))).toMatchObject({ blamed: [], suspects: [bad100], because });
    expect(verdict(beside([between(100, 101, 'other')]))).toMatchObject({ blamed: [], because });
    expect(verdict(beside([]), 200)).toMatchObject({ blamed: [], because });
    expect(verdict(beside([], false)).blamed).toEqual([bad100]);
    // A part of the change is the change.
    const worker = between(99, 100, '7', { target: 'c1/shop/worker', commit: 'c' });
    const both = [{ ...bad100, commit: 'c' }, worker];
    const there = beside([between(100, 101, '7', { target: 'c2/shop/worker' })]);
    expect(judged(both, { neighbours: [there] }).blamed).toHaveLength(2);
  });

  it.each([
    [80, true],
    [79, false],
    [112, true],
    [113, false],
  ])('has the same change when it came there at %d: %s', (endedAt, isExplained) => {
    const there = between(endedAt, endedAt, 'bad', { target: 'c2/shop/web' });

    expect(verdict(beside([there])).blamed).toEqual(isExplained ? [bad100] : []);
  });

  it('is waited for: what shares a cause does not fail in the same minute', () => {
    expect(verdict(beside([], false), 105)).toMatchObject({
      ...{ blamed: [], suspects: [bad100] },
      because: 'it is too early to tell whether something else burns too',
    });
    expect(verdict(beside([], false), 106).blamed).toEqual([bad100]);
    expect(judged([bad100], { now: 101 * MINUTE }).blamed).toEqual([bad100]);
  });
});
