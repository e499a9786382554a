/** The newcomer's first minute: `npm start`, the sample, an own deployment that fails, Ctrl-C. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTableStorage } from '../../shared/adapters/table-storage.ts';
import { insertRecord, readHistory } from '../../shared/delivery/history.ts';
import { tableConnectionString } from '../support/azurite.ts';
import { Command, eventually } from '../support/processes.ts';

const ANY_PORT = ['--port', '0', '--http-port', '0', '--table-port', '0', '--admin-port', '0'];
const JSON_TYPE = { 'content-type': 'application/json' };
let start: Command;
let http = '';
let connectionString = '';

beforeAll(async () => {
  start = new Command('shared/local/start', [...ANY_PORT, '--json'], {
    SIMULATED_ROLLOUT: '100ms',
    SIMULATED_DEADLINE: '300ms',
    Cluster: 'kubernetes',
  });
  const [line] = await start.line(/^\{"ready".*$/);
  ({ http, connectionString } = JSON.parse(line).ready);
}, 30_000);
afterAll(() => start.kill());

it('names every function with its topic and subscription', async () => {
  const [line] = await start.line(/^\{"functions".*$/);

  const { functions } = JSON.parse(line);

  expect(functions).toContainEqual({
    name: 'deployment-requested',
    trigger: 'service-bus',
    source: 'deployment-requested/deployment-requested',
  });
});

it('keeps to its own cluster, and says so', async () => {
  await start.line(/ignored settings of the environment: Cluster/);
});

it('carries the sample to its end within five seconds of being ready', async () => {
  await start.line(/"type":"DeploymentCompleted"/, 5_000);

  const types = start.output.match(/(?<="type":")Deployment\w+/g);
  expect(types?.slice(0, 3)).toEqual(['DeploymentRequested', 'DeploymentStarted', 'DeploymentCompleted']);
});

it('rolls a deployment that fails back to the image before', async () => {
  const data = { namespace: 'demo', deployment: 'hello', image: 'ghcr.io/platform-events/hello:fail-2' };
  const event = { specversion: '1.0', id: 'own-1', source: '/test', type: 'DeploymentRequested', data };

  const response = await fetch(`${http}/api/events`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify(event),
  });

  expect(response.status).toBe(202);
  await start.line(/"type":"DeploymentRolledBack".*"image":"ghcr.io\/platform-events\/hello:1.0.0"/);
  expect(start.output).toMatch(/"type":"DeploymentFailed".*DeadlineExceeded/);
});

function publishing(data: string, ...flags: string[]): Command {
  return new Command('shared/cli/main', ['publish', 'DeploymentRequested', '--url', http, '--data', data, ...flags]);
}

it('publishes from the command line and follows the chain to its end', async () => {
  const data = JSON.stringify({ namespace: 'demo', deployment: 'cli', image: 'ghcr.io/platform-events/cli:1' });

  const good = publishing(data, '--wait');
  const bad = publishing('{"namespace":"X"}');

  expect(await good.exit()).toBe(0);
  expect(good.output).toMatch(
    /DeploymentCompleted +default\/demo\/cli +completed +ghcr\.io\/platform-events\/cli:1\ncompleted$/,
  );
  expect(await bad.exit()).toBe(2);
  expect(bad.output).toContain('data.namespace: expected a DNS-1123 label');
});

it('serves the description of its API', async () => {
  const response = await fetch(`${http}/api/openapi.json`);

  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.text()).toBe(readFileSync('docs/openapi.json', 'utf8'));
});

it('shows the events of a chain with their images, the deployment, and the services', async () => {
  const shown = async (...args: string[]): Promise<string> => {
    const command = new Command('shared/cli/main', [...args, '--url', http]);
    expect(await command.exit(), command.output).toBe(0);
    return command.output;
  };
  const [newest = '{}'] = (await shown('events', '--subject', 'default/demo/cli', '--json')).split('\n');
  const { correlationId } = JSON.parse(newest);

  const [events, deployments, services, none] = await Promise.all([
    shown('events', '--correlation-id', correlationId, '--since', '1h'),
    shown('deployments', '--deployment', 'cli', '--json'),
    shown('services'),
    shown('events', '--subject', 'nothing'),
  ]);

  expect(
    events
      .replace(/^.{19} +/gm, '')
      .replace(/ +/g, ' ')
      .split('\n'),
  ).toEqual(
    ['Requested', 'Started', 'Completed'].map(
      (step) => `Deployment${step} default/demo/cli completed ghcr.io/platform-events/cli:1`,
    ),
  );
  expect(JSON.parse(deployments)).toMatchObject({ target: 'default/demo/cli', newest: { phase: 'completed' } });
  expect(services).toMatch(/^SERVICE +STATE +OBJECTIVE +BUDGET\ncheckout +unknown +availability .* never checked$/m);
  expect(none).toBe('no event matches');
});

it('publishes data as Windows PowerShell writes it', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'powershell-')), 'check.json');
  writeFileSync(file, Buffer.from('\ufeff{"service":"checkout","good":1,"total":1}\r\n', 'utf16le'));
  const published = new Command('shared/cli/main', ['publish', 'HealthCheck', '--url', http, '--data', `@${file}`]);

  expect(await published.exit(), published.output).toBe(0);
  rmSync(file);
});

it('does not wait for an app that was never there', async () => {
  const dead = ['--url', 'http://127.0.0.1:65535'];
  const commands = ['tail', 'events', 'deployments'].map((name) => new Command('shared/cli/main', [name, ...dead]));

  for (const command of commands) {
    expect(await command.exit()).toBe(1);
    expect(command.output).toMatch(
      /^cannot reach the app at http:\/\/127\.0\.0\.1:65535\/api: .*ECONNREFUSED.*\(--url\)\?$/,
    );
  }
});

it('says why a deployment failed', async () => {
  const data = JSON.stringify({
    namespace: 'production',
    deployment: 'cli',
    image: 'ghcr.io/platform-events/cli:latest',
  });
  const refused = publishing(data, '--wait');

  expect(await refused.exit()).toBe(1);
  expect(refused.output).toMatch(/\nfailed: PolicyViolation: .*'latest'.*$/);
});

it('replays from the command line what could not be handled', async () => {
  const data = { namespace: 'demo', deployment: 'lost', image: 'ghcr.io/platform-events/lost:1' };
  const event = { specversion: '1.0', id: 'lost-1', source: '/test', type: 'DeploymentRequested', data };
  const client = new ServiceBusClient(connectionString);
  const applicationProperties = { DeadLetterReason: 'ClusterError', Subscription: 'deployment-requested' };
  await client.createSender('errors').sendMessages({ body: event, subject: event.type, applicationProperties });
  await client.close();
  const errors = (...args: string[]): Command => new Command('shared/cli/main', ['errors', ...args, '--url', http]);

  const listed = errors('list', '--json');
  await listed.exit();
  const replayed = errors('replay', JSON.parse(listed.output).sequenceNumber);

  expect(JSON.parse(listed.output)).toMatchObject({ eventId: 'lost-1', reason: 'ClusterError' });
  expect(await replayed.exit()).toBe(0);
  await start.line(/"type":"DeploymentCompleted".*demo\/lost/);
  const after = errors('list');
  await after.exit();
  expect(after.output).toBe('the errors queue is empty');
});

it('remembers for as long as the settings say', async () => {
  const limited = new Command('shared/local/start', [...ANY_PORT, '--no-sample', '--json'], { HISTORY_AGE: '45d' });
  try {
    const { ready } = JSON.parse((await limited.line(/^\{"ready".*$/))[0]);
    const state = await createTableStorage({ connectionString: tableConnectionString(ready.table) }, 'platformevents');
    const startedAt = Date.now() - 50 * 86_400_000;
    const old = { handler: 'health-check', id: 'old', type: 'HealthCheck', source: '/test', subject: 'web' } as const;
    const times = { time: new Date(startedAt).toISOString(), startedAt, updatedAt: startedAt };
    const counts = { redelivery: 0, attempts: 0, runs: 1, runId: 'run', nonce: 'run', correlationId: 'old' };
    const record = { ...old, ...times, ...counts, status: 'completed' } as const;
    await insertRecord(state, record);
    const ids = async (): Promise<string[]> => (await readHistory(state, { limit: 100 })).records.map(({ id }) => id);
    expect(await ids()).toEqual(['old']);

    const body = JSON.stringify({
      id: 'new',
      source: '/test',
      type: 'HealthCheck',
      data: { service: 'web', good: 1, total: 1 },
    });
    await fetch(`${ready.http}/api/events`, { method: 'POST', headers: JSON_TYPE, body });

    await eventually(async () => (String(await ids()) === 'new' ? true : undefined), 'the new event, without the old');
  } finally {
    await limited.kill();
  }
});

it('says which port is taken, and ends', async () => {
  const port = new URL(http).port;
  const second = new Command('shared/local/start', [...ANY_PORT.with(3, port), '--no-sample']);

  expect(await second.exit()).toBe(1);
  expect(second.output).toContain(`port ${port} is in use`);
});

it('ends within two seconds of Ctrl-C, and leaves nothing behind', async () => {
  const since = performance.now();

  start.signal('SIGINT');

  expect(await start.exit()).toBe(0);
  expect(performance.now() - since).toBeLessThan(2_000);
  await eventually(
    () =>
      fetch(http).then(
        () => undefined,
        () => true,
      ),
    'the port is free',
  );
});
