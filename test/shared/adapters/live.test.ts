import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createLivePorts } from '../../../shared/adapters/live.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { ErrorBudgetDepleted } from '../../../shared/events/platform.ts';
import { connectionString } from '../../../shared/local/service-bus/amqp/server.ts';
import { sampleData } from '../../support/events.ts';
import { RecordingLog } from '../../support/ports.ts';
import { startPrometheus } from '../../support/prometheus-server.ts';

it('puts a notification into the log, facts and all, where no channel is configured', async () => {
  const log = new RecordingLog();
  const settings = { ServiceBus: connectionString(1), StateStore: 'memory', Cluster: 'simulated' };
  const { portsFor, close } = await createLivePorts(settings);
  const event = newEvent(ErrorBudgetDepleted, { source: '/test', data: sampleData.ErrorBudgetDepleted });
  const facts = { 'error budget': 'overspent: 110 % used' };

  await portsFor(log).notifier.notify({
    key: 'k',
    severity: 'critical',
    title: 'web is frozen',
    text: 'why',
    facts,
    event,
  });
  await close();

  expect(log.lines).toMatchObject([
    {
      level: 'info',
      message: 'notification: web is frozen',
      fields: { severity: 'critical', text: 'why', eventId: event.id, ...facts },
    },
  ]);
});

it("goes by the store's time from the first message on", async () => {
  const server = createServer((_, response) => {
    response.writeHead(404, { date: new Date(Date.now() + 600_000).toUTCString() }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const StateStore = `UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:${port}/devstoreaccount1;`;
  const settings = { ServiceBus: connectionString(1), StateStore, Cluster: 'simulated' };

  const { portsFor, close } = await createLivePorts(settings);
  const { clock } = portsFor(new RecordingLog());
  await close();

  expect(clock.now() - Date.now()).toBeGreaterThan(598_000);
  expect(clock.now() - Date.now()).toBeLessThan(602_000);
});

it('asks the measurements of the configuration with the token of their setting, unless they are simulated', async () => {
  const prometheus = await startPrometheus();
  onTestFinished(() => prometheus.close());
  const file = join(mkdtempSync(join(tmpdir(), 'live-')), 'config.json');
  const main = { kind: 'prometheus', url: prometheus.url, tokenSetting: 'PROM_TOKEN' };
  writeFileSync(file, JSON.stringify({ measurements: { main } }));
  const settings = {
    ...{ ServiceBus: connectionString(1), StateStore: 'memory', Cluster: 'simulated' },
    ...{ PLATFORM_CONFIG: file, PROM_TOKEN: 'the-token' },
  };
  const objective = { source: 'main', good: 'good_total', total: 'all_total' };
  const from = Date.now() - 60_000;

  const live = await createLivePorts(settings);
  const asked = await live.portsFor(new RecordingLog()).measurements.count(objective, from, from + 30_000);
  await live.close();
  const local = await createLivePorts({ ...settings, Measurements: 'simulated' });
  const simulated = await local.portsFor(new RecordingLog()).measurements.count(objective, from, from + 30_000);
  await local.close();

  expect(asked).toBeUndefined();
  expect(prometheus.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer the-token']);
  expect(simulated?.total).toBeGreaterThan(0);
});
