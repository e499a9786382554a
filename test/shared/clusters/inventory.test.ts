/** What is recorded of clusters and namespaces, and which upgrades and events of namespaces are refused. */
import { expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { clusterChangedAt, namespaceOf, recordCluster, withNamespace } from '../../../shared/clusters/inventory.ts';
import { upgradeProblem } from '../../../shared/clusters/kubernetes-version.ts';
import { objectionToNamespace } from '../../../shared/clusters/namespace-rules.ts';
import { parseConfig } from '../../../shared/config.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { ClusterUpdated, NamespaceCreated } from '../../../shared/events/infrastructure.ts';

const timeOf = (minute: number): string => new Date(minute * 60_000).toISOString();
const keyOf = (id: string): string => eventKey({ source: '/ops', id });

it('what is known of a cluster is what the newest event says; what that does not say stays', async () => {
  const state = new MemoryStateStore();
  const record = (id: string, minute: number, data: object) =>
    recordCluster(
      state,
      newEvent(ClusterUpdated, {
        ...{ id, source: '/ops', time: timeOf(minute) },
        data: { clusterName: 'north', region: 'eu', version: '1.30.1', ...data },
      }),
    );

  expect(await clusterChangedAt(state, 'north')).toBeUndefined();
  await record('e-1', 5, { nodeCount: 3 });
  expect(await record('e-2', 6, { version: '1.31.0' })).toMatchObject({
    ...{ version: '1.31.0', previousVersion: '1.30.1', nodeCount: 3, at: 360_000, by: keyOf('e-2') },
  });
  expect(await record('e-0', 4, { version: '1.29.0' })).toMatchObject({ version: '1.31.0', by: keyOf('e-2') });
  expect(await record('e-2', 6, { version: '1.31.0' })).toMatchObject({ previousVersion: '1.30.1' });
  expect(await clusterChangedAt(state, 'north')).toBe(360_000);
  expect(await namespaceOf(state, 'north', 'shop')).toBeUndefined();
});

it('what is known of a namespace keeps the time of the newest event, and what was raised', () => {
  const created = (id: string, minute: number) =>
    newEvent(NamespaceCreated, {
      ...{ id, source: '/ops', time: timeOf(minute) },
      data: { namespace: 'shop', team: 'shop', environment: 'staging' },
    });
  const first = withNamespace(undefined, created('e-1', 5), 'staging');
  expect(first).toEqual({
    ...{ cluster: 'default', namespace: 'shop', team: 'shop', environment: 'staging', profile: 'staging' },
    ...{ at: 300_000, by: keyOf('e-1'), raised: {} },
  });
  const raised = { ...first, raised: { pods: { hard: '8', by: 'e' } } };

  const stampOf = (id: string, minute: number) => {
    const { at, by, raised: kept } = withNamespace(raised, created(id, minute), 'staging');
    return [at, by, kept];
  };

  expect(stampOf('e-2', 6)).toEqual([360_000, keyOf('e-2'), raised.raised]);
  expect(stampOf('e-0', 4)).toEqual([300_000, keyOf('e-1'), raised.raised]);
  expect(stampOf('e-1', 9)).toEqual([300_000, keyOf('e-1'), raised.raised]);
});

it.each([
  ['1.30.1', '1.31.0', undefined],
  ['1.30.1', '1.30.1', undefined],
  ['v1.30', 'v1.31.4-gke.100', undefined],
  ['1.30.2', '1.30.1', 'goes backwards'],
  ['1.31.0', '1.30.9', 'goes backwards'],
  ['2.0.0', '1.31.0', 'goes backwards'],
  ['1.30.1', '1.32.0', 'skips a minor version'],
  ['1.30.1', '2.2.0', undefined],
  ['1.30.1', 'latest', undefined],
  ['1.30x', '1.29.0', undefined],
])('an upgrade from %s to %s: %s', (from, to, problem) => {
  expect(upgradeProblem(from, to)).toBe(problem);
});

it('an event confirms what a namespace is, and changes nothing of it', () => {
  const config = parseConfig({
    clusters: { north: { baseline: { namespaces: [{ namespace: 'ops', team: 'ops', environment: 'staging' }] } } },
  });
  const found = {
    ...({ cluster: 'default', namespace: 'shop', team: 'shop', environment: 'staging', profile: 'small' } as const),
    ...{ at: 0, by: 'e', raised: {} },
  };
  const of = (data: object, known: typeof found | undefined = undefined): string | undefined =>
    objectionToNamespace(config, { namespace: 'shop', team: 'shop', environment: 'staging', ...data }, known);
  const ops = { cluster: 'north', namespace: 'ops', team: 'ops' };

  expect([of({}), of({}, found), of({ profile: 'small' }, found), of(ops)]).toEqual([
    ...[undefined, undefined, undefined, undefined],
  ]);
  expect(of({ team: 'other' }, found)).toBe(
    "team 'other' is not that of 'shop' in cluster 'default': it was made with 'shop', and no event changes it",
  );
  expect(of({ profile: 'large' }, found)).toContain("profile 'large' is not that of 'shop'");
  expect(of({ ...ops, environment: 'production' })).toBe(
    "environment 'production' is not that of 'ops' in cluster 'north': platform.config.json says 'staging', and no event changes it",
  );
  expect(of({ namespace: 'shop-prod' })).toBe(
    "environment 'staging' is not that of 'shop-prod': its name is that of a production namespace",
  );
  expect(of({ namespace: 'shop-prod', environment: 'production' })).toBeUndefined();
});
