/** How many calls of the store and how many messages an event costs: what the app pays for, and what bounds its rate. */
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { startAzurite } from '../../support/azurite.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { recordsOf } from '../../support/records.ts';
import { startTableProxy } from '../../support/table-proxy.ts';

const config = { services: [{ name: 'web', team: 'shop', objectives: [{ target: 0.99 }] }] };

/** A store, and what was asked of it since it was last emptied. */
interface Counted {
  readonly state: StateStore;
  readonly calls: string[];
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const stores: Readonly<Record<string, () => Promise<Counted>>> = {
  'the store in memory': async () => {
    const calls: string[] = [];
    const state = new Proxy(new MemoryStateStore(), {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          calls.push(`${String(name)} ${args[0]}`);
          return Reflect.apply(method, target, args);
        };
      },
    });
    return { state, calls };
  },
  'Azurite, as the SDK calls it': async () => {
    const azurite = await startAzurite();
    closers.push(() => azurite.close());
    const proxy = await startTableProxy(azurite.connectionString);
    closers.push(() => proxy.close());
    const state = await createTableStorage({ connectionString: proxy.connectionString }, 'operations');
    // The table is made by whoever misses it first.
    await state.put('made', 'table', {}, '*');
    return { state, calls: proxy.calls };
  },
};

describe.each(Object.keys(stores))('on %s', (name) => {
  async function startCounted(): Promise<Counted & { readonly platform: Platform }> {
    const counted = (await stores[name]?.()) ?? expect.fail('no such store');
    // The cluster has a store of its own: a real one costs none of the app's.
    return { ...counted, platform: await startPlatform(config, counted.state) };
  }

  it('a good deployment, the first or a later one, takes at most 20 calls and 4 messages', async () => {
    const { platform, state, calls } = await startCounted();

    for (const tag of ['1', '2']) {
      const before = await runsIn(state);
      calls.length = 0;
      await platform.deploy('web', tag);
      expect(calls.length, calls.join('\n')).toBeLessThanOrEqual(20);
      expect((await runsIn(state)) - before).toBe(4);
    }

    expect(platform.bus.events({ type: 'DeploymentCompleted' })).toHaveLength(2);
  });

  it('a health check, the first or a later one, takes at most 4 calls', async () => {
    const { platform, state, calls } = await startCounted();

    for (let n = 1; n <= 2; n++) {
      calls.length = 0;
      await platform.check('web', 100, 100);
      expect(calls.length, calls.join('\n')).toBeLessThanOrEqual(4);
    }

    expect(await runsIn(state)).toBe(2);
  });
});

/** How many messages were handled. */
async function runsIn(state: StateStore): Promise<number> {
  return (await recordsOf(state)).reduce((sum, { runs }) => sum + runs, 0);
}
