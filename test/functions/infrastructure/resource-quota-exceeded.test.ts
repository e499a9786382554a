import { describe, expect, it } from 'vitest';
import { handle as handleNamespace } from '../../../functions/infrastructure/namespace-created.ts';
import { handle } from '../../../functions/infrastructure/resource-quota-exceeded.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../../shared/config.ts';
import { PolicyViolationError } from '../../../shared/errors.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { NamespaceCreated, ResourceQuotaExceeded } from '../../../shared/events/infrastructure.ts';
import { GUARDRAILS_NAME } from '../../../shared/ports/cluster.ts';
import { contents, expectOneEffect, type World } from '../../support/deaths.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const quota = { 'requests.cpu': '900m', 'requests.memory': '1.5Gi', pods: '5' };
const quotaCap = { 'requests.cpu': '3', 'requests.memory': '4Gi', pods: '11', services: '10' };
const profile = { quota, quotaCap, quotaStep: 1.5 };
const config = { profiles: { staging: profile, production: profile } };

type Exceeded = EventOf<typeof ResourceQuotaExceeded>;
type TestWorld = World & Required<Pick<World, 'clusters'>>;

function exceeded(resource: string, hard: string, data: object = {}): Exceeded {
  return newEvent(ResourceQuotaExceeded, {
    source: '/watcher',
    time: new Date(NOW).toISOString(),
    data: { namespace: 'shop', resource, used: hard, hard, ...data },
  });
}

async function world(
  environment: 'staging' | 'production' = 'staging',
  configured: object = config,
): Promise<TestWorld> {
  const state = new MemoryStateStore();
  const clock = new FixedClock(NOW);
  const clusters = createSimulatedClusters({ state, clock, config: parseConfig(configured) });
  const data = { namespace: 'shop', team: 'web', environment };
  const event = newEvent(NamespaceCreated, {
    source: '/provisioning',
    id: 'ns',
    time: new Date(NOW).toISOString(),
    data,
  });
  await handleNamespace(event, recordingPorts({ handling: event, state, clock, clusters, config: configured }));
  return { state, clock, clusters, config: configured };
}

async function deliver(event: Exceeded, at: World): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, ...at });
  await handle(event, ports);
  return ports;
}

async function hardOf(at: TestWorld, resource: string): Promise<string | undefined> {
  const [found] = await at.clusters.get('default').quotas('shop');
  return found?.hard[resource];
}

const look = ({ state }: World): Promise<unknown> => contents(state, 'inventory', 'simulated-cluster-namespaces');

describe('an exhausted quota', () => {
  it.each([
    ['requests.cpu', '900m', '1350m'],
    ['requests.cpu', '0.9', '1350m'],
    ['requests.memory', '1.5Gi', '2304Mi'],
    ['requests.memory', '1536Mi', '2304Mi'],
    ['pods', '5', '8'],
  ])('of %s at %s is raised a step, to %s', async (resource, hard, expected) => {
    const at = await world();

    const { notifications } = await deliver(exceeded(resource, hard), at);

    expect(await hardOf(at, resource)).toBe(expected);
    expect(notifications).toMatchObject([{ severity: 'info', team: 'web' }]);
  });

  it.each([
    ['its name', { policies: { deployment: { productionNamespaces: ['sh*'] } } }],
    [
      'the configuration',
      { clusters: { default: { namespaces: [{ namespace: 'shop', team: 'web', environment: 'production' }] } } },
    ],
  ])('is not raised where %s says that it is production', async (_, change) => {
    const at = await world();

    const { notifications } = await deliver(exceeded('pods', '5'), { ...at, config: { ...config, ...change } });

    expect(notifications).toMatchObject([{ severity: 'warning', text: expect.stringContaining('in production') }]);
    expect(await hardOf(at, 'pods')).toBe('5');
  });

  it.each(['kube-system', 'argocd', 'default'])('of the system namespace %s is refused', async (namespace) => {
    const delivery = deliver(exceeded('pods', '5', { namespace }), await world());

    await expect(delivery).rejects.toThrow(PolicyViolationError);
  });

  it('of a namespace that is not listed is refused, where nothing unlisted is allowed', async () => {
    const clusters = { default: { namespaces: [{ namespace: 'other', team: 'web', environment: 'staging' }] } };
    const policies = { deployment: { registries: ['ghcr.io'] } };
    const at = { ...(await world()), config: { ...config, unlisted: 'refuse', policies, clusters } };

    await expect(deliver(exceeded('pods', '5'), at)).rejects.toThrow("namespace 'shop' is not listed");
  });

  it('is raised step by step up to the cap, and then people are notified', async () => {
    const at = await world();
    const steps: (string | undefined)[] = [];

    for (let n = 0; n < 4; n++) {
      const { notifications } = await deliver(exceeded('pods', (await hardOf(at, 'pods')) ?? ''), at);
      steps.push(await hardOf(at, 'pods'), notifications[0]?.severity);
    }

    expect(steps).toEqual(['8', 'info', '11', 'info', '11', 'warning', '11', 'warning']);
  });

  it('is raised once, delivered twice or dying anywhere', async () => {
    const { state, notified } = await expectOneEffect(handle, exceeded('pods', '5'), () => world(), look);

    expect(state).toMatchObject({ 'simulated-cluster-namespaces/default/shop': { quota: { pods: '8' } } });
    expect(notified).toHaveLength(1);
  });

  it('is raised once, reported twice at the same time or later', async () => {
    const at = await world();

    await Promise.all([exceeded('pods', '5'), exceeded('pods', '5')].map((event) => deliver(event, at)));
    await deliver(exceeded('pods', '5'), at);

    expect(await hardOf(at, 'pods')).toBe('8');
  });

  it('that people raised since is left alone', async () => {
    const at = await world();
    await at.clusters.get('default').setQuota('shop', GUARDRAILS_NAME, 'pods', '6');

    const { notifications } = await deliver(exceeded('pods', '5'), at);

    expect(await hardOf(at, 'pods')).toBe('6');
    expect(notifications).toEqual([]);
  });

  it('stays raised when the guardrails are applied again', async () => {
    const at = await world();
    await deliver(exceeded('pods', '5'), at);
    const data = { namespace: 'shop', team: 'web', environment: 'staging' } as const;
    const again = newEvent(NamespaceCreated, { source: '/provisioning', time: new Date(NOW + 1).toISOString(), data });

    await handleNamespace(again, recordingPorts({ handling: again, ...at }));

    expect(await hardOf(at, 'pods')).toBe('8');
  });

  it.each([
    ['in production', () => world('production'), exceeded('pods', '5'), 'production'],
    [
      'of a namespace that is not known',
      () => world(),
      exceeded('pods', '5', { namespace: 'else' }),
      'environment is not known',
    ],
    [
      'of a quota that is not ours',
      () => world(),
      exceeded('pods', '5', { quotaName: 'theirs' }),
      "'theirs' is not ours",
    ],
    ['of a resource without a cap', () => world(), exceeded('secrets', '5'), "no cap for 'secrets'"],
    ['of a resource that our quota does not limit', () => world(), exceeded('services', '5'), 'does not limit'],
    ['of a resource named like a method', () => world(), exceeded('constructor', '5'), "no cap for 'constructor'"],
  ])('%s changes nothing, and people are notified why', async (_, createWorld, event, why) => {
    const before = await look(await createWorld());

    const ending = await expectOneEffect(handle, event, createWorld, look);
    const { notifications } = await deliver(event, await createWorld());

    expect(ending.state).toEqual(before);
    expect(notifications).toMatchObject([{ severity: 'warning' }]);
    expect(notifications[0]?.text).toContain(why);
  });
});
