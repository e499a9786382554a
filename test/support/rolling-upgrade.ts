/**
 * Two builds of the app side by side on one bus and one store, and back again. The next one has an event type and an
 * optional field that this one does not know. Its entities are there first. Both are real hosts in processes of their own.
 */
import { createTableStorage } from '../../shared/adapters/table-storage.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { planOfTopology } from '../../shared/local/service-bus/config/entity-plan.ts';
import { startBus } from '../../shared/local/service-bus/start.ts';
import { startAzurite } from './azurite.ts';
import { TreeCopy } from './next-build.ts';
import { Command, eventually } from './processes.ts';
import { recordsOf } from './records.ts';

const NEW_TYPE = 'CertificateExpiring';
const NEW_SUBSCRIPTION = 'certificate-expiring/Subscriptions/certificate-expiring';
const INTERVAL_MS = 150;
const JSON_TYPE = { 'content-type': 'application/json' };

/** What came of it. */
interface RollingUpgrade {
  /** What N answers, while the store holds events that it does not know. */
  readonly answers: Readonly<Record<string, number>>;
  /** Events of the new type that wait while N is alone. */
  readonly waiting: number;
  /** Whether each build handled some. */
  readonly shared: { readonly byN: boolean; readonly byNext: boolean };
  readonly sent: number;
  /** Ids of events without a completed record at the end. */
  readonly lost: readonly string[];
  /** Requests whose release did not complete exactly once. */
  readonly incomplete: readonly string[];
  readonly errors: readonly string[];
}

interface Sent {
  readonly id: string;
  readonly type: string;
}

const SOURCE = '/rolling-upgrade';

/** @param seconds for how long both run */
export async function rollingUpgrade(seconds: number): Promise<RollingUpgrade> {
  const tree = new TreeCopy();
  tree.addEvent();
  tree.addField();
  const topology = tree.build();
  // Entities first: the topology of the next build, before any of its code runs.
  const bus = await startBus({ port: 0, adminPort: 0, plan: planOfTopology(topology) });
  const azurite = await startAzurite();
  const state = await createTableStorage({ connectionString: azurite.connectionString }, 'platformevents');
  const settings = {
    ...{ ServiceBus: bus.connectionString, StateStore: azurite.connectionString, Cluster: 'simulated' },
    ...{ SIMULATED_ROLLOUT: '300ms', SIMULATED_DEADLINE: '2s', HANDLER_TIMEOUT: '1s' },
  };
  const hosts: Command[] = [];
  const start = async (...args: string[]) => {
    const command = new Command('shared/local/host', ['--http-port', '0', ...args], settings);
    hosts.push(command);
    const [, url = ''] = await command.line(/^ready (.+)/, 60_000);
    return { command, url };
  };
  const startNext = () => start('--app', tree.directory);

  const sent: Sent[] = [];
  const event = (type: string, data: object): Sent & Record<string, unknown> => {
    const id = `${type}-${sent.length}`;
    sent.push({ id, type });
    return { specversion: '1.0', id, type, source: SOURCE, data };
  };
  const release = () =>
    event('DeploymentRequested', {
      ...{ namespace: 'shop', deployment: `app-${sent.length}`, image: 'ghcr.io/shop/app:1' },
      ticket: 'CHG-1',
    });
  const check = () => event('HealthCheck', { service: 'checkout', good: 10, total: 10, region: 'north' });
  const certificate = () => event(NEW_TYPE, { service: 'checkout', daysLeft: 7 });
  /** As an outside sender does. */
  const send = (topic: string, one: object): void => {
    const body = Buffer.from(JSON.stringify(one));
    bus.broker.send(topic, [{ body, sizeBytes: body.length, contentType: 'application/cloudevents+json' }]);
  };
  const post = async (url: string, events: readonly object[]): Promise<void> => {
    const init = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(events) };
    const answer = await fetch(`${url}/api/events`, init);
    if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
  };
  const during = async (ms: number, publish: () => Promise<void> | void): Promise<void> => {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      await publish();
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  };
  const waiting = (): number => bus.broker.resolve(NEW_SUBSCRIPTION).peek(0, 10_000).length;
  const missing = async (ids: readonly string[]): Promise<string[]> => {
    const completed = new Set(
      (await recordsOf(state)).filter(({ status }) => status === 'completed').map(({ id }) => id),
    );
    return ids.filter((id) => !completed.has(id));
  };

  try {
    const now = await start();
    // A publisher that is ahead of the app.
    send('certificate-expiring', certificate());
    send('deployment-requested', release());

    let next = await startNext();
    await during(seconds * 1_000, () => post(next.url, [release(), check(), certificate()]));
    // In the middle of its work, which this build must go on with.
    await next.command.kill();
    const byNext = /event completed/.test(next.command.output);

    await during(seconds * 250, async () => {
      await post(now.url, [release(), check()]);
      send('certificate-expiring', certificate());
    });
    const known = sent.filter(({ type }) => type !== NEW_TYPE).map(({ id }) => id);
    await eventually(
      async () => ((await missing(known)).length === 0 ? true : undefined),
      'N handles all it knows',
      60_000,
    );
    const left = waiting();
    const answers: Record<string, number> = {};
    for (const path of ['events?limit=100', 'metrics', 'dashboard', 'services', 'errors', 'health']) {
      answers[path] = (await fetch(`${now.url}/api/${path}`)).status;
    }
    const byN = /event completed/.test(now.command.output);

    next = await startNext();
    await eventually(() => (waiting() === 0 ? true : undefined), 'the next build handles what waited', 60_000);
    const ids = sent.map(({ id }) => id);
    await eventually(async () => ((await missing(ids)).length === 0 ? true : undefined), 'all', 10_000).catch(() => {});
    const requests = sent.filter(({ type }) => type === 'DeploymentRequested').map(({ id }) => id);
    const incomplete = async (): Promise<string[]> => {
      const completed = (await recordsOf(state)).filter(({ type }) => type === 'DeploymentCompleted');
      const endsOf = (id: string): number => {
        const chain = eventKey({ source: SOURCE, id });
        return completed.filter(({ correlationId }) => correlationId === chain).length;
      };
      return requests.filter((id) => endsOf(id) !== 1);
    };
    // The last ones are still rolled out.
    const whenDone = async (): Promise<true | undefined> => ((await incomplete()).length === 0 ? true : undefined);
    await eventually(whenDone, 'every request completes', 10_000).catch(() => {});
    return {
      answers,
      waiting: left,
      shared: { byN, byNext },
      sent: sent.length,
      lost: await missing(ids),
      incomplete: await incomplete(),
      errors: bus.broker
        .resolve('errors')
        .peek(0, 100)
        .map(({ content: { applicationProperties } }) => JSON.stringify(applicationProperties)),
    };
  } finally {
    await Promise.all(hosts.map((host) => host.kill()));
    await Promise.all([bus.close(), azurite.close()]);
    tree.remove();
  }
}
