/** Simulated measurements, and Prometheus behind a server of the suite. */
import { createPrometheusMeasurements } from '../../shared/adapters/prometheus/measurements.ts';
import {
  createSimulatedMeasurements,
  SIMULATED_EVENTS_PER_FAILURE,
  SIMULATED_EVENTS_PER_MINUTE,
} from '../../shared/adapters/simulated-measurements.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import { measurementsContract } from './measurements.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock = { now: () => NOW };
const objective = { source: 'main', good: 'requests_total{code!~"5.."}', total: 'requests_total' };

measurementsContract('simulated services', async () => ({
  measurements: createSimulatedMeasurements({ sources: { main: {} }, clock }),
  objective,
  now: NOW,
  eventsPerMinute: SIMULATED_EVENTS_PER_MINUTE,
  eventsPerFailure: SIMULATED_EVENTS_PER_FAILURE,
  resolutionMs: 1_000,
}));

measurementsContract('Prometheus', async () => {
  const server = await startPrometheus();
  const SCRAPE_MS = 15_000;
  const [perScrape, perFailure] = [200, 50];
  // Two processes, scraped at different times; one of them begins anew twice.
  for (const [instance, offset] of [
    ['a:80', 1_250],
    ['b:80', 9_010],
  ] as const) {
    const counted = { good: 5_000, bad: 100 };
    for (let scrape = 0; scrape < 100; scrape++) {
      const at = NOW - 100 * SCRAPE_MS + scrape * SCRAPE_MS + offset;
      if (instance === 'a:80' && (scrape === 60 || scrape === 77)) counted.good = counted.bad = 0;
      counted.good += perScrape / 2 - perScrape / 2 / perFailure;
      counted.bad += perScrape / 2 / perFailure;
      const labels = { __name__: 'requests_total', job: 'web', instance };
      server.sample({ ...labels, code: '200' }, at, counted.good);
      server.sample({ ...labels, code: '500' }, at, counted.bad);
    }
  }
  return {
    measurements: createPrometheusMeasurements({
      sources: { main: { url: server.url, auth: 'none' } },
      clock,
      environment: {},
    }),
    objective,
    now: NOW,
    eventsPerMinute: 4 * perScrape,
    eventsPerFailure: perFailure,
    resolutionMs: SCRAPE_MS,
    close: () => server.close(),
  };
});
