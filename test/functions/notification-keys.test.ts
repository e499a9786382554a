/**
 * The keys of all notifications: one of the same key is sent once, so a key that another bears hides it. Calls are answered
 * late here, and a handler that ends before them is found out.
 */
import { expect, it } from 'vitest';
import { handle as clusterCreated } from '../../functions/infrastructure/cluster-created.ts';
import { handle as clusterUpdated } from '../../functions/infrastructure/cluster-updated.ts';
import { handle as namespaceCreated } from '../../functions/infrastructure/namespace-created.ts';
import { handle as quotaExceeded } from '../../functions/infrastructure/resource-quota-exceeded.ts';
import { handle as depleted } from '../../functions/platform/error-budget-depleted.ts';
import { handle as checked } from '../../functions/platform/health-check.ts';
import { handle as violated } from '../../functions/platform/slo-violation.ts';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { createSimulatedClusters } from '../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../shared/config.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { type EventDefinition, newEvent } from '../../shared/events/cloud-event.ts';
import { eventKey } from '../../shared/events/identity.ts';
import {
  ClusterCreated,
  ClusterUpdated,
  NamespaceCreated,
  ResourceQuotaExceeded,
} from '../../shared/events/infrastructure.ts';
import { ErrorBudgetDepleted, HealthCheck, SLOViolation } from '../../shared/events/platform.ts';
import { flushPromises } from '../../shared/local/service-bus/core/clock.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import { World as Deployments, only } from '../support/deployments.ts';
import { FixedClock, recordingPorts } from '../support/ports.ts';

const NOON = '2026-03-01T12:00:00Z';
const config = {
  services: [{ name: 'checkout', team: 'shop', objectives: [{ target: 0.99 }] }],
  profiles: { staging: { quota: { pods: '5' }, quotaCap: { pods: '9' } } },
};
const spent = { slo: 'availability', currentValue: 0.9, targetValue: 0.99, errorBudgetRemaining: -9 };
const burning = { ...spent, severity: 'page', burnRate: 20, longWindow: '1h', shortWindow: '5m' };
const cluster = { clusterName: 'north', region: 'northeurope' };
const quota = { namespace: 'shop', resource: 'pods', used: '5', hard: '5' };

const keyOf = (id: string): string => eventKey({ source: '/test', id });

interface Step {
  readonly definition: EventDefinition;
  readonly handle: Handler<never>;
  readonly id: string;
  readonly data: object;
  readonly time?: string;
  /** The event that it follows from. */
  readonly cause?: string;
}

/** Answers every call of a port late, and counts those under way. */
function lateCalls(): { open: () => number; late: <T extends object>(port: T) => T } {
  let open = 0;
  const late = <T extends object>(port: T): T =>
    new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (typeof method !== 'function' || name === 'query') return method;
        return async (...args: unknown[]) => {
          open++;
          await flushPromises();
          return Promise.resolve(Reflect.apply(method, target, args)).finally(() => open--);
        };
      },
    });
  return { open: () => open, late };
}

const step = (definition: EventDefinition, handle: Handler<never>, id: string, data: object): Step => {
  return { definition, handle, id, data };
};
const inStaging = { namespace: 'shop', team: 'shop', environment: 'staging' };
const counts = { service: 'checkout', good: 90, total: 100 };

/** What is notified by each handler in turn, in one world. */
async function keysOf(...steps: readonly Step[]): Promise<string[]> {
  const clock = new FixedClock(NOON);
  const state = new MemoryStateStore();
  const clusters = createSimulatedClusters({ state, clock, config: parseConfig(config) });
  const keys: string[] = [];
  for (const { definition, handle, id, data, time = NOON, cause } of steps) {
    // Any definition of the catalog makes an event of it.
    const made = newEvent(definition, { id, source: '/test', time, data }) as unknown as PlatformEvent;
    const event = cause === undefined ? made : { ...made, causationid: `/test ${cause}` };
    const ports = recordingPorts({ handling: event, state, clock, clusters, config });
    const { open, late } = lateCalls();
    await (handle as Handler)(event, { ...ports, state: late(state), notifier: late(ports.notifier) });
    expect(open(), `${definition.type}: calls that nobody waits for`).toBe(0);
    keys.push(...ports.notifications.map(({ key }) => key));
  }
  return keys;
}

it.each<[string, readonly Step[], readonly string[]]>([
  [
    'a cluster that cannot be reached',
    [step(ClusterCreated, clusterCreated, 'e-1', cluster)],
    [`${keyOf('e-1')}/unknown-cluster`],
  ],
  [
    'an upgrade that is none',
    [step(ClusterUpdated, clusterUpdated, 'e-2', { ...cluster, previousVersion: '1.30.1', version: '1.29.0' })],
    [`${keyOf('e-2')}/version`],
  ],
  ['a quota that is not raised', [step(ResourceQuotaExceeded, quotaExceeded, 'e-3', quota)], [`${keyOf('e-3')}/quota`]],
  [
    'a quota that is raised',
    [
      step(NamespaceCreated, namespaceCreated, 'e-4', inStaging),
      step(ResourceQuotaExceeded, quotaExceeded, 'e-5', quota),
    ],
    [`${keyOf('e-5')}/raised`],
  ],
  [
    'a burning budget',
    [step(SLOViolation, violated, 'e-6', { service: 'checkout', ...burning })],
    [`${keyOf('e-6')}/violation`],
  ],
  [
    'a spent budget',
    [
      step(HealthCheck, checked, 'e-7', counts),
      {
        ...step(ErrorBudgetDepleted, depleted, 'e-13', { service: 'checkout', window: '30d', ...spent }),
        cause: 'e-7',
      },
    ],
    [`checkout/availability/depleted/${keyOf('e-7')}`],
  ],
  [
    'a budget that is positive again',
    [
      step(HealthCheck, checked, 'e-8', counts),
      step(HealthCheck, checked, 'e-9', { ...counts, good: 100_000, total: 100_000 }),
    ],
    [`checkout/availability/recovered/${keyOf('e-8')}`],
  ],
  [
    'a spent budget that is positive again when it is heard of',
    [
      step(HealthCheck, checked, 'e-11', { ...counts, good: 100 }),
      {
        ...step(ErrorBudgetDepleted, depleted, 'e-12', { service: 'checkout', window: '30d', ...spent }),
        time: '2026-03-01T11:00:00Z',
      },
    ],
    [],
  ],
  [
    'a check that counts nowhere',
    [step(HealthCheck, checked, 'e-10', { ...counts, service: 'unheard-of' })],
    [`no-objective/${keyOf('e-10')}`],
  ],
])('%s', async (_, steps, keys) => {
  expect(await keysOf(...steps)).toEqual(keys);
});

it('a deployment, its failure and its rollback', async () => {
  const world = new Deployments();
  await world.carry(world.request('1'));
  world.clock.advance(1_000);
  await world.carry(world.request('fail-2'));

  const target = 'default/shop/web';
  expect(world.notified.map(({ key }) => key)).toEqual([
    `${target}/${keyOf('request-1')}/completed`,
    `${target}/${keyOf('request-2')}/failed`,
    `${target}/${keyOf('request-2')}/rolled-back`,
  ]);
});

it('a deployment that fails and is not rolled back', async () => {
  const world = new Deployments({ config: { policies: { deployment: { rollback: false } } } });
  await world.carry(world.request('fail-1'));

  expect(world.notified.map(({ key }) => key)).toEqual([`default/shop/web/${keyOf('request-1')}/closed`]);
});

it('two requests of one target, each under its own', async () => {
  const world = new Deployments();
  const failed = [];
  for (const tag of ['fail-1', 'fail-2']) {
    failed.push(only(await world.runToEnd(only(await world.run(world.request(tag))))));
    world.clock.advance(1_000);
  }
  for (const event of failed) await world.carry(event);

  const keys = world.notified.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.filter((key) => key.includes(keyOf('request-1'))).length).toBeGreaterThan(0);
  expect(keys.filter((key) => key.includes(keyOf('request-2'))).length).toBeGreaterThan(0);
});

it('a deployment event is at its end when people are told, not before', async () => {
  const world = new Deployments();
  world.notify = async (notification) => {
    for (let turn = 0; turn < 3; turn++) await flushPromises();
    world.notified.push(notification);
  };
  const toldBy = async (event: PlatformEvent): Promise<string[]> =>
    (await world.run(event)).notifications.map(({ key }) => key.split('/').at(-1) ?? '');
  const started = only(await world.run(world.request('1')));
  expect(await toldBy(only(await world.runToEnd(started)))).toEqual(['completed']);
  world.clock.advance(1_000);

  const failed = only(await world.runToEnd(only(await world.run(world.request('fail-2')))));
  expect(await toldBy(failed)).toEqual(['failed']);
  const rolledBack = only(await world.runToEnd(failed));
  expect(await toldBy(rolledBack)).toEqual(['rolled-back']);
});
