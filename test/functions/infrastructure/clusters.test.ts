import { describe, expect, it } from 'vitest';
import { handle as handleCreated } from '../../../functions/infrastructure/cluster-created.ts';
import { handle as handleUpdated } from '../../../functions/infrastructure/cluster-updated.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../../shared/config.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { ClusterCreated, ClusterUpdated } from '../../../shared/events/infrastructure.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { contents, expectOneEffect, type World } from '../../support/deaths.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const namespaces = [
  { namespace: 'shop', team: 'shop', environment: 'production' },
  { namespace: 'ops', team: 'ops', environment: 'staging', profile: 'small' },
];
const config = { profiles: { production: {}, small: {} }, clusters: { north: { baseline: { namespaces } } } };

function created(time = NOW, data: object = {}): EventOf<typeof ClusterCreated> {
  return newEvent(ClusterCreated, {
    source: '/provisioning',
    time: new Date(time).toISOString(),
    data: { clusterName: 'north', region: 'northeurope', provider: 'aks', version: '1.30.1', ...data },
  });
}

function updated(time: number, data: object): EventOf<typeof ClusterUpdated> {
  return newEvent(ClusterUpdated, {
    source: '/provisioning',
    time: new Date(time).toISOString(),
    data: { clusterName: 'north', region: 'northeurope', ...data },
  });
}

function world(
  configured: unknown = config,
  state: StateStore = new MemoryStateStore(),
): World & { state: StateStore } {
  const clock = new FixedClock(NOW);
  return {
    state,
    clock,
    config: configured,
    clusters: createSimulatedClusters({ state, clock, config: parseConfig(configured) }),
  };
}

async function deliver(
  event: EventOf<typeof ClusterCreated> | EventOf<typeof ClusterUpdated>,
  at: World,
): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, ...at });
  await (event.type === 'ClusterCreated' ? handleCreated(event, ports) : handleUpdated(event, ports));
  return ports;
}

const north = async ({ state }: World): Promise<unknown> => (await state.get('inventory', 'cluster/north'))?.value;
const look = ({ state }: World): Promise<unknown> => contents(state, 'inventory');

describe('a new cluster', () => {
  it('is entered in the inventory and gets the namespaces of its baseline', async () => {
    const ending = await expectOneEffect(handleCreated, created(), async () => world(), look);

    expect(ending.published.map(({ type, data }) => ({ type, data }))).toEqual([
      { type: 'NamespaceCreated', data: { ...namespaces[0], cluster: 'north' } },
      { type: 'NamespaceCreated', data: { ...namespaces[1], cluster: 'north' } },
    ]);
    expect(new Set(ending.published.map(({ id }) => id)).size).toBe(2);
    expect(ending.notified).toEqual([]);
    expect(ending.state).toMatchObject({ 'inventory/cluster/north': { provider: 'aks', version: '1.30.1' } });
  });

  it('that the configuration does not name is in the inventory, and people are notified', async () => {
    const ending = await expectOneEffect(handleCreated, created(), async () => world({}), look);

    expect(ending.published).toEqual([]);
    expect(ending.notified).toHaveLength(1);
    expect(ending.state).toHaveProperty(['inventory/cluster/north']);
  });

  it('heard of late does not undo a newer update', async () => {
    const at = world();
    await deliver(updated(NOW + 1_000, { version: '1.31.0', nodeCount: 5 }), at);

    const { published } = await deliver(created(), at);

    expect(await north(at)).toMatchObject({ version: '1.31.0', nodeCount: 5 });
    expect(published).toHaveLength(2);
  });
});

describe('a cluster update', () => {
  it('changes what it names, keeps the rest, and has the baseline repaired', async () => {
    const at = world();
    const first = await deliver(created(), at);

    const { published, notifications } = await deliver(updated(NOW + 1_000, { version: '1.31.0' }), at);

    expect(await north(at)).toMatchObject({ provider: 'aks', version: '1.31.0' });
    expect(published.map(({ data }) => data)).toEqual(first.published.map(({ data }) => data));
    expect(published.map(({ id }) => id)).not.toEqual(first.published.map(({ id }) => id));
    expect(new Set([...published, ...first.published].map(({ id }) => id)).size).toBe(4);
    expect(notifications).toEqual([]);
  });

  it.each([
    ['1.30.1', '1.32.0', 'skips a minor version'],
    ['1.30.1', '1.29.9', 'goes backwards'],
    ['1.30.1', '1.30.0', 'goes backwards'],
    ['v1.30.1-gke.100', '1.29', 'goes backwards'],
    ['2.0.0', '1.99.0', 'goes backwards'],
    ['1.30.1', '1.31.9', undefined],
    ['1.30.1', '1.30.1', undefined],
    ['1.30', '1.30.0', undefined],
    ['1.35.0', '2.0.0', undefined],
    ['rapid', '1.29.0', undefined],
  ])('from %s to %s: %s', async (from, to, problem) => {
    const stored = world();
    await deliver(created(NOW, { version: from }), stored);
    const said = await deliver(updated(NOW + 1, { version: to, previousVersion: from }), world());

    const known = await deliver(updated(NOW + 1, { version: to }), stored);

    for (const { notifications } of [known, said]) {
      expect(notifications.map(({ text }) => text)).toEqual(
        problem ? [`the version of cluster 'north' ${problem}: from ${from} to ${to}`] : [],
      );
    }
  });

  it('that goes backwards is notified and recorded once, delivered twice or dying anywhere', async () => {
    const ending = await expectOneEffect(
      handleUpdated,
      updated(NOW + 1_000, { version: '1.28.0' }),
      async () => {
        const at = world();
        await deliver(created(), at);
        return at;
      },
      look,
    );

    expect(ending.notified).toHaveLength(1);
    expect(ending.published).toHaveLength(2);
    expect(ending.state).toMatchObject({ 'inventory/cluster/north': { version: '1.28.0' } });
  });
});
