/** Simulated measurements, and Prometheus behind a server of the suite. */
import { createPrometheusMeasurements } from '../../shared/adapters/prometheus/measurements.ts';
import {
  createSimulatedMeasurements,
  SIMULATED_EVENTS_PER_FAILURE,
  SIMULATED_EVENTS_PER_MINUTE,
} from '../../shared/adapters/simulated-measurements.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import { SCRAPED, scrapedRequests } from '../support/scraped-requests.ts';
import { measurementsContract } from './measurements.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock = { now: () => NOW };

measurementsContract('simulated services', async () => ({
  measurements: createSimulatedMeasurements({ sources: { main: {} }, clock }),
  objective: SCRAPED.objective,
  now: NOW,
  eventsPerMinute: SIMULATED_EVENTS_PER_MINUTE,
  eventsPerFailure: SIMULATED_EVENTS_PER_FAILURE,
  resolutionMs: 1_000,
}));

measurementsContract('Prometheus', async () => {
  const server = await startPrometheus();
  for (const { labels, at, value } of scrapedRequests(NOW)) server.sample(labels, at, value);
  const sources = { main: { url: server.url, auth: 'none' } } as const;
  const measurements = createPrometheusMeasurements({ sources, clock, environment: {} });
  return { measurements, now: NOW, ...SCRAPED, close: () => server.close() };
});
