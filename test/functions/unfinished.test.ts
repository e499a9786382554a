/**
 * No function ends, and nothing is changed, while a call that it made is under way: its failure would be nobody's, and a
 * change could overtake the one before it. Every call is answered late here, in a life of the whole app.
 */
import { beforeAll, expect, it } from 'vitest';
import { handle as discardOldErrors } from '../../functions/timer/discard-old-errors.ts';
import { handle as noticePutBacks } from '../../functions/timer/notice-put-backs.ts';
import { handle as noticeSilence } from '../../functions/timer/notice-silence.ts';
import { handle as readQueues } from '../../functions/timer/read-queues.ts';
import { handle as replayUnjudged } from '../../functions/timer/replay-unjudged.ts';
import { deliver } from '../../shared/delivery/deliver.ts';
import { registeredHandlers } from '../../shared/delivery/registered-handlers.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { type DataOf, type EventDefinition, newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import {
  ClusterCreated,
  ClusterUpdated,
  NamespaceCreated,
  ResourceQuotaExceeded,
} from '../../shared/events/infrastructure.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import { VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import { loadHandlers } from '../../shared/local/testing/load-handlers.ts';
import { simulatedPorts } from '../../shared/local/testing/platform.ts';
import type { Clusters } from '../../shared/ports/cluster.ts';
import type { Handler, Ports } from '../../shared/ports/handler.ts';
import { type Gate, gated } from '../support/process.ts';

const config = {
  services: [{ name: 'web', team: 'shop', objectives: [{ slo: 'availability', target: 0.99, rollbackOnPage: 'act' }] }],
  profiles: { staging: { quota: { pods: '5' }, quotaCap: { pods: '11' }, quotaStep: 1.5 } },
  clusters: {
    default: { baseline: { namespaces: [{ namespace: 'ops', team: 'ops', environment: 'staging' }] } },
  },
};

const READS = ['get', 'query', 'isCompleted', 'rollout', 'quotas', 'deadLetters', 'ping'];
const isRead = (call: string): boolean => READS.includes(call);

/** What was not awaited, by function. */
const unfinished = new Set<string>();
const ran = new Set<string>();

/** What one run calls; reads may be made side by side. */
class Calls {
  readonly #name: string;
  readonly #open: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  readonly late: Gate = async (call, name) => {
    const beside = this.#open.filter((other) => !(isRead(name) && isRead(other)));
    if (beside.length > 0) unfinished.add(`${this.#name}: ${name} beside ${beside}`);
    this.#open.push(name);
    for (let turn = 0; turn < 20; turn++) await undefined;
    return call().finally(() => this.#open.splice(this.#open.indexOf(name), 1));
  };

  end(): void {
    ran.add(this.#name);
    if (this.#open.length > 0) unfinished.add(`${this.#name} ends before ${this.#open}`);
  }

  clusters({ names, get }: Clusters): Clusters {
    return { names, get: (name) => gated(get(name), this.late) };
  }
}

function watched(name: string, handle: Handler<never>): Handler<never> {
  return async (event, ports) => {
    const calls = new Calls(name);
    const result = await handle(event, {
      ...ports,
      state: gated(ports.state, calls.late),
      notifier: gated(ports.notifier, calls.late),
      clusters: calls.clusters(ports.clusters),
      isCompleted: (key) => calls.late(() => ports.isCompleted(key), 'isCompleted', []),
    });
    calls.end();
    return result;
  };
}

async function runTimer(name: string, handle: (ports: Ports) => Promise<void>, ports: Ports): Promise<void> {
  const calls = new Calls(name);
  const { state, deadLetterQueue, notifier } = ports;
  await handle({
    ...ports,
    state: gated(state, calls.late),
    deadLetterQueue: gated(deadLetterQueue, calls.late),
    notifier: gated(notifier, calls.late),
    clusters: calls.clusters(ports.clusters),
  });
  calls.end();
}

let bus: InMemoryEventBus;
let ports: Ports;

async function send<Definition extends EventDefinition>(
  definition: Definition,
  data: DataOf<Definition>,
  by = '10m',
): Promise<void> {
  const time = new Date(bus.clock.now()).toISOString();
  // Only definitions of the catalog are sent here.
  await bus.publish(newEvent(definition, { source: '/test', time, data }) as unknown as PlatformEvent);
  await bus.advance(by);
}

beforeAll(async () => {
  await loadHandlers();
  bus = new InMemoryEventBus({ clock: new VirtualClock('2026-03-01T12:00:00Z') });
  ports = simulatedPorts(bus, config);
  for (const { definition, subscription, topic, handle, expectation } of registeredHandlers().values()) {
    const watchedHandle = watched(subscription, handle);
    bus.subscribe(topic, subscription, ({ body }) =>
      deliver({ definition, handle: watchedHandle, expectation, body }, ports, { timer: () => () => {} }),
    );
  }
});

it('happens in no function, whatever it is called for', { timeout: 60_000 }, async () => {
  await send(ClusterCreated, { clusterName: 'default', region: 'north', version: '1.30.1' });
  await send(ClusterUpdated, { clusterName: 'default', region: 'north', version: '1.32.0' });
  await send(NamespaceCreated, { namespace: 'shop', team: 'shop', environment: 'staging' });
  for (const hard of ['5', '8', '11']) {
    await send(ResourceQuotaExceeded, { namespace: 'shop', resource: 'pods', used: hard, hard });
  }
  const putBack = (tag: string) =>
    ports.clusters.get('default').apply({
      ...{ namespace: 'shop', deployment: 'web', containers: [{ image: `ghcr.io/shop/web:${tag}` }] },
      ...{ requestId: 'kubectl', rank: new Date(bus.clock.now()).toISOString(), changeCause: '' },
    });
  const release = (tag: string) =>
    send(DeploymentRequested, { namespace: 'shop', deployment: 'web', image: `ghcr.io/shop/web:${tag}` });
  for (const tag of ['1', 'fail-2']) await release(tag);
  await putBack('fail-2');
  await runTimer('notice-put-backs', noticePutBacks, ports);
  for (const tag of ['3', '4']) await release(tag);
  await send(HealthCheck, { service: 'web', good: 0, total: 100 }, '1h');
  await release('5');
  for (let n = 0; n < 200; n++) await send(HealthCheck, { service: 'web', good: 1_000, total: 1_000 }, '1s');
  await send(HealthCheck, { service: 'stranger', good: 1, total: 1 });
  await runTimer('read-queues', readQueues, ports);
  await runTimer('notice-silence', noticeSilence, ports);
  await runTimer('discard-old-errors', discardOldErrors, ports);
  await runTimer('replay-unjudged', replayUnjudged, ports);

  expect([...unfinished]).toEqual([]);
  expect([...ran].sort()).toEqual(
    [...registeredHandlers().values()]
      .map(({ subscription }) => subscription)
      .concat('read-queues', 'discard-old-errors', 'replay-unjudged', 'notice-put-backs', 'notice-silence')
      .sort(),
  );
  expect(bus.errors()).toEqual([]);
});
