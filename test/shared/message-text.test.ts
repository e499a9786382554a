/** A long number on its way from the Functions host through a handler into a child: the real library, called as the worker does. */
import { beforeAll, expect, it } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../shared/events/deployment.ts';
import { traceContextOf } from '../../shared/local/functions-host/invoke.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import { onEvent, usePorts } from '../../shared/on-event.ts';
import { HISTORY_LIMITS } from '../../shared/settings.ts';
import { sampleData } from '../support/events.ts';
import { functionApp } from '../support/function-app.ts';
import { clustersOf } from '../support/ports.ts';

const BIG = '4603086877212508601';
let app: Awaited<ReturnType<typeof functionApp>>;
const bus = new InMemoryEventBus();
const seen: unknown[] = [];

beforeAll(async () => {
  usePorts({
    portsFor: (log) => ({
      ...{ publisher: bus, deadLetterQueue: bus, state: new MemoryStateStore(), clusters: clustersOf({}) },
      measurements: { count: async () => undefined },
      ...{ notifier: { notify: async () => {} }, clock: bus.clock, config: parseConfig({}), log },
    }),
    options: {},
    historyLimits: HISTORY_LIMITS,
  });
  app = await functionApp((functions) => {
    onEvent(DeploymentRequested, async ({ id, data }, { publish }) => {
      publish(DeploymentStarted, { ...data, image: data.image ?? '', requestId: id });
    });
    functions.storageQueue('other', {
      queueName: 'q',
      connection: 'Storage',
      handler: (item) => void seen.push(item),
    });
  });
});

async function run(name: string, string: string): Promise<void> {
  await app.run(name, {
    inputData: [{ name: app.triggerOf(name), data: { string } }],
    triggerMetadata: {},
    traceContext: traceContextOf(undefined),
  });
}

it.each([
  ['with', BIG],
  ['without', '46030868772'],
])('keeps the digits of an event %s a long number in the children', async (_, build) => {
  const event = newEvent(DeploymentRequested, { source: '/ci', data: sampleData.DeploymentRequested });

  await run('deployment-requested', JSON.stringify(event).replace('"data":{', `"data":{"build":${build},`));

  const topic = bus.broker.resolve('deployment-started/Subscriptions/deployment-started');
  const bodies = topic.peek(0, 9).map(({ content }) => Buffer.from(content.body as Uint8Array).toString());
  expect(bodies.at(-1)).toContain(`"build":${build}`);
  expect(bus.errors()).toEqual([]);
});

it('dead-letters text that is no JSON as it came', async () => {
  await run('deployment-requested', `not JSON ${BIG}`);

  expect(bus.errors().at(-1)).toMatchObject({ reason: 'InvalidEvent', body: `not JSON ${BIG}` });
});

it('leaves what other triggers get as the library parses it', async () => {
  await run('other', `{"n":${BIG}}`);

  expect(seen).toEqual([{ n: Number(BIG) }]);
});
