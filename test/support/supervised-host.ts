/**
 * A Functions host in a process of its own, which is started again whenever it ends, as a supervisor does. Bus and tables
 * live on. Its app is `crashing-app.ts`.
 */
import { createTableStorage } from '../../shared/adapters/table-storage.ts';
import { eventMessage } from '../../shared/delivery/bus-message.ts';
import type { EventRecord } from '../../shared/delivery/event-record.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { startBus } from '../../shared/local/service-bus/start.ts';
import { startAzurite } from './azurite.ts';
import { buildApp } from './built-app.ts';
import { Command } from './processes.ts';
import { recordsOf } from './records.ts';

const SUBSCRIPTION = 'deployment-requested/Subscriptions/deployment-requested';

export interface SupervisedHost {
  /** How often a handler ended it. */
  crashes(): number;
  /** Resolves when the process that runs now is ready. */
  ready(): Promise<void>;
  /** A `poison` ends the process that handles it. */
  publish(id: string, kind: 'good' | 'poison'): void;
  /** What the records say, by the ids of their events. */
  statuses(): Promise<Record<string, EventRecord['status']>>;
  /** Reason and description of each entry in the errors queue. */
  errors(): string[];
  /** Messages of the handler that are not settled. */
  waiting(): number;
  close(): Promise<void>;
}

export async function startSupervisedHost(): Promise<SupervisedHost> {
  const [bus, azurite, app] = await Promise.all([
    startBus({ port: 0, adminPort: 0 }),
    startAzurite(),
    buildApp('test/support/crashing-app.ts'),
  ]);
  const state = await createTableStorage({ connectionString: azurite.connectionString }, 'platformevents');
  let crashes = 0;
  let isOver = false;
  const startHost = (): Command =>
    new Command('shared/local/host', ['--http-port', '0', '--app', app.directory], {
      ...{ ServiceBus: bus.connectionString, StateStore: azurite.connectionString, Cluster: 'simulated' },
      HANDLER_TIMEOUT: '1s',
    });
  let host = startHost();
  const supervise = async (): Promise<void> => {
    while (!isOver) {
      const code = await host.exit();
      if (code === 1) crashes++;
      if (!isOver) host = startHost();
    }
  };
  const supervision = supervise();
  return {
    crashes: () => crashes,
    ready: async () => void (await host.line(/^ready /, 30_000)),
    publish: (id, kind) => {
      const image = `ghcr.io/shop/web:${kind === 'poison' ? 'exit' : '1'}`;
      const data = { namespace: 'shop', deployment: 'web', image };
      const { entity, ...message } = eventMessage(newEvent(DeploymentRequested, { id, source: '/test', data }));
      bus.broker.send(entity, [{ ...message, sizeBytes: message.body.length }]);
    },
    statuses: async () => {
      const records = await recordsOf(state);
      return Object.fromEntries(records.map(({ id, status }) => [id, status]));
    },
    errors: () =>
      bus.broker
        .resolve('errors')
        .peek(0, 100)
        .map(({ content: { applicationProperties: properties } }) => {
          return `${properties['DeadLetterReason']}: ${properties['DeadLetterErrorDescription']}`;
        }),
    waiting: () => bus.broker.resolve(SUBSCRIPTION).peek(0, 100).length,
    close: async () => {
      isOver = true;
      await host.kill();
      await supervision;
      await Promise.all([bus.close(), azurite.close(), app.remove()]);
    },
  };
}
