/**
 * A host that has no worker for ten seconds, on the real clock: bus, SDK and local host as they are, with deliveries that fail
 * as fast as they did on the real host. What the broker gave up on comes back by its timer.
 */
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { eventMessage } from '../../shared/delivery/bus-message.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { type FunctionsHost, startFunctionsHost } from '../../shared/local/functions-host/functions-host.ts';
import { type LocalBus, startBus } from '../../shared/local/service-bus/start.ts';
import { type BuiltApp, buildApp } from '../support/built-app.ts';
import { sampleData } from '../support/events.ts';
import { eventually } from '../support/processes.ts';
import { WorkerLoss } from '../support/worker-loss.ts';

const EVENTS = 800;
const SUBSCRIPTION = 'deployment-requested/Subscriptions/deployment-requested';

let bus: LocalBus;
let app: BuiltApp;
let host: FunctionsHost;
const worker = new WorkerLoss();
const completed = new Set<unknown>();

beforeAll(async () => {
  [bus, app] = await Promise.all([startBus({ port: 0, adminPort: 0 }), buildApp('test/support/replaying-app.ts')]);
  const settings = { ServiceBus: bus.connectionString, StateStore: 'memory', Cluster: 'simulated' };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  // A line for each event.
  vi.spyOn(console, 'info').mockImplementation(() => {});
  host = await startFunctionsHost({
    ...{ directory: app.directory, settings: process.env, httpPort: 0 },
    onLog: () => {},
    onError: () => {},
    onMessage: (_, { body }, run) =>
      worker.run(async () => {
        await run();
        completed.add(JSON.parse(String(body)).id);
      }),
  });
}, 60_000);
afterAll(async () => {
  await host.stop(5_000);
  await Promise.all([bus.close(), app.remove()]);
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const waiting = (path: string): number => bus.broker.resolve(path).peek(0, 2 * EVENTS).length;

it('finishes all of 800 events, and leaves nothing in errors', { timeout: 300_000 }, async () => {
  worker.lose(10_000);
  const client = new ServiceBusClient(bus.connectionString);
  const sender = client.createSender('deployment-requested');
  const messages = Array.from({ length: EVENTS }, (_, n) => {
    const event = newEvent(DeploymentRequested, { id: `e-${n}`, source: '/ci', data: sampleData.DeploymentRequested });
    const { entity: _entity, scheduledEnqueueTimeMs: _time, ...message } = eventMessage(event);
    return message;
  });
  for (let n = 0; n < EVENTS; n += 200) await sender.sendMessages(messages.slice(n, n + 200));
  await client.close();

  await eventually(() => (waiting(SUBSCRIPTION) === 0 ? true : undefined), 'the host is through with them', 60_000);
  const given = waiting('errors');
  await eventually(() => (completed.size === EVENTS ? true : undefined), 'all are completed', 180_000);

  expect(given).toBeGreaterThan(0);
  expect(waiting('errors')).toBe(0);
  expect(waiting(SUBSCRIPTION)).toBe(0);
});
