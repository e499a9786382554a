/**
 * A handler that ends its process harms nobody but itself. Bus and tables live on; the Functions host is a process of its
 * own, which is started again whenever it ends, as a supervisor does.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTableStorage } from '../../shared/adapters/table-storage.ts';
import { eventMessage } from '../../shared/delivery/bus-message.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { type LocalBus, startBus } from '../../shared/local/service-bus/start.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { type BuiltApp, buildApp } from '../support/built-app.ts';
import { Command, eventually } from '../support/processes.ts';
import { recordsOf } from '../support/records.ts';

const SUBSCRIPTION = 'deployment-requested';
const NEIGHBOURS = 15;

let bus: LocalBus;
let azurite: Azurite;
let app: BuiltApp;
let host: Command;
let crashes = 0;
let isOver = false;

/** Runs the host until the test is over, whatever ends it. */
async function supervise(): Promise<void> {
  while (!isOver) {
    host = new Command('shared/local/host', ['--http-port', '0', '--app', app.directory], {
      ...{ ServiceBus: bus.connectionString, StateStore: azurite.connectionString, Cluster: 'simulated' },
      HANDLER_TIMEOUT: '1s',
    });
    const code = await host.exit();
    if (code === 1) crashes++;
  }
}

beforeAll(async () => {
  [bus, azurite, app] = await Promise.all([
    startBus({ port: 0, adminPort: 0 }),
    startAzurite(),
    buildApp('test/support/crashing-app.ts'),
  ]);
  void supervise();
}, 60_000);
afterAll(async () => {
  isOver = true;
  await host.kill();
  await Promise.all([bus.close(), azurite.close(), app.remove()]);
});

function publish(id: string, tag: string): void {
  const data = { namespace: 'shop', deployment: 'web', image: `ghcr.io/shop/web:${tag}` };
  const { entity, ...message } = eventMessage(newEvent(DeploymentRequested, { id, source: '/test', data }));
  bus.broker.send(entity, [{ ...message, sizeBytes: message.body.length }]);
}

it('is in errors after its third crash, and all its neighbours are handled', { timeout: 120_000 }, async () => {
  await host.line(/^ready /, 30_000);
  publish('poison', 'exit');
  for (let n = 0; n < NEIGHBOURS; n++) publish(`neighbour-${n}`, '1');
  let sent = 0;
  const traffic = setInterval(() => publish(`traffic-${sent++}`, '1'), 200);

  const errors = (): string[] =>
    bus.broker
      .resolve('errors')
      .peek(0, 100)
      .map(({ content: { applicationProperties: properties } }) => {
        return `${properties['DeadLetterReason']}: ${properties['DeadLetterErrorDescription']}`;
      });
  await eventually(() => (errors().length > 0 ? true : undefined), 'the event is in errors', 90_000).finally(() =>
    clearInterval(traffic),
  );
  const state = await createTableStorage({ connectionString: azurite.connectionString }, 'platformevents');
  const finished = async (): Promise<string[]> => {
    const records = await recordsOf(state);
    return records.filter(({ status }) => status === 'completed').map(({ id }) => id);
  };
  await eventually(
    async () => ((await finished()).length === NEIGHBOURS + sent ? true : undefined),
    'every other event is handled',
    30_000,
  );

  expect(errors()).toEqual([
    expect.stringMatching(/^WorkerCrashed: deployment-requested .* DeploymentRequested poison,/),
  ]);
  expect(await finished()).not.toContain('poison');
  expect(crashes).toBe(3);
  expect(bus.broker.resolve(`deployment-events/Subscriptions/${SUBSCRIPTION}`).peek(0, 10)).toEqual([]);
});
