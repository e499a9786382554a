/** The local host as a whole: an app as it is deployed, on a real bus. */
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { eventMessage } from '../../../../shared/delivery/bus-message.ts';
import { newEvent } from '../../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../../shared/events/deployment.ts';
import { type FunctionsHost, startFunctionsHost } from '../../../../shared/local/functions-host/functions-host.ts';
import { type LocalBus, startBus } from '../../../../shared/local/service-bus/start.ts';
import { type BuiltApp, buildApp } from '../../../support/built-app.ts';
import { sampleData } from '../../../support/events.ts';
import { eventually } from '../../../support/processes.ts';
import { WorkerLoss } from '../../../support/worker-loss.ts';

const EVENTS = 800;
const SUBSCRIPTION = 'deployment-requested/Subscriptions/deployment-requested';

let bus: LocalBus;
let app: BuiltApp;
let host: FunctionsHost;
let mostDeliveries = 0;
const worker = new WorkerLoss();
const troubles: string[] = [];

beforeAll(async () => {
  [bus, app] = await Promise.all([startBus({ port: 0, adminPort: 0 }), buildApp('test/support/crashing-app.ts')]);
  const settings = { ServiceBus: bus.connectionString, StateStore: 'memory', Cluster: 'simulated' };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  // A line for each event.
  vi.spyOn(console, 'info').mockImplementation(() => {});
  host = await startFunctionsHost({
    ...{ directory: app.directory, settings: process.env, httpPort: 0 },
    onLog: () => {},
    onError: (_, message) => void troubles.push(message),
    onMessage: (_, { deliveryCount = 0 }, run) => {
      mostDeliveries = Math.max(mostDeliveries, deliveryCount + 1);
      return worker.run(run);
    },
  });
}, 60_000);
afterAll(async () => {
  await host.stop(5_000);
  await Promise.all([bus.close(), app.remove()]);
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const waiting = (path: string): number => bus.broker.resolve(path).peek(0, 2 * EVENTS).length;
const isLeft = (most: number) => (): true | undefined => (waiting(SUBSCRIPTION) <= most ? true : undefined);

async function publish(): Promise<void> {
  const client = new ServiceBusClient(bus.connectionString);
  const sender = client.createSender('deployment-requested');
  const messages = Array.from({ length: EVENTS }, (_, n) => {
    const event = newEvent(DeploymentRequested, { id: `e-${n}`, source: '/ci', data: sampleData.DeploymentRequested });
    const { entity: _entity, scheduledEnqueueTimeMs: _time, ...message } = eventMessage(event);
    return message;
  });
  for (let n = 0; n < EVENTS; n += 200) await sender.sendMessages(messages.slice(n, n + 200));
  await client.close();
}

it('dead-letters no event while no worker runs for two seconds, although each is delivered again and again', async () => {
  await publish();
  await eventually(isLeft(EVENTS - 50), 'some are handled');

  worker.lose(400);
  await eventually(isLeft(EVENTS - 100), 'more are handled');
  worker.lose(2_000);

  await eventually(isLeft(0), 'all are handled');
  expect(troubles.join()).toContain('Did not find any initialized language workers');
  // More often than ten times, which is what Service Bus allows unless told.
  expect(mostDeliveries).toBeGreaterThan(10);
  expect(waiting('errors')).toBe(0);
});
