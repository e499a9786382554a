/** One event in several data sections, over the real SDK. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { createServiceBus } from '../../../../shared/adapters/service-bus/event-bus.ts';
import { newEvent } from '../../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../../shared/events/deployment.ts';
import { parseEvent } from '../../../../shared/events/parse.ts';
import { startBus } from '../../../../shared/local/service-bus/start.ts';
import { ERRORS_QUEUE, routeOf } from '../../../../shared/topology.ts';
import { cut, inDataSections } from '../../../support/data-sections.ts';
import { sampleData } from '../../../support/events.ts';
import { RecordingLog } from '../../../support/ports.ts';

const data = { ...sampleData.DeploymentRequested, requestedBy: 'Zoë' };
const event = newEvent(DeploymentRequested, { source: '/ci', data });
const bytes = Buffer.from(JSON.stringify(event));

async function open() {
  const local = await startBus({ port: 0, adminPort: 0 });
  const connection = { connectionString: local.connectionString };
  const bus = await createServiceBus(connection, { log: new RecordingLog() }, { maxRetries: 0, timeoutInMs: 5_000 });
  onTestFinished(async () => {
    await bus.close();
    await local.close();
  });
  return { bus, broker: local.broker };
}

it.each([
  ['two', Math.ceil(bytes.length / 2)],
  ['as many as it has bytes, characters cut in two', 1],
])('a subscriber gets it whole: %s', async (_, length) => {
  const { bus, broker } = await open();
  const { topic = '', subscription = '' } = routeOf(event.type) ?? {};
  const bodies: unknown[] = [];
  const stop = bus.subscribe(topic, subscription, async ({ body }) => void bodies.push(body));

  broker.send(topic, [{ ...inDataSections(cut(bytes, length)), subject: event.type }]);

  await vi.waitFor(() => expect(bodies).toHaveLength(1), 5_000);
  await stop();
  expect(parseEvent({ body: bodies[0], receivedAt: 0 }).event.data).toEqual(data);
});

it('the errors queue lists it whole', async () => {
  const { bus, broker } = await open();

  broker.send(ERRORS_QUEUE, [inDataSections(cut(bytes, 100))]);

  expect((await bus.deadLetters('0', 1))[0]?.body).toBe(bytes.toString());
});
