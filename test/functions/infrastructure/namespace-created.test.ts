import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/infrastructure/namespace-created.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../../shared/adapters/simulated-cluster.ts';
import { changeNamespace, namespaceOf } from '../../../shared/clusters/inventory.ts';
import { withRaise } from '../../../shared/clusters/quota.ts';
import { parseConfig } from '../../../shared/config.ts';
import { InvalidEventError, NotFoundError, PermanentError, PolicyViolationError } from '../../../shared/errors.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { NamespaceCreated } from '../../../shared/events/infrastructure.ts';
import { GUARDRAILS_NAME, type Guardrails } from '../../../shared/ports/cluster.ts';
import { contents, expectOneEffect, type World } from '../../support/deaths.ts';
import { clustersOf, FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

function created(data: object = {}, time = NOW): EventOf<typeof NamespaceCreated> {
  return newEvent(NamespaceCreated, {
    source: '/provisioning',
    time: new Date(time).toISOString(),
    data: { namespace: 'shop', team: 'web', environment: 'staging', ...data },
  });
}

function world(config: object = {}): World & Required<Pick<World, 'clusters'>> {
  const state = new MemoryStateStore();
  const clock = new FixedClock(NOW);
  return { state, clock, config, clusters: createSimulatedClusters({ state, clock, config: parseConfig(config) }) };
}

async function deliver(event: EventOf<typeof NamespaceCreated>, at: World): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, ...at });
  await handle(event, ports);
  return ports;
}

const look = ({ state }: World): Promise<unknown> => contents(state, 'inventory', 'simulated-cluster-namespaces');

describe('a new namespace', () => {
  it("gets its environment's guardrails once, delivered twice or dying anywhere", async () => {
    const { state } = await expectOneEffect(handle, created(), async () => world(), look);

    expect(state).toMatchObject({
      'inventory/namespace/default/shop': { team: 'web', environment: 'staging', profile: 'staging' },
      'simulated-cluster-namespaces/default/shop': {
        namespace: 'shop',
        labels: { team: 'web', environment: 'staging' },
        podSecurity: 'restricted',
        quota: { 'requests.cpu': '4', 'requests.memory': '8Gi', pods: '50' },
        limits: { default: { cpu: '500m', memory: '512Mi' }, defaultRequest: { cpu: '100m', memory: '128Mi' } },
        access: { group: 'web', clusterRole: 'edit' },
      },
    });
  });

  it('gets the profile that it names, with the group of its team', async () => {
    const at = world({ profiles: { gold: { podSecurity: 'baseline', group: 'k8s-{team}', quota: { pods: '9' } } } });

    await deliver(created({ profile: 'gold' }), at);

    expect(await look(at)).toMatchObject({
      'simulated-cluster-namespaces/default/shop': {
        podSecurity: 'baseline',
        quota: { pods: '9' },
        access: { group: 'k8s-web' },
      },
    });
  });

  it('whose guardrails drifted is repaired by the same event', async () => {
    const at = world();
    await deliver(created(), at);
    const before = await look(at);
    await at.clusters.get('default').setQuota('shop', GUARDRAILS_NAME, 'pods', '1');

    await deliver(created({}, NOW + 1), at);

    expect(await look(at)).toMatchObject({
      'simulated-cluster-namespaces/default/shop': Object(before)['simulated-cluster-namespaces/default/shop'],
    });
  });

  it.each([
    ['keeps a quota that was raised', '75', '75'],
    ['keeps a raised quota up to a cap that was lowered since', '1000', '200'],
    ['keeps its own quota when that was raised above', '20', '50'],
  ])('repaired %s', async (_, raised, expected) => {
    const at = world();
    await deliver(created(), at);
    await changeNamespace(at.state, 'default', 'shop', (found) => {
      if (!found) throw new Error('no record');
      return withRaise(found, 'pods', raised, 'e');
    });

    await deliver(created({}, NOW + 1), at);

    const [quota] = await at.clusters.get('default').quotas('shop');
    expect(quota?.hard['pods']).toBe(expected);
  });

  it.each([
    ['an older event', NOW - 1],
    ['a newer one', NOW + 1],
  ])('keeps its team, environment and profile when %s says another', async (_, time) => {
    const at = world({ profiles: { production: {}, staging: {}, lax: { podSecurity: 'privileged' } } });
    await deliver(created({ environment: 'production' }), at);
    const before = await look(at);

    for (const change of [{ team: 'attackers' }, { environment: 'staging' }, { profile: 'lax' }]) {
      const event = created({ environment: 'production', ...change }, time);
      await expect(deliver(event, at), JSON.stringify(change)).rejects.toThrow(PolicyViolationError);
      await expect(deliver(event, at)).rejects.toThrow(`is not that of 'shop' in cluster 'default'`);
    }

    expect(await look(at)).toEqual(before);
  });

  it('changed by two events at once has one team, in the inventory and in the cluster', async () => {
    for (let at = 1; at <= 6; at++) {
      const here = world();
      const one = created({ team: 'one' }, NOW);
      const other = created({ team: 'other' }, NOW + 1);
      let calls = 0;
      const outcomes: unknown[] = [];
      const run = async (event: typeof one, where: World): Promise<void> => {
        outcomes.push(await deliver(event, where).catch((error) => error));
      };
      const interrupted = new Proxy(here.state, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name, target);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            if (++calls === at) await run(other, here);
            return Reflect.apply(method, target, args);
          };
        },
      });
      const clusters = createSimulatedClusters({ state: interrupted, clock: here.clock, config: parseConfig({}) });

      await run(one, { ...here, state: interrupted, clusters });
      if (calls < at) await run(other, here);

      expect(
        outcomes.filter((it) => it instanceof PolicyViolationError),
        `interrupted at call ${at}`,
      ).toHaveLength(1);
      const { team } = (await namespaceOf(here.state, 'default', 'shop')) ?? {};
      expect(await look(here)).toMatchObject({ 'simulated-cluster-namespaces/default/shop': { labels: { team } } });
    }
  });

  describe('of the configuration', () => {
    const listed = {
      profiles: { production: {}, development: { podSecurity: 'baseline' }, gold: { quota: { pods: '9' } } },
      clusters: {
        default: {
          baseline: { namespaces: [{ namespace: 'shop', team: 'shop', environment: 'production', profile: 'gold' }] },
          namespaces: [{ namespace: 'shop-*', team: 'shop', environment: 'development' }],
        },
      },
    };

    it.each([
      ['by its name', { namespace: 'shop', environment: 'production' }, { quota: { pods: '9' } }],
      ['by a pattern', { namespace: 'shop-eu', environment: 'development' }, { podSecurity: 'baseline' }],
    ])('is made when it is listed %s, with the profile of the entry', async (_, data, expected) => {
      const at = world({ ...listed, unlisted: 'refuse', policies: { deployment: { registries: ['ghcr.io'] } } });

      await deliver(created({ team: 'shop', ...data }), at);

      expect(await look(at)).toMatchObject({ [`simulated-cluster-namespaces/default/${data.namespace}`]: expected });
    });

    it.each([
      ['another team', { namespace: 'shop', team: 'attackers', environment: 'production' }, "team 'attackers'"],
      ['another environment', { namespace: 'shop', team: 'shop', environment: 'development' }, "environment 'develop"],
      [
        'another profile',
        { namespace: 'shop', team: 'shop', environment: 'production', profile: 'production' },
        'gold',
      ],
      ['another team than its pattern', { namespace: 'shop-eu', team: 'x', environment: 'development' }, "team 'x'"],
      [
        'a pattern, and the name of production',
        { namespace: 'shop-prod', team: 'shop', environment: 'development' },
        'its name is that of a production',
      ],
    ])('is refused with %s', async (_, data, message) => {
      const at = world(listed);

      await expect(deliver(created(data), at)).rejects.toThrow(PolicyViolationError);
      await expect(deliver(created(data), at)).rejects.toThrow(message);
      expect(await look(at)).toEqual({});
    });

    it('gets the team that the configuration gives it now', async () => {
      const at = world();
      await deliver(created({ team: 'old', environment: 'production' }), at);

      const now = {
        ...at,
        config: {
          clusters: { default: { namespaces: [{ namespace: 'shop', team: 'new', environment: 'production' }] } },
        },
      };
      await deliver(created({ team: 'new', environment: 'production' }, NOW - 1), now);

      expect(await look(at)).toMatchObject({
        'inventory/namespace/default/shop': { team: 'new' },
        'simulated-cluster-namespaces/default/shop': { labels: { team: 'new' } },
      });
    });

    it('is refused when it is not listed and nothing unlisted is allowed', async () => {
      const at = world({ ...listed, unlisted: 'refuse', policies: { deployment: { registries: ['ghcr.io'] } } });

      await expect(deliver(created({ namespace: 'payments' }), at)).rejects.toThrow(
        "namespace 'payments' is not listed for cluster 'default' in platform.config.json; listed: shop, shop-*",
      );
      expect(await look(at)).toEqual({});
    });
  });

  it.each([
    'argocd',
    'cert-manager',
    'gatekeeper-system',
    'istio-system',
    'default',
    'kube-system',
    'platform-events',
    'tools',
  ])('is refused for the system namespace %s', async (namespace) => {
    const at = world({ policies: { systemNamespaces: ['tool*'] } });

    await expect(deliver(created({ namespace }), at)).rejects.toThrow(PolicyViolationError);
    await expect(deliver(created({ namespace }), at)).rejects.toThrow(`'${namespace}' is a system namespace`);
    expect(await look(at)).toEqual({});
  });

  it.each([
    [
      'a profile that does not exist',
      { profile: 'gold' },
      'data.profile: expected a profile of platform.config.json (small), got "gold"',
    ],
    [
      "an environment's profile that does not exist",
      {},
      'data.environment: expected a profile of platform.config.json (small), got "staging"',
    ],
    ['the name of a method as profile', { profile: 'constructor' }, 'got "constructor"'],
  ])('with %s is refused, naming path and value', async (_, data, message) => {
    const at = world({ profiles: { small: {} } });

    await expect(deliver(created(data), at)).rejects.toThrow(InvalidEventError);
    await expect(deliver(created(data), at)).rejects.toThrow(message);
    const event = created(data);
    await expect(deliver(event, at)).rejects.toMatchObject({ id: event.id, type: 'NamespaceCreated' });
    expect(await look(at)).toEqual({});
  });

  it('in a cluster that is not configured is refused, naming the known ones', async () => {
    const delivery = deliver(created({ cluster: 'south' }), world());

    await expect(delivery).rejects.toThrow(NotFoundError);
    await expect(delivery).rejects.toThrow("unknown cluster 'south'; known: default");
  });

  it('that Kubernetes refuses is not in the inventory', async () => {
    const at = world();
    const refuse = async (_: Guardrails): Promise<void> => {
      throw new PermanentError('namespaces "shop" is forbidden');
    };
    const clusters = clustersOf({ default: { ...at.clusters.get('default'), applyGuardrails: refuse } });

    await expect(deliver(created(), { ...at, clusters })).rejects.toThrow('forbidden');
    expect(await namespaceOf(at.state, 'default', 'shop')).toBeUndefined();
  });
});
