/** What a target's record becomes by what is seen, fails or is asked for. */
import { describe, expect, it } from 'vitest';
import { eventKey } from '../../../shared/events/identity.ts';
import type { Rollout } from '../../../shared/ports/cluster.ts';
import { beginChange, withContainer } from '../../../shared/releases/begin-change.ts';
import { leftBehind } from '../../../shared/releases/left-behind.ts';
import { type ReleaseRecord, releaseOf, type TargetRecord } from '../../../shared/releases/release-record.ts';
import { endRelease, rankOf, startRelease } from '../../../shared/releases/release-states.ts';
import { handleFailure, rollbackOutcomeOf, rollbackPlan } from '../../../shared/releases/rollback-states.ts';
import { image, releaseAfter, running, seen, targetWith } from '../../support/release-records.ts';

const cause = { by: 'e', at: 60_000 };
const good = (...tags: readonly string[]): Pick<TargetRecord, 'knownGoodImages'> => ({
  knownGoodImages: { web: tags.map((tag) => ({ image: image(tag), revision: tag })) },
});

describe('what runs before a change', () => {
  const started = releaseAfter('5', ['requested', 'started'], { container: 'web' });
  const begun = (before: TargetRecord, rollout: Rollout): TargetRecord => beginChange(before, started, rollout);

  it('is known to be good when it is complete', () => {
    expect(begun(targetWith([started]), seen([running('1')]))).toMatchObject({
      ...{ knownGoodImages: { web: [{ image: image('1'), revision: '9' }] }, unverified: ['5'] },
    });
    const onItsWay = seen([running('1')], { state: 'progressing' });
    expect(begun(targetWith([started]), onItsWay)).toMatchObject({ knownGoodImages: {}, unverified: ['5'] });
  });

  it('keeps the revision in which it completed, when that is known', () => {
    expect(begun(targetWith([started], good('1')), seen([running('1')])).knownGoodImages['web']).toEqual([
      { image: image('1'), revision: '1' },
    ]);
  });

  it.each([
    ['one release of ours failed with', ['requested', 'started', 'failed', 'closed'], [], []],
    ['one release of ours completed with', ['requested', 'started', 'completed', 'closed'], [], [image('4')]],
    ['one completed with, though another failed', ['requested', 'failed', 'closed'], ['completed'], [image('4')]],
  ] as const)('that %s is taken for what that says', (_, steps, others, expected) => {
    const ours = [releaseAfter('4', steps), ...others.map((to) => ({ ...releaseAfter('4', [to]), key: 'other' }))];
    const { knownGoodImages } = begun(targetWith([started, ...ours]), seen([running('4')]));

    expect((knownGoodImages['web'] ?? []).map((one) => one.image)).toEqual(expected);
  });

  it('is no change when it is just what was asked for, and nothing else is on its way', () => {
    const same = begun(targetWith([started]), seen([running('5')]));
    expect(releaseOf(same, '5')).toMatchObject({ changesNothing: true, wasKnownGood: true });

    const data = { ...started.data, replicas: 3 };
    const more = beginChange(targetWith([started]), { ...started, data }, seen([running('5')]));
    expect(releaseOf(more, '5')).not.toHaveProperty('changesNothing');
  });

  it.each([
    ['5@sha256:a', {}, true],
    ['4', { knownGoodImages: { web: [{ image: image('4'), asked: image('5') }] } }, true],
    ['4', { knownGoodImages: { web: [{ image: image('4'), asked: image('3') }] } }, false],
  ])('may be what admission makes of what was asked for: %s', (tag, known, isSame) => {
    const before = begun(targetWith([started], { ...known, unverified: ['5'] }), seen([running(tag)]));
    const release = releaseOf(before, '5') ?? started;
    const failed = { to: 'failed', reason: 'DeadlineExceeded', message: 'not ready' } as const;

    expect(release).not.toHaveProperty('changesNothing');
    const rollout = seen([running(tag)], { state: 'failed' });
    const same = endRelease(before, release, cause, { ...failed, rollout });
    expect(same).toMatchObject({ unverified: isSame ? [] : ['5'], doraTotals: { failed: isSame ? 0 : 1 } });
    // Somebody has set another image since, and the change was not made yet.
    const later = beginChange(before, release, seen([running('9')]));
    const ended = endRelease(later, releaseOf(later, '5') ?? release, cause, { ...failed, rollout });
    expect(ended).toMatchObject({ unverified: ['5'], doraTotals: { failed: 1 } });
  });

  it('is not what was asked for when more replicas are', () => {
    const data = { ...started.data, replicas: 3 };
    const before = beginChange(targetWith([started]), { ...started, data }, seen([running('5@sha256:a')]));

    expect(releaseOf(before, '5')).not.toHaveProperty('ranBefore');
  });

  it('says which container an image without a name is for; a name that was given stays', () => {
    const nameless = releaseAfter('5', ['requested', 'started']);
    const record = targetWith([nameless]);

    expect(withContainer(record, nameless, seen([running('1')])).release.container).toBe('web');
    const two = seen([running('1'), running('1', { name: 'proxy' })]);
    expect(withContainer(record, nameless, two).release).toBe(nameless);
    const named = { ...nameless, data: { ...nameless.data, container: 'app' } };
    expect(withContainer(record, named, seen([running('1')])).release).toBe(named);
    const several = { ...nameless, data: { ...nameless.data, containers: [{ name: 'app', image: image('5') }] } };
    expect(withContainer(record, several, seen([running('1')])).release).toBe(several);
  });
});

describe('a start', () => {
  const requested = releaseAfter('5', ['requested']);
  const startedFrom = (record: TargetRecord): ReleaseRecord | undefined =>
    releaseOf(startRelease(record, requested, cause, 30_000), '5');

  it('is for the only container that is known', () => {
    expect(startedFrom(targetWith([requested], good('1')))).toMatchObject({ container: 'web', wasKnownGood: false });
    expect(startedFrom(targetWith([requested], good('1', '5')))).toMatchObject({ wasKnownGood: true });
    expect(startedFrom(targetWith([requested]))?.container).toBeUndefined();
    const two = { web: [{ image: image('1') }], proxy: [{ image: 'proxy:1' }] };
    expect(startedFrom(targetWith([requested], { knownGoodImages: two }))?.container).toBeUndefined();
  });

  it('is unverified with its deadline, once', () => {
    const record = startRelease(targetWith([requested]), requested, cause, 30_000);

    expect(record.unverified).toEqual(['5']);
    expect(releaseOf(record, '5')?.steps.at(-1)).toEqual({ to: 'started', ...cause, deadline: 90_000 });
    const started = releaseOf(record, '5') ?? requested;
    expect(startRelease(record, started, cause, 30_000)).toBe(record);
  });
});

describe('the rank of a request', () => {
  const of = (requestId: string, time = 0, requestSource = '/ci'): string =>
    rankOf({ requestId, requestSource, time }, 10_000);

  it('is its time, its id and its source, in printable ASCII', () => {
    const key = eventKey({ source: '/ci', id: 'a/b%c dä' });

    expect(of('a/b%c dä')).toBe(`1970-01-01T00:00:00.000Z/a%2fb%25c%20d%e4/${key}`);
    expect(of('!~')).toContain('/!~/');
    expect(of('a') < of('b', 1)).toBe(true);
    expect(of('a', 0, '/other')).not.toBe(of('a'));
    expect(of('b', 20_000)).toBe(of('b', 10_000));
  });
});

describe('a failure', () => {
  const steps = ['requested', 'started', 'failed'] as const;
  const failure = { reason: 'DeadlineExceeded', message: 'not ready' } as const;
  const policy = { against: undefined, deadlineMs: 30_000 };
  const lastStep = (record: TargetRecord, release: ReleaseRecord, more = policy) =>
    releaseOf(handleFailure(record, release, cause, failure, more), release.key)?.steps.at(-1);
  const failed = releaseAfter('5', steps, { container: 'web' });

  it('is rolled back to the newest good image, and to its revision', () => {
    expect(lastStep(targetWith([failed], { ...good('3', '2'), unverified: ['5'] }), failed)).toEqual({
      ...{
        to: 'rolling-back',
        ...cause,
        deadline: 90_000,
        revision: '3',
        images: [{ name: 'web', image: image('3') }],
      },
    });
  });

  it.each([
    ['it was never started', releaseAfter('5', ['failed']), {}],
    ['nothing was changed', failed, { unverified: [] }],
    ['no known good image exists', failed, { knownGoodImages: {} }],
    [`${image('5')} is the last known good image itself`, failed, good('5')],
  ])('is closed when %s', (note, release, more) => {
    const record = targetWith([release], { ...good('3'), unverified: ['5'], ...more });

    expect(lastStep(record, release)).toMatchObject({ to: 'closed', note });
  });

  it('goes by what the cluster showed where a tag may mean another image by now', () => {
    const digest = (n: number): string => `${image('5')}@sha256:${String(n).repeat(64)}`;
    const shown = (n: number): ReleaseRecord =>
      releaseAfter(
        '5',
        ['requested', 'started', { to: 'failed', ...cause, ...failure, images: [{ name: 'web', image: digest(n) }] }],
        { container: 'web' },
      );
    const record = (release: ReleaseRecord) =>
      targetWith([release], { knownGoodImages: { web: [{ image: digest(1) }] }, unverified: ['5'] });

    expect(lastStep(record(shown(2)), shown(2))).toMatchObject({ to: 'rolling-back' });
    expect(lastStep(record(shown(1)), shown(1))).toMatchObject({ to: 'closed' });
  });

  it('needs somebody while what runs is not known to be good, and no newer request decides', () => {
    const failing = { knownGoodImages: {}, unverified: ['5'], failingSince: 0 };

    expect(lastStep(targetWith([failed], failing), failed)).toMatchObject({ needsAttention: true });
    expect(lastStep(targetWith([failed], { ...failing, unverified: [] }), failed)).toMatchObject({
      needsAttention: false,
    });
    const newer = releaseAfter('6', ['requested']);
    expect(lastStep(targetWith([newer, failed], failing), failed)).toMatchObject({
      ...{ needsAttention: false, note: 'a newer request decides what runs' },
    });
  });

  it.each([
    [{ to: 'failed', reason: 'Superseded', message: 'm', untouched: false }, 'the rollback was superseded: m', false],
    [{ to: 'failed', reason: 'NotFound', message: 'm', untouched: true }, 'the rollback failed: NotFound: m', true],
  ] as const)('of a rollback (%j) is told', (status, note, needsAttention) => {
    expect(rollbackOutcomeOf(status)).toEqual({ to: 'closed', note, needsAttention });
  });

  it('of what the cluster refused leaves nothing unverified; any other does, and is a change that failed', () => {
    const started = releaseAfter('5', ['requested', 'started'], { container: 'web' });
    const ended = (more: { readonly untouched?: boolean; readonly rollout?: Rollout }): TargetRecord =>
      endRelease(targetWith([started], { unverified: ['5'] }), started, cause, { to: 'failed', ...failure, ...more });

    expect(ended({ untouched: true })).toMatchObject({ unverified: [], doraTotals: { deployed: 0, failed: 0 } });
    expect(ended({ rollout: seen([running('5')]) })).toMatchObject({
      ...{ unverified: ['5'], failingSince: 60_000, doraTotals: { deployed: 1, failed: 1 } },
      releases: [{ steps: [{}, {}, { to: 'failed', images: [{ name: 'web', image: image('5') }] }] }],
    });
  });
});

describe('a rollback that somebody asks for', () => {
  const began = ['requested', 'started'] as const;

  it.each([
    ['requested', ['requested'], 'it has not begun'],
    ['failing', [...began, 'failed'], 'its failure is being handled'],
    ['being rolled back', [...began, 'failed', 'rolling-back'], 'it is being rolled back'],
    ['rolled back', [...began, 'failed', 'rolling-back', 'rolled-back', 'closed'], 'it is rolled back already'],
  ] as const)('is refused while the release is %s', (_, steps, against) => {
    const release = releaseAfter('5', steps, { container: 'web' });

    expect(rollbackPlan(targetWith([release], { ...good('3'), unverified: ['5'] }), release)).toEqual({ against });
  });

  it.each([
    ['on its way', [...began]],
    ['complete', [...began, 'completed', 'closed']],
    ['failed, and nothing was done', [...began, 'failed', 'closed']],
  ] as const)('goes to the last good image from what is %s', (_, steps) => {
    const release = releaseAfter('5', steps, { container: 'web' });
    const record = targetWith([release], { ...good('5', '3'), unverified: ['5'] });

    const plan = rollbackPlan(steps.includes('failed' as never) ? { ...record, ...good('3') } : record, release);

    expect(plan).toEqual({ images: [{ name: 'web', image: image('3') }] });
  });

  it('is refused for all but the newest, and where nothing good is known', () => {
    const release = releaseAfter('5', [...began, 'completed', 'closed'], { container: 'web' });
    const newer = releaseAfter('6', ['requested']);

    expect(rollbackPlan(targetWith([newer, release], good('3')), release)).toEqual({
      against: 'a newer request decides what runs',
    });
    expect(rollbackPlan(targetWith([release], good('5')), release)).toEqual({ against: 'no known good image exists' });
  });
});

describe('a container that no release answers for any more', () => {
  const both = ['web', 'proxy'].map((name) => ({ name, image: image('4') }));
  const newer = releaseAfter('5', ['requested', 'started'], { container: 'web' });
  const olderAfter = (steps: Parameters<typeof releaseAfter>[1]): ReleaseRecord => {
    const release = releaseAfter('4', steps);
    return { ...release, data: { ...release.data, containers: both } };
  };
  const rollout = seen([running('5'), running('4', { name: 'proxy' }), running('4', { name: 'side' })]);
  const leftBy = (older: ReleaseRecord, unverified: readonly string[] = ['4', '5']) =>
    leftBehind(targetWith([newer, older], { unverified }), newer, rollout);

  it('is the one that an older release has set, whose other container the newer one took', () => {
    expect(leftBy(olderAfter(['requested', 'started', 'failed']))).toEqual([{ name: 'proxy', image: image('4') }]);
  });

  it.each([
    ['is not over', olderAfter(['requested', 'started']), undefined],
    ['is verified', olderAfter(['requested', 'started', 'failed']), ['5']],
    ['is newer', { ...olderAfter(['requested', 'failed']), rank: '6' }, undefined],
  ])('is none where the other one %s', (_, older, unverified) => {
    expect(leftBy(older, unverified)).toEqual([]);
  });

  it('is none where it is not known which containers a release is for', () => {
    const nameless = releaseAfter('5', ['requested', 'started']);
    const older = olderAfter(['requested', 'started', 'failed']);

    expect(leftBehind(targetWith([nameless, older], { unverified: ['4'] }), nameless, rollout)).toEqual([]);
  });
});
