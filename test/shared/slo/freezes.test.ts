import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import {
  endFreeze,
  type FreezeCause,
  freeze,
  freezeOf,
  liftFreeze,
  pastFreezes,
  scopeText,
} from '../../../shared/slo/freezes.ts';
import { SERVICES } from '../../../shared/slo/health-store.ts';
import { newObjectiveHealth } from '../../../shared/slo/objective-health.ts';
import { newHealth } from '../../../shared/slo/service-health.ts';

const DAY = 86_400_000;
const since = '2026-03-01T00:00:00Z';
const start = Date.parse(since);

function cause(slo: string, episode: string): FreezeCause {
  return { slo, episode, since, reason: `${slo} spent`, windowMs: 30 * DAY, clusters: ['*'], namespaces: ['*'] };
}

describe('the freeze of a service', () => {
  it('is seen from the moment it is set until it is lifted', async () => {
    const state = new MemoryStateStore();

    await freeze(state, 'checkout', cause('availability', 'e1'));

    expect(await freezeOf(state, 'checkout', start)).toEqual({
      service: 'checkout',
      slo: 'availability',
      since,
      reason: 'availability spent',
      clusters: ['*'],
      namespaces: ['*'],
    });
    expect(await freezeOf(state, 'search', start)).toBeUndefined();
    expect(await liftFreeze(state, 'checkout', 'availability', 'e1')).toBe(true);
    expect(await freezeOf(state, 'checkout', start)).toBeUndefined();
  });

  it.each([
    ['in its scope', { cluster: 'prod-eu', namespace: 'shop' }, true],
    ['in another namespace', { cluster: 'prod-eu', namespace: 'shop-test' }, false],
    ['in another cluster', { namespace: 'shop' }, false],
    ['anywhere', undefined, true],
  ])('is asked for %s', async (_, place, expected) => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', { ...cause('a', 'e1'), clusters: ['prod-*'], namespaces: ['shop'] });

    const found = await freezeOf(state, 'checkout', start, place);

    expect(found !== undefined).toBe(expected);
    if (found) expect(scopeText(found)).toBe(' in clusters prod-* and namespaces shop');
  });

  it('of two scopes holds in both', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', { ...cause('a', 'e1'), namespaces: ['shop'] });
    await freeze(state, 'checkout', { ...cause('b', 'e1'), namespaces: ['shop-eu'] });

    expect(await freezeOf(state, 'checkout', start, { namespace: 'shop-eu' })).toMatchObject({ slo: 'b' });
    expect(await freezeOf(state, 'checkout', start, { namespace: 'test' })).toBeUndefined();
  });

  it('is set once however often it is asked for', async () => {
    const state = new MemoryStateStore();

    await freeze(state, 'checkout', cause('availability', 'e1'));
    await freeze(state, 'checkout', cause('availability', 'e1'));

    expect(await liftFreeze(state, 'checkout', 'availability', 'e1')).toBe(true);
  });

  it('lasts until every objective has recovered', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('availability', 'e1'));
    await freeze(state, 'checkout', cause('latency', 'e2'));

    expect(await liftFreeze(state, 'checkout', 'availability', 'e1')).toBe(false);

    expect(await freezeOf(state, 'checkout', start)).toMatchObject({ slo: 'latency' });
  });

  it('of a later episode is not lifted by the recovery from an earlier one', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('availability', 'e2'));

    expect(await liftFreeze(state, 'checkout', 'availability', 'e1')).toBe(false);

    expect(await freezeOf(state, 'checkout', start)).toBeDefined();
  });

  it('of two episodes of one objective lasts until both are lifted, in any order', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('availability', 'e2'));
    await freeze(state, 'checkout', cause('availability', 'e1'));

    expect(await liftFreeze(state, 'checkout', 'availability', 'e1')).toBe(false);

    expect(await freezeOf(state, 'checkout', start)).toBeDefined();
    expect(await liftFreeze(state, 'checkout', 'availability', 'e2')).toBe(true);
  });

  it('set by several objectives at once keeps all of them', async () => {
    const state = new MemoryStateStore();

    await Promise.all(['a', 'b', 'c'].map((slo) => freeze(state, 'checkout', cause(slo, 'e1'))));

    for (const slo of ['a', 'b']) expect(await liftFreeze(state, 'checkout', slo, 'e1')).toBe(false);
    expect(await liftFreeze(state, 'checkout', 'c', 'e1')).toBe(true);
  });

  it('is remembered when it is over, the last one first, with when it began and ended', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('a', 'e1'));
    await liftFreeze(state, 'checkout', 'a', 'e1', start + DAY);
    // Lifted again by a check that is delivered again.
    expect(await liftFreeze(state, 'checkout', 'a', 'e1', start + 3 * DAY)).toBe(true);
    await freeze(state, 'checkout', { ...cause('b', 'e2'), since: new Date(start + 4 * DAY).toISOString() });
    expect(await pastFreezes(state, 'checkout')).toHaveLength(1);
    await endFreeze(state, 'checkout', start + 5 * DAY);

    const { windowMs: _, ...shown } = cause('a', 'e1');
    expect(await pastFreezes(state, 'checkout')).toEqual([
      expect.objectContaining({ slo: 'b', until: new Date(start + 5 * DAY).toISOString() }),
      { ...shown, until: new Date(start + DAY).toISOString() },
    ]);
    expect(await freezeOf(state, 'checkout', start + 5 * DAY)).toBeUndefined();
    expect(await pastFreezes(state, 'search')).toEqual([]);
  });

  it('that is over is not set again for the same episode, but for a later one', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('a', 'e1'));
    await endFreeze(state, 'checkout', start + DAY);

    expect(await freeze(state, 'checkout', cause('a', 'e1'))).toBe(false);
    expect(await freezeOf(state, 'checkout', start + DAY)).toBeUndefined();
    expect(await freeze(state, 'checkout', cause('a', 'e2'))).toBe(true);
    expect(await freeze(state, 'checkout', cause('b', 'e1'))).toBe(true);
    expect(await freezeOf(state, 'checkout', start + DAY)).toMatchObject({ slo: 'a' });
  });

  it('is not remembered when it never was needed', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('a', 'e1'));

    expect(await liftFreeze(state, 'checkout', 'a', 'e1')).toBe(true);

    expect(await state.get('freezes', 'checkout')).toBeUndefined();
  });

  it('is remembered fifty times a service', async () => {
    const state = new MemoryStateStore();
    for (let n = 0; n < 60; n++) {
      await freeze(state, 'checkout', cause('a', `e${n}`));
      await liftFreeze(state, 'checkout', 'a', `e${n}`, start + n * DAY);
    }

    const kept = await pastFreezes(state, 'checkout');
    expect(kept.length).toBe(50);
    expect(kept[0]?.until).toBe(new Date(start + 59 * DAY).toISOString());
  });

  it('ends by itself a window after the last that was heard of the service', async () => {
    const state = new MemoryStateStore();
    await freeze(state, 'checkout', cause('availability', 'e1'));
    expect(await freezeOf(state, 'checkout', start + 30 * DAY - 1)).toBeDefined();
    expect(await freezeOf(state, 'checkout', start + 30 * DAY)).toBeUndefined();

    await know(state, start + 10 * DAY, 'e1');

    expect(await freezeOf(state, 'checkout', start + 40 * DAY - 1)).toBeDefined();
    expect(await freezeOf(state, 'checkout', start + 40 * DAY)).toBeUndefined();
  });

  it.each([undefined, 'e2'])(
    'ends when health checks know better (%s), even if nobody lifted it',
    async (depletedBy) => {
      const state = new MemoryStateStore();
      await freeze(state, 'checkout', cause('availability', 'e1'));

      await know(state, start, depletedBy);

      expect(await freezeOf(state, 'checkout', start)).toBeUndefined();
    },
  );
});

/** What health checks have found, as of a time. */
async function know(state: MemoryStateStore, at: number, depletedBy: string | undefined): Promise<void> {
  const { isAwaited: _, ...checked } = newObjectiveHealth('availability', at);
  const objectives = [{ ...checked, ...(depletedBy !== undefined && { depletedBy }) }];
  await state.insert(SERVICES, 'checkout', { ...newHealth('checkout'), objectives });
}
