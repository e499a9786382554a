/** Two hosts of one app on one store: what they tell of the platform is the same, whichever is asked. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { handle as readQueuesByTimer } from '../../functions/timer/read-queues.ts';
import { createLivePorts } from '../../shared/adapters/live.ts';
import type { Subscription } from '../../shared/local/service-bus/core/topic.ts';
import { type LocalBus, startBus } from '../../shared/local/service-bus/start.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { RecordingLog } from '../support/ports.ts';
import { Command, eventually } from '../support/processes.ts';

let bus: LocalBus;
let azurite: Azurite;
let hosts: Command[] = [];
let urls: string[];
let settings: Record<string, string>;
/** Not there when the hosts start: what they have seen, they believe for a minute. */
let missing: Subscription;

beforeAll(async () => {
  [bus, azurite] = await Promise.all([startBus({ port: 0, adminPort: 0 }), startAzurite()]);
  missing = bus.broker.getSubscription('cluster-created', 'cluster-created');
  bus.broker.deleteSubscription('cluster-created', 'cluster-created');
  settings = { ServiceBus: bus.connectionString, StateStore: azurite.connectionString, Cluster: 'simulated' };
  hosts = [0, 1].map(() => new Command('shared/local/host', ['--http-port', '0'], settings));
  const ready = await Promise.all(hosts.map((host) => host.line(/^ready (http\S+)/, 60_000)));
  urls = ready.map(([, url = '']) => url);
}, 90_000);
afterAll(async () => {
  await Promise.all(hosts.map((host) => host.kill()));
  await Promise.all([bus.close(), azurite.close()]);
});

const ask = async (path: string): Promise<string[]> =>
  Promise.all(urls.map(async (url) => (await fetch(`${url}/api/${path}`)).text()));

it('names a subscription that is missing, refuses its events, and takes them once it is there', {
  timeout: 60_000,
}, async () => {
  const event = { type: 'ClusterCreated', source: '/ci', data: { clusterName: 'east', region: 'eu' } };
  const publish = () =>
    fetch(`${urls[0]}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });

  const refused = await publish();
  const health = await (await fetch(`${urls[0]}/api/health`)).text();
  const { properties, rules } = missing;
  const definitions = rules.map(({ definition }) => definition);
  bus.broker.createSubscription('cluster-created', 'cluster-created', properties, definitions);
  const taken = await eventually(
    async () => ((await publish()).status === 202 ? true : undefined),
    'it is taken again',
  );

  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ subscription: 'cluster-created' });
  expect(health).toContain('"name":"subscription/cluster-created","status":"down"');
  expect(taken).toBe(true);
});

it('answers /api/metrics alike, in every line', { timeout: 60_000 }, async () => {
  const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1' };
  const event = { type: 'DeploymentRequested', source: '/ci', data };
  for (const [index, url] of urls.entries()) {
    const published = await fetch(`${url}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...event, data: { ...data, deployment: `web-${index}` } }),
    });
    expect(published.status).toBe(202);
  }
  bus.broker.send('errors', [{ messageId: 'm', body: 'x', sizeBytes: 1 }]);
  const live = await createLivePorts(settings);

  // They may come between two requests.
  const [first = ''] = await eventually(async () => {
    // What the timers do every minute, now.
    await readQueuesByTimer(live.portsFor(new RecordingLog()));
    const answers = await ask('metrics');
    const isWhole = answers.every(
      (text) => text.split('\n').filter((line) => /completed_total\{/.test(line)).length === 2,
    );
    return isWhole && answers[0] === answers[1] ? answers : undefined;
  }, 'both hosts tell the same');

  await live.close();
  expect(first).toMatch(/^platform_events_errors_waiting 1$/m);
  expect(first).toMatch(/^platform_events_backlog\{entity="health-check"\} 0$/m);
  expect(first).toMatch(/^platform_deployments_completed_total\{.*deployment="web-0".*\} 1$/m);
  expect(first).toMatch(/^platform_deployments_completed_total\{.*deployment="web-1".*\} 1$/m);
});
