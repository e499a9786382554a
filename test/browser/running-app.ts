/** The app as `npm start` runs it, in the state that a person is woken up for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { MINUTE_MS } from '../../shared/duration.ts';
import { Command, eventually } from '../support/processes.ts';
import { startWebhookServer } from '../support/webhook-server.ts';

export interface RunningApp {
  /** Such as `http://127.0.0.1:40001/api/dashboard`. */
  readonly pages: string;
  /** The link of the newest notification that says so, as Slack gets it. */
  linkIn(words: RegExp): string;
  /** The number of an entry of the errors queue. */
  anyError(): Promise<string>;
  /** How many acts of a right are in the audit log. */
  actsOf(right: string): Promise<number>;
  stop(): Promise<void>;
}

const ANY_PORT = ['--port', '0', '--table-port', '0', '--admin-port', '0'];
const LONG = 'a-service-whose-name-is-as-long-as-somebody-once-made-it-by-a-script';
const objective = { target: 0.99, rollbackOnPage: 'observe' };
const config = {
  services: [
    { name: 'web', team: 'shop', objectives: [objective, { slo: 'latency', target: 0.95 }] },
    { name: LONG, objectives: [{ target: 0.999 }] },
    { name: 'search', objectives: [{ target: 0.99 }] },
  ],
};
const DIGEST = 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** A service that pages and is frozen, a release refused, one rolled back, one failing, three errors. */
export async function startTroubledApp(): Promise<RunningApp> {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'));
  const configFile = join(folder, 'platform.config.json');
  // Its own address is in its notifications, so it must be known before.
  const port = await freePort();
  const chat = await startWebhookServer();
  const channels = [{ format: 'slack', urlSetting: 'CHAT_URL' }];
  const notifications = { baseUrl: `http://127.0.0.1:${port}`, channels };
  writeFileSync(configFile, JSON.stringify({ ...config, notifications }));
  const app = new Command('shared/local/start', [...ANY_PORT, '--http-port', String(port), '--json'], {
    ...{ CHAT_URL: chat.urlOf('/chat') },
    ...{ SIMULATED_ROLLOUT: '100ms', SIMULATED_DEADLINE: '300ms', PLATFORM_CONFIG: configFile },
  });
  const stop = async (): Promise<void> => {
    await app.kill();
    await chat.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [line] = await app.line(/^\{"ready".*$/, 60_000);
    const { http, connectionString } = JSON.parse(line).ready;
    const get = async (path: string): Promise<Record<string, unknown>> =>
      (await fetch(`${http}/api/${path}`)).json() as Promise<Record<string, unknown>>;
    await makeTrouble(http, connectionString, get);
    return {
      stop,
      pages: `${http}/api/dashboard`,
      linkIn: (words) => {
        const found = chat.received.findLast(({ body }) => words.test(body))?.body ?? '';
        return /<(http[^|>]+)\|details>/.exec(found)?.[1] ?? `no notification says ${words}`;
      },
      anyError: async () => {
        const { errors } = (await get('errors')) as { errors: { sequenceNumber: string }[] };
        return errors[0]?.sequenceNumber ?? 'none';
      },
      actsOf: async (right) => {
        const { acts } = (await get('audit')) as { acts: { right: string }[] };
        return acts.filter((act) => act.right === right).length;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makeTrouble(
  http: string,
  connectionString: string,
  get: (path: string) => Promise<Record<string, unknown>>,
): Promise<void> {
  const publish = async (events: object[]): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${http}/api/events`, { method: 'POST', headers, body: JSON.stringify(events) });
    if (answer.status !== 202) throw new Error(`not published: ${await answer.text()}`);
  };
  const release = (deployment: string, image: string): object => {
    const data = { namespace: 'shop', deployment, image };
    return { type: 'DeploymentRequested', source: '/ci', data };
  };
  const ended = (types: string, count: number): Promise<true> =>
    eventually(
      async () => {
        const { events } = (await get('events?limit=1000')) as { events: { type: string; status: string }[] };
        return events.filter(({ type, status }) => types.includes(type) && status === 'completed').length >= count
          ? true
          : undefined;
      },
      `${count} of ${types}`,
      30_000,
    );
  const now = Date.now();
  const check = (service: string, minutes: number, good: number): object => {
    const time = new Date(now - minutes * MINUTE_MS).toISOString();
    return { type: 'HealthCheck', source: '/probe', time, data: { service, good, total: 1_000 } };
  };
  // The sample of the start is one too.
  await publish([
    release('web', 'ghcr.io/shop/web:1'),
    release('api', 'ghcr.io/shop/api:1'),
    release('search', `registry.example.com/team/deep/search@${DIGEST}`),
  ]);
  await ended('DeploymentCompleted', 4);
  await publish([
    release('api', 'ghcr.io/shop/api:2'),
    release('search', 'ghcr.io/shop/search:fail-2'),
    release('new', 'ghcr.io/shop/new:fail-1'),
  ]);
  await ended('DeploymentCompleted', 5);
  await publish(Array.from({ length: 20 }, (_, n) => check('web', 60 - n, n < 10 ? 1_000 : 500)));
  await publish([check(LONG, 1, 1_000), check('web', 1, 500)]);
  await ended('ErrorBudgetDepleted', 1);
  await publish([release('web', 'ghcr.io/shop/web:2')]);
  await ended('DeploymentRolledBack', 1);
  await ended('DeploymentFailed', 3);
  const client = new ServiceBusClient(connectionString);
  const sender = client.createSender('health-check');
  for (const body of ['{"no":"event"}', '<b>not even JSON</b>', '[]']) await sender.sendMessages({ body });
  await client.close();
  await eventually(
    async () => ((await get('errors'))['errors'] as unknown[]).length >= 3 || undefined,
    'three errors',
    30_000,
  );
}
