/** What is stored beside the records of releases: the rows that lists find them by, overrides, blame, what was asked for. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import type { Publisher } from '../../../shared/ports/bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { rememberTarget } from '../../../shared/releases/changes.ts';
import { grantOverride, returnOverride, takeOverride, usableOverrides } from '../../../shared/releases/overrides.ts';
import { noticePutBacks, watchRolledBack } from '../../../shared/releases/put-backs.ts';
import type { TargetRecord, Urgency } from '../../../shared/releases/release-record.ts';
import { askedRollbacks, requestRollback } from '../../../shared/releases/rollback-requests.ts';
import { blameOf, blameRelease, distrust } from '../../../shared/releases/suspects.ts';
import {
  changeTarget,
  listedTargets,
  readTarget,
  targets,
  targetsBeginning,
} from '../../../shared/releases/target-store.ts';
import { openAfter } from '../../support/late-calls.ts';
import { FixedClock } from '../../support/ports.ts';
import { gated } from '../../support/process.ts';
import { image, releaseAfter, targetWith } from '../../support/release-records.ts';

const TARGET = 'default/shop/web';
const DAY = 86_400_000;
const done = releaseAfter('5', ['requested', 'started', 'completed', 'closed'], { container: 'web' });
const record = targetWith([done], { knownGoodImages: { web: [{ image: image('5') }, { image: image('3') }] } });

let state: MemoryStateStore;
beforeEach(() => {
  state = new MemoryStateStore();
});

const published: PlatformEvent[] = [];
// Nothing else is asked of it here.
const publisher = { publish: async (event: PlatformEvent) => void published.push(event) } as Publisher;

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const put = (target: string, next: TargetRecord): Promise<TargetRecord> => changeTarget(state, target, () => next);

describe('the targets', () => {
  const failing = (since: number): TargetRecord => ({ ...record, failingSince: since });
  const names = async (more?: { after?: string; urgency?: Urgency; limit?: number }): Promise<string[]> =>
    (await listOf(listedTargets(state, more))).map(({ target }) => target);

  it('are listed the most urgent first, then what changed last, page by page', async () => {
    await put('a/shop/quiet', record);
    await put('b/shop/old', failing(1_000));
    await put('c/shop/new', failing(2_000));
    expect(await names()).toEqual(['c/shop/new', 'b/shop/old', 'a/shop/quiet']);
    expect([await names({ urgency: 'failing' }), await names({ urgency: 'quiet' })]).toEqual([
      ['c/shop/new', 'b/shop/old'],
      ['a/shop/quiet'],
    ]);

    const [first] = await listOf(listedTargets(state, { limit: 1 }));
    expect(first?.target).toBe('c/shop/new');
    expect(await names({ after: first?.key ?? '' })).toEqual(['b/shop/old', 'a/shop/quiet']);
    expect(await names({ after: first?.key ?? '', urgency: 'failing', limit: 5 })).toEqual(['b/shop/old']);
  });

  it('have one row each, written with the record, which moves with their urgency', async () => {
    const written: unknown[] = [];
    const watched = gated(state, (call, name, args) => {
      if (name === 'transact') written.push(args[1]);
      return call();
    });
    for (const next of [record, failing(1_000)]) await changeTarget(watched, TARGET, () => next);

    expect(written).toMatchObject([
      [{ key: TARGET }, { kind: 'put', value: {}, etag: '*' }],
      [{ key: TARGET }, { kind: 'delete' }, { kind: 'put', value: {}, etag: '*' }],
    ]);
    expect(await names()).toEqual([TARGET]);
  });

  it('are read in the order of their names, or by how those begin', async () => {
    for (const target of ['a/shop/web', 'b/shop/api', 'b/shop/web', 'c/shop/web']) await put(target, record);
    const keys = async (found: AsyncIterable<{ readonly key: string }>): Promise<string[]> =>
      (await listOf(found)).map(({ key }) => key);

    expect(await keys(targets(state))).toEqual(['a/shop/web', 'b/shop/api', 'b/shop/web', 'c/shop/web']);
    expect(await keys(targets(state, 'b/shop/api'))).toEqual(['b/shop/web', 'c/shop/web']);
    const beginning = (prefix: string, after?: string, limit = 9) =>
      keys(targetsBeginning(state, prefix, { after, limit }));
    expect(await beginning('b/shop/')).toEqual(['b/shop/api', 'b/shop/web']);
    expect(await beginning('b/shop/', 'b/shop/api')).toEqual(['b/shop/web']);
    expect(await beginning('b/shop/', 'a/shop/web')).toEqual(['b/shop/api', 'b/shop/web']);
    expect(await beginning('', undefined, 1)).toEqual(['a/shop/web']);
    expect(await beginning('!')).toEqual([]);
  });
});

describe('an override', () => {
  const grant = (more: { target?: string; forMs?: number } = {}, at = 0) =>
    grantOverride(state, 'shop', { target: undefined, forMs: undefined, by: 'ana', reason: 'a fix', at, ...more });
  const take = (by: string, now = 0, target = TARGET) => takeOverride(state, { service: 'shop', target, by }, now);

  it('for one release is used up by the first, and found again by the same', async () => {
    const { id } = await grant();

    expect((await take('r-1'))?.id).toBe(id);
    expect([(await take('r-1'))?.id, await take('r-2')]).toEqual([id, undefined]);
    await returnOverride(state, { service: 'shop', by: 'r-2' });
    expect(await take('r-2')).toBeUndefined();
    await returnOverride(state, { service: 'shop', by: 'r-1' });
    expect((await take('r-2'))?.id).toBe(id);
  });

  it('that lasts is taken before one that is used up, and one for the target before one for any', async () => {
    const [any, own] = [await grant(), await grant({ target: TARGET })];
    expect((await take('r-1'))?.id).toBe(own.id);
    const lasting = await grant({ forMs: 1_000 });

    expect((await take('r-2'))?.id).toBe(lasting.id);
    expect((await take('r-3'))?.id).toBe(lasting.id);
    expect((await take('r-4', 1_000))?.id).toBe(any.id);
  });

  it('holds for its target alone, and until its time', async () => {
    await grant({ target: TARGET });

    expect([await take('r', 0, 'default/shop/api'), await take('r', DAY)]).toEqual([undefined, undefined]);
    expect(await take('r', DAY - 1)).toBeDefined();
  });

  it('is one of fifty at most, of those that can be used; what cannot goes after a day', async () => {
    for (let n = 0; n < 50; n++) await grant();
    await expect(grant()).rejects.toThrow("the service 'shop' has 50 overrides that can be used already");
    await take('r');
    await grant();

    expect((await usableOverrides(state, 0)).get('shop')).toHaveLength(50);
    expect(await usableOverrides(state, DAY)).toEqual(new Map());
    await grant({}, 2 * DAY);
    const [kept] = await listOf(state.query<{ grants: unknown[] }>('overrides'));
    expect(kept?.value.grants).toHaveLength(1);
  });
});

describe('blame', () => {
  it('is of the event that came first', async () => {
    expect([await blameOf(state, 'r'), await blameRelease(state, 'r', 'e-1', 0)]).toEqual([undefined, true]);
    expect([await blameRelease(state, 'r', 'e-1', 0), await blameRelease(state, 'r', 'e-2', 0)]).toEqual([true, false]);
    expect(await blameOf(state, 'r')).toBe('e-1');
  });

  it('is of a later one when the first has not failed the release within a quarter of an hour', async () => {
    const later = 15 * 60_000;
    await blameRelease(state, 'r', 'e-1', 0);

    expect(await blameRelease(state, 'r', 'e-2', later - 1)).toBe(false);
    expect(await blameRelease(state, 'r', 'e-2', later)).toBe(true);
    expect(await blameRelease(state, 'r', 'e-1', later)).toBe(false);
    expect(await blameOf(state, 'r')).toBe('e-2');
  });

  it('takes an image from those that are known to be good; none, where it is not known which', async () => {
    const change = { key: 'r', kind: 'release', target: TARGET, startedAt: 0 } as const;
    await put(TARGET, record);
    const left: unknown[] = [];

    for (const { image: bad } of [{ image: undefined }, { image: image('5') }, { image: image('5') }]) {
      await distrust(state, { ...change, image: bad });
      left.push((await readTarget(state, TARGET))?.knownGoodImages['web']?.map((good) => good.image));
    }

    expect(left).toEqual([[image('5'), image('3')], [image('3')], [image('3')]]);
  });
});

describe('a rollback that was asked for', () => {
  const place = { cluster: 'default', namespace: 'shop', deployment: 'web' };
  const ask = () =>
    requestRollback({ ...place, who: 'ana', reason: 'slow' }, { state, clock: new FixedClock(), publisher });

  it('is one fact while nothing has come of it, and another one afterwards', async () => {
    await put(TARGET, record);
    expect(await askedRollbacks(state, done)).toEqual([]);
    const first = await ask();
    expect(first).toMatchObject({ failed: image('5'), restored: image('3'), correlationId: '5' });
    expect((await ask()).eventId).toBe(first.eventId);

    await put(TARGET, {
      ...record,
      releases: [releaseAfter('5', ['requested', 'started', 'completed'], { container: 'web' })],
    });
    const second = await ask();

    expect(second.eventId).not.toBe(first.eventId);
    const asked = await askedRollbacks(state, done);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(2);
    expect(asked).toMatchObject([{ parent: '5', handler: 'rollback' }, { parent: '5' }]);
    expect(await askedRollbacks(state, { ...done, key: eventKey({ source: '/ci', id: 'other' }) })).toEqual([]);
    expect(published.at(-1)).toMatchObject({
      ...{ type: 'DeploymentFailed', id: second.eventId, source: '/handlers/rollback', causationid: '/ci 5' },
      data: { requestId: '5', requestSource: '/ci', reason: 'RollbackRequested', message: 'asked for by ana: slow' },
    });
  });
});

it('nothing is under way any more when it is done', async () => {
  await put(TARGET, record);
  const of = { service: 'shop', target: TARGET, by: 'r' };
  const wish = { target: undefined, forMs: undefined, by: 'ana', reason: 'a fix', at: 0 };
  const change = { key: 'r', kind: 'release', target: TARGET, startedAt: 0 } as const;
  const place = { cluster: 'default', namespace: 'shop', deployment: 'web', who: 'ana', reason: 'slow' };
  const works: Readonly<Record<string, Parameters<typeof openAfter>[0]>> = {
    remember: (late) => rememberTarget(late(state), 'shop', done),
    watch: (late) => watchRolledBack(late(state), TARGET, { key: '5', since: 0 }),
    // What is watched for a week asks for nothing else.
    notice: (late) => noticePutBacks({ state: late(state), clock: new FixedClock(8 * DAY) } as unknown as Ports),
    grant: (late) => grantOverride(late(state), 'shop', wish),
    take: (late) => takeOverride(late(state), of, 0),
    return: (late) => returnOverride(late(state), of),
    blame: (late) => blameRelease(late(state), 'r', 'e', 0),
    rollback: (late) =>
      requestRollback(place, { state: late(state), clock: new FixedClock(), publisher: late(publisher) }),
    distrust: (late) => distrust(late(state), change),
  };

  for (const [name, work] of Object.entries(works)) expect([name, await openAfter(work)]).toEqual([name, []]);
});
