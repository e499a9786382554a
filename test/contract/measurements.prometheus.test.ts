/**
 * The contract of measurements on a real Prometheus, which is started here with samples that `promtool` (beside it) has
 * written; on VictoriaMetrics, too, where there is one.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, vi } from 'vitest';
import { createPrometheusMeasurements } from '../../shared/adapters/prometheus/measurements.ts';
import { eventually } from '../support/processes.ts';
import { SCRAPED, scrapedRequests } from '../support/scraped-requests.ts';
import { type MeasurementsDriver, measurementsContract } from './measurements.ts';

// What is imported can be asked for after some seconds.
vi.setConfig({ hookTimeout: 60_000 });
const MINUTE_MS = 60_000;
/** What is of this minute may still be on its way to the disk. */
const NOW = (Math.floor(Date.now() / MINUTE_MS) - 1) * MINUTE_MS;

const samples = scrapedRequests(NOW).map(({ labels: { __name__, ...labels }, at, value }) => {
  const set = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
  return { series: `${__name__}{${set.join(',')}}`, at, value };
});

type Started = (folder: string, port: number) => ChildProcess;

function driverOf(start: Started, load: (url: string) => Promise<void>): () => Promise<MeasurementsDriver> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'measurements-'));
    const port = await freePort();
    const child = start(folder, port);
    const url = `http://127.0.0.1:${port}`;
    await eventually(
      () =>
        fetch(`${url}/api/v1/query?query=1`).then(
          ({ ok }) => ok || undefined,
          () => undefined,
        ),
      'ready',
    );
    await load(url);
    const sources = { main: { url, auth: 'none' } } as const;
    const measurements = createPrometheusMeasurements({ sources, clock: { now: () => NOW }, environment: {} });
    const isThere = () => measurements.count(SCRAPED.objective, NOW - MINUTE_MS, NOW);
    await eventually(isThere, 'the samples are there');
    const close = async (): Promise<void> => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      rmSync(folder, { recursive: true });
    };
    return { measurements, now: NOW, ...SCRAPED, close };
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP has such an address.
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const prometheus = process.env['PROMETHEUS_CONTRACT'];
if (prometheus) {
  const start: Started = (folder, port) => {
    const [text, data, config] = ['samples.txt', 'data', 'prometheus.yml'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const lines = samples.map(({ series, at, value }) => `${series} ${value} ${(at / 1_000).toFixed(3)}`);
    writeFileSync(text, `${['# TYPE requests counter', ...lines, '# EOF'].join('\n')}\n`);
    writeFileSync(config, '{}');
    execFileSync(join(dirname(prometheus), 'promtool'), ['tsdb', 'create-blocks-from', 'openmetrics', text, data]);
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`];
    return spawn(prometheus, flags, { stdio: 'ignore' });
  };
  measurementsContract(
    'a real Prometheus',
    driverOf(start, async () => {}),
  );
} else {
  describe('a real Prometheus as Measurements', () => {
    it.skip('is skipped: PROMETHEUS_CONTRACT names no prometheus', () => {});
  });
}

const victoriaMetrics = process.env['VICTORIA_METRICS_CONTRACT'];
if (victoriaMetrics) {
  const start: Started = (folder, port) => {
    const flags = [`-storageDataPath=${folder}/data`, `-httpListenAddr=127.0.0.1:${port}`];
    return spawn(victoriaMetrics, flags, { stdio: 'ignore' });
  };
  const load = async (url: string): Promise<void> => {
    const body = samples.map(({ series, at, value }) => `${series} ${value} ${at}`).join('\n');
    await fetch(`${url}/api/v1/import/prometheus`, { method: 'POST', body });
  };
  measurementsContract('a real VictoriaMetrics', driverOf(start, load));
} else {
  describe('a real VictoriaMetrics as Measurements', () => {
    it.skip('is skipped: VICTORIA_METRICS_CONTRACT names no victoria-metrics', () => {});
  });
}
