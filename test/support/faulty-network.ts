/** A trigger, and a function that publishes, on a network that misbehaves under a steady load. */
import { ServiceBusClient } from '@azure/service-bus';
import { createServiceBus } from '../../shared/adapters/service-bus/event-bus.ts';
import { eventMessage } from '../../shared/delivery/bus-message.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import { parseHostJson } from '../../shared/local/functions-host/host-json.ts';
import { ServiceBusTrigger } from '../../shared/local/functions-host/service-bus-trigger.ts';
import { connectionString } from '../../shared/local/service-bus/amqp/server.ts';
import { startBus } from '../../shared/local/service-bus/start.ts';
import { ERRORS_QUEUE, routeOf } from '../../shared/topology.ts';
import { sampleData } from './events.ts';
import { type Fault, inflict, startFaultProxy, wait } from './fault-proxy.ts';
import { RecordingLog } from './ports.ts';
import { eventually } from './processes.ts';
import { seeded } from './seeded.ts';

const DRAIN_MS = 10_000;
const EVERY_MS = 25;

const pathOf = (type: string): string => {
  const { topic, subscription } = routeOf(type) ?? {};
  return `${topic}/Subscriptions/${subscription}`;
};
const [INPUT, OUTPUT] = [pathOf('DeploymentRequested'), pathOf('HealthCheck')];

/** What becomes of everything when nothing is lost, and nobody waits for longer than ten seconds after the last fault. */
export const SURVIVED = { drainedInTime: true, left: 0, inErrors: 0, missing: 0 };

/** Runs the faults. @returns what became of all that was sent, and how it went */
export async function survive(faults: readonly Fault[], seed: number) {
  const bus = await startBus({ port: 0, adminPort: 0 });
  const proxy = await startFaultProxy(Number(new URL(bus.url).port));
  const through = connectionString(proxy.port);
  const app = await createServiceBus({ connectionString: through }, { log: new RecordingLog() });
  const random = seeded(seed);
  const errors: string[] = [];
  const [topic = '', , subscription = ''] = INPUT.split('/');
  const trigger = new ServiceBusTrigger({
    connect: () => new ServiceBusClient(through, { retryOptions: { maxRetries: 0 } }),
    functionTimeout: Number.POSITIVE_INFINITY,
    source: { topic, subscription },
    binding: { name: 'message', type: 'serviceBusTrigger', direction: 'in' },
    settings: parseHostJson({ version: '2.0', extensions: { serviceBus: { maxConcurrentCalls: 16 } } }).extensions
      .serviceBus,
    run: async ({ inputData }) => {
      const { id } = JSON.parse(inputData[0]?.data.string ?? '');
      await wait(random() * 200);
      await app.publish({ ...newEvent(HealthCheck, { source: '/faults', data: sampleData.HealthCheck }), id });
    },
    onError: (message) => errors.push(message),
  });

  // By a connection of its own, which has no faults.
  const client = new ServiceBusClient(bus.connectionString);
  const sender = client.createSender(topic);
  let sent = 0;
  const load = setInterval(() => {
    const event = newEvent(DeploymentRequested, { source: '/faults', data: sampleData.DeploymentRequested });
    const { entity: _, scheduledEnqueueTimeMs: __, ...message } = eventMessage(event);
    sent++;
    void sender.sendMessages(message);
  }, EVERY_MS);
  await wait(500);
  await inflict(proxy, faults);
  const since = performance.now();
  clearInterval(load);
  await sender.close();

  const left = (): number => bus.broker.resolve(INPUT).peek(0, 10_000).length;
  const drained = await eventually(
    () => (left() === 0 ? performance.now() - since : undefined),
    'drained',
    DRAIN_MS,
  ).catch(() => Number.POSITIVE_INFINITY);
  const outcome = {
    drainedInTime: drained <= DRAIN_MS,
    left: left(),
    inErrors: bus.broker.resolve(ERRORS_QUEUE).peek(0, 10_000).length,
    missing:
      sent -
      new Set(
        bus.broker
          .resolve(OUTPUT)
          .peek(0, 10_000)
          .map(({ content }) => content.messageId),
      ).size,
  };
  const summary = { seed, sent, drainedMs: Math.round(drained), ...outcome };
  await Promise.race([Promise.all([trigger.stop(), app.close(), client.close()]), wait(2_000)]);
  await proxy.close();
  await bus.close();
  return { outcome, summary, errors };
}
