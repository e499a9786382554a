/** The record of a target: what is read from it, and how it is kept small. */
import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { targetOf } from '../../../shared/events/deployment-target.ts';
import { changesIn, changesOf, rememberTarget } from '../../../shared/releases/changes.ts';
import { leadSecondsOf, pruned, withKnownGood } from '../../../shared/releases/record-changes.ts';
import { phaseOf, type ReleaseStep, urgencyOf } from '../../../shared/releases/release-record.ts';
import { changeTarget, readTarget } from '../../../shared/releases/target-store.ts';
import { releaseAfter, targetWith } from '../../support/release-records.ts';

const TARGET = 'default/shop/web';
const rejected = (reason: 'Frozen' | 'Superseded'): ReleaseStep => ({
  ...{ to: 'failed', at: 0, by: 'request', reason, message: 'no' },
});

it('a change that changes nothing answers what there is, and makes no record', async () => {
  const state = new MemoryStateStore();

  const answered = await changeTarget(state, TARGET, (record) => record);

  expect(answered).toMatchObject({ releases: [], ended: [] });
  expect(await readTarget(state, TARGET)).toBeUndefined();
});

describe('the urgency of a target', () => {
  const done = releaseAfter('1', ['requested', 'started', 'completed', 'closed'], { from: 5_000 });
  const putBack = { at: 9_000, images: [], isNotified: true };
  const undone = ['requested', 'started', 'failed', 'rolling-back', 'rolled-back', 'closed'] as const;

  it.each([
    ['nothing', targetWith([]), ['quiet', 0]],
    ['what completed, since then', targetWith([done]), ['quiet', 7_000]],
    ['what fails, since it does', targetWith([done], { failingSince: 3_000 }), ['failing', 3_000]],
    ['what was put back, since then', targetWith([releaseAfter('2', undone, { putBack })]), ['failing', 9_000]],
    ['what was rolled back, since then', targetWith([releaseAfter('2', undone)]), ['quiet', 4_000]],
    ['what was requested, since then', targetWith([releaseAfter('2', ['requested'], { from: 9 })]), ['under-way', 9]],
    ['what was started, since its request', targetWith([releaseAfter('2', undone.slice(0, 2))]), ['under-way', 0]],
    ['what is rolled back, since its request', targetWith([releaseAfter('2', undone.slice(0, 4))]), ['under-way', 0]],
    [
      'what was refused, since then',
      targetWith([releaseAfter('2', [rejected('Frozen')], { from: 8_000 }), done]),
      ['refused', 8_000],
    ],
    [
      'what came too late, as if it had not come',
      targetWith([releaseAfter('2', [rejected('Superseded')], { from: 8_000 }), done]),
      ['quiet', 7_000],
    ],
    [
      'what is under way though a later one was refused',
      targetWith([releaseAfter('3', [rejected('Frozen')]), releaseAfter('2', ['requested', 'started'], { from: 6 })]),
      ['under-way', 6],
    ],
  ])('is of %s', (_, record, expected) => {
    expect(urgencyOf(record)).toEqual(expected);
  });
});

it('a rollback that ended without success leaves the release failed', () => {
  const steps = ['requested', 'started', 'failed', 'rolling-back'] as const;

  expect(phaseOf(releaseAfter('1', steps))).toBe('rolling-back');
  expect(phaseOf(releaseAfter('1', [...steps, 'closed']))).toBe('failed');
  expect(phaseOf(releaseAfter('1', [...steps, 'rolled-back', 'closed']))).toBe('rolled-back');
});

describe('the changes that a record tells of', () => {
  const started = ['requested', 'started'] as const;

  it.each([
    ['one that was never started', releaseAfter('1', ['requested', 'failed', 'closed']), []],
    ['one that changed nothing', releaseAfter('1', [...started, 'completed'], { changesNothing: true }), []],
    ['one that goes on', releaseAfter('1', started), [{ kind: 'release', startedAt: 1_000, endedAt: undefined }]],
    [
      'one that completed',
      releaseAfter('1', [...started, 'completed', 'closed']),
      [{ kind: 'release', startedAt: 1_000, endedAt: 2_000 }],
    ],
    [
      'one that failed',
      releaseAfter('1', [...started, 'failed', 'closed'], { wasKnownGood: true }),
      [{ kind: 'known-good', startedAt: 1_000, endedAt: 2_000 }],
    ],
    [
      'one that is rolled back',
      releaseAfter('1', [...started, 'failed', 'rolling-back']),
      [
        { kind: 'release', image: 'ghcr.io/shop/web:1', startedAt: 1_000, endedAt: 2_000 },
        { kind: 'rollback', image: 'ghcr.io/shop/web:0', startedAt: 3_000, endedAt: undefined },
      ],
    ],
    [
      'one that was rolled back after it had completed',
      releaseAfter('1', [...started, 'completed', 'failed', 'rolling-back', 'rolled-back', 'closed']),
      [
        { kind: 'release', startedAt: 1_000, endedAt: 2_000 },
        { kind: 'rollback', startedAt: 4_000, endedAt: 5_000 },
      ],
    ],
  ])('are of %s', (_, release, expected) => {
    const changes = changesIn(TARGET, targetWith([release]));

    expect(changes).toMatchObject(expected.map((one) => ({ ...one, key: '1', target: TARGET })));
    expect(changes).toHaveLength(expected.length);
  });

  it('name the first of several containers, and the commit', () => {
    const release = releaseAfter('1', started);
    const containers = ['web', 'proxy'].map((name) => ({ name, image: `ghcr.io/shop/${name}:1` }));
    const commit = { sha: 'a1b2c3d', timestamp: '2026-03-01T00:00:00Z' };
    const several = { ...release, data: { ...release.data, containers, commit } };

    expect(changesIn(TARGET, targetWith([several]))).toMatchObject([{ container: 'web', commit: 'a1b2c3d' }]);
    expect(changesIn(TARGET, targetWith([{ ...release, container: 'app' }]))).toMatchObject([{ container: 'app' }]);
  });
});

describe('the changes of a service', () => {
  const deployed = (deployment: string) => {
    const release = releaseAfter('1', ['requested', 'started', 'completed']);
    return { ...release, data: { ...release.data, deployment } };
  };
  const targetNamed = (deployment: string): string => targetOf(deployed(deployment).data);
  const given = async (...names: readonly string[]): Promise<MemoryStateStore> => {
    const state = new MemoryStateStore();
    for (const name of names) {
      await changeTarget(state, targetNamed(name), (record) => ({ ...record, releases: [deployed(name)] }));
      await rememberTarget(state, 'shop', deployed(name));
    }
    return state;
  };
  const all = (): boolean => true;

  it('are those of the deployments that matter, which ended no earlier than asked for', async () => {
    const state = await given('web', 'api');
    const found = (since: number, isIn: (target: string) => boolean) => changesOf(state, 'shop', since, isIn);

    expect((await found(2_000, all)).map(({ target }) => target)).toEqual(['api', 'web'].map(targetNamed));
    expect(await found(2_001, all)).toEqual([]);
    expect(await found(0, (target) => target.endsWith('/web'))).toMatchObject([{ target: targetNamed('web') }]);
    expect(await changesOf(state, 'another', 0, all)).toEqual([]);
  });

  it('are looked for where it was released last, in fifty places', async () => {
    const names = Array.from({ length: 51 }, (_, n) => `web-${n}`);
    const state = await given(...names, 'web-1');

    const found = (await changesOf(state, 'shop', 0, all)).map(({ target }) => target);

    expect(found).toEqual(['web-1', ...names.slice(2).reverse()].map(targetNamed));
  });
});

describe('a record', () => {
  const closed = (n: number) => releaseAfter(`r-${n}`, ['requested', 'started', 'completed', 'closed']);
  const keys = (from: number, to: number): string[] => Array.from({ length: from - to + 1 }, (_, n) => `r-${from - n}`);

  it('lists twenty releases, and knows those before by their keys', () => {
    const record = targetWith(
      keys(22, 1).map((key) => closed(Number(key.slice(2)))),
      { ended: ['r-0'] },
    );

    const { releases, ended } = pruned(record);

    expect(releases.map(({ key }) => key)).toEqual(keys(22, 3));
    expect(ended).toEqual(['r-2', 'r-1', 'r-0']);
    const full = targetWith(record.releases.slice(0, 20));
    expect(pruned(full)).toBe(full);
  });

  it('keeps what is not over, however old', () => {
    const open = [releaseAfter('r-1', ['requested', 'started']), releaseAfter('r-0', ['requested', 'failed'])];
    const record = targetWith([...keys(21, 2).map((key) => closed(Number(key.slice(2)))), ...open]);

    const { releases, ended } = pruned(record);

    expect(releases.map(({ key }) => key)).toEqual([...keys(21, 2), 'r-1', 'r-0']);
    expect(ended).toEqual([]);
  });

  it('knows five hundred by their keys', () => {
    const ended = Array.from({ length: 500 }, (_, n) => `old-${n}`);
    const record = targetWith(
      keys(21, 1).map((key) => closed(Number(key.slice(2)))),
      { ended },
    );

    expect(pruned(record).ended).toEqual(['r-1', ...ended.slice(0, 499)]);
  });

  it('knows five good images of a container, the last one first, each once', () => {
    let record = targetWith([]);
    for (const n of [1, 2, 3, 4, 5, 6, 3]) {
      record = withKnownGood(record, [{ name: 'web', image: `web:${n}`, asked: `web:${n}` }], `${n}`);
    }
    record = withKnownGood(record, [{ name: 'proxy', image: 'proxy@sha256:1', asked: 'proxy:1' }], undefined);

    expect(record.knownGoodImages['web']).toEqual(
      [3, 6, 5, 4, 2].map((n) => ({ image: `web:${n}`, revision: `${n}` })),
    );
    expect(record.knownGoodImages['proxy']).toEqual([{ image: 'proxy@sha256:1', asked: 'proxy:1' }]);
  });
});

describe('the lead time of a commit', () => {
  const of = (sha: string, timestamp: string, countedCommits?: readonly string[]): number | undefined => {
    const release = releaseAfter('1', ['requested'], { from: 60_000 });
    const asked = { ...release, data: { ...release.data, commit: { sha, timestamp } } };
    return leadSecondsOf(targetWith([], countedCommits && { countedCommits }), asked, 90_000);
  };
  const at = (ms: number): string => new Date(ms).toISOString();

  it('is from the commit to its completion', () => {
    expect([of('a1b2c3d', at(30_000)), of('a1b2c3d', at(60_000))]).toEqual([60, 30]);
  });

  it.each([
    ['it was made after it was asked for', 'a1b2c3d', at(60_001), []],
    ['it was counted before', 'a1b2c3d', at(0), ['ffffffff', 'a1b2c3d']],
    ['it was counted before by its whole id', 'a1b2c3d', at(0), ['a1b2c3d4e5f6']],
    ['it was counted before by a shorter id', 'a1b2c3d4e5f6', at(0), ['a1b2c3d']],
  ])('does not count when %s', (_, sha, timestamp, counted) => {
    expect(of(sha, timestamp, counted)).toBeUndefined();
  });
});
