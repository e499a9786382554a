/**
 * How many calls of the store and how many messages an event costs: what the app pays for, and what bounds its rate. The
 * figures are those that `npm run cost` reckons with.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';
import { MEASURED, type Operations } from '../../../shared/cli/cost/measured.ts';
import { RECORD_PARTITIONS } from '../../../shared/delivery/event-record.ts';
import { forgetOld } from '../../../shared/delivery/retention.ts';
import { DAY_MS } from '../../../shared/duration.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { HISTORY_LIMITS } from '../../../shared/settings.ts';
import { startAzurite } from '../../support/azurite.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { RecordingLog } from '../../support/ports.ts';
import { recordsOf } from '../../support/records.ts';
import { startTableProxy } from '../../support/table-proxy.ts';

const config = { services: [{ name: 'web', team: 'shop', objectives: [{ target: 0.99 }] }] };

/** A store, and what was asked of it since it was last emptied. */
interface Counted {
  readonly state: StateStore;
  readonly calls: string[];
  /** How many entities were asked for, by partition; not counted on Azurite. */
  readonly entities?: Map<string, number>;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function countedMemory(): Required<Counted> {
  const calls: string[] = [];
  const entities = new Map<string, number>();
  const state = new Proxy(new MemoryStateStore(), {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (partition: string, what: unknown, ...rest: unknown[]) => {
        calls.push(`${String(name)} ${partition}`);
        const group = RECORD_PARTITIONS.includes(partition) ? 'records' : partition;
        const count = name === 'transact' && Array.isArray(what) ? what.length : 1;
        entities.set(group, (entities.get(group) ?? 0) + count);
        return Reflect.apply(method, target, [partition, what, ...rest]);
      };
    },
  });
  return { state, calls, entities };
}

async function countedAzurite(): Promise<Counted> {
  const azurite = await startAzurite();
  closers.push(() => azurite.close());
  const proxy = await startTableProxy(azurite.connectionString);
  closers.push(() => proxy.close());
  const state = await createTableStorage({ connectionString: proxy.connectionString }, 'operations');
  // The table is made by whoever misses it first.
  await state.put('made', 'table', {}, '*');
  return { state, calls: proxy.calls };
}

const stores: Readonly<Record<string, () => Promise<Counted>>> = {
  'the store in memory': async () => countedMemory(),
  'Azurite, as the SDK calls it': countedAzurite,
};

/** How many messages each handler has taken. */
async function runsIn(state: StateStore): Promise<Record<string, number>> {
  const runs: Record<string, number> = {};
  for (const record of await recordsOf(state)) runs[record.handler] = (runs[record.handler] ?? 0) + record.runs;
  return runs;
}

type Counts = Readonly<Record<string, number>>;

/** Each number of both, combined; what comes to nothing is left out. */
function combined(more: Counts, less: Counts, combine: (more: number, less: number) => number): Counts {
  const entries = Object.entries(more).map(([name, count]) => [name, combine(count, less[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

/** What a piece of work costs; on Azurite without the entities. */
async function measure(
  { state, calls, entities }: Counted,
  platform: Platform,
  work: () => Promise<void>,
): Promise<Omit<Operations, 'entities'> & Partial<Operations>> {
  const { log } = platform.ports;
  if (!(log instanceof RecordingLog)) throw new Error('the platform records its log');
  const before = await runsIn(state);
  calls.length = 0;
  entities?.clear();
  log.lines.length = 0;
  await work();
  const counted = {
    storeCalls: calls.length,
    logLines: log.lines.length,
    ...(entities && { entities: Object.fromEntries(entities) }),
  };
  return { runs: combined(await runsIn(state), before, (after, already) => after - already), ...counted };
}

describe.each(Object.keys(stores))('on %s', (name) => {
  async function startCounted(): Promise<{ counted: Counted; platform: Platform }> {
    const counted = (await stores[name]?.()) ?? expect.fail('no such store');
    // The cluster has a store of its own: a real one costs none of the app's.
    return { counted, platform: await startPlatform(config, counted.state) };
  }
  const figures = ({ entities, ...others }: Operations, { entities: counts }: Counted) =>
    counts ? { ...others, entities } : others;

  it('a good deployment, the first or a later one, takes what the cost command says', async () => {
    const { counted, platform } = await startCounted();

    for (const tag of ['1', '2']) {
      const found = await measure(counted, platform, () => platform.deploy('web', tag));
      expect(found, counted.calls.join('\n')).toEqual(figures(MEASURED.deployment, counted));
    }

    expect(platform.bus.events({ type: 'DeploymentCompleted' })).toHaveLength(2);
  });

  it('so does each further look at a rollout', async () => {
    const { counted, platform } = await startCounted();

    const quick = await measure(counted, platform, () => platform.deploy('web', '1'));
    // Ten seconds, looked at every two.
    const slow = await measure(counted, platform, () => platform.deploy('web', 'slow-2'));

    const looks = (slow.runs['deployment-started'] ?? 0) - (quick.runs['deployment-started'] ?? 0);
    expect(looks).toBe(4);
    const perLook = (more: number, less: number): number => (more - less) / looks;
    expect({
      runs: combined(slow.runs, quick.runs, perLook),
      storeCalls: perLook(slow.storeCalls, quick.storeCalls),
      logLines: perLook(slow.logLines, quick.logLines),
      ...(slow.entities && { entities: combined(slow.entities, quick.entities ?? {}, perLook) }),
    }).toEqual(figures(MEASURED.look, counted));
  });

  it('so does a health check, the first or a later one', async () => {
    const { counted, platform } = await startCounted();

    for (let n = 1; n <= 2; n++) {
      const found = await measure(counted, platform, () => platform.check('web', 100, 100));
      expect(found, counted.calls.join('\n')).toEqual(figures(MEASURED.check, counted));
    }
  });
});

describe('the figures', () => {
  it('keep to what an event may cost', () => {
    expect(MEASURED.deployment.storeCalls).toBeLessThanOrEqual(20);
    expect(Object.values(MEASURED.deployment.runs).reduce((sum, count) => sum + count)).toBeLessThanOrEqual(4);
    expect(MEASURED.check.storeCalls).toBeLessThanOrEqual(4);
  });

  it('say what forgetting costs, in passes as the app makes them', async () => {
    const counted = countedMemory();
    const platform = await startPlatform(config, counted.state);
    for (let n = 0; n < 1_000; n++) await platform.check('web', 1, 1);
    const later = platform.ports.clock.now() + HISTORY_LIMITS.ageMs + 2 * DAY_MS;
    counted.calls.length = 0;
    counted.entities.clear();

    while (!(await forgetOld(counted.state, later, HISTORY_LIMITS))) {
      // Another pass.
    }

    expect(await recordsOf(counted.state)).toEqual([]);
    const perEvent = (count: number): number => Math.ceil((10 * count) / 1_000) / 10;
    expect(perEvent(counted.calls.length)).toBe(MEASURED.forgotten.storeCalls);
    expect(Math.round((counted.entities.get('records') ?? 0) / 1_000)).toBe(MEASURED.forgotten.entities.records);
  });
});
