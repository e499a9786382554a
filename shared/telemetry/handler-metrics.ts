/**
 * Metrics of handlers. They are the process's own, so they are exported and not asked for: whichever instance answers
 * `/api/metrics` need not be one that handles events. What the store holds is in `shared/status/metrics.ts`.
 */
import type { Attributes, Counter, Histogram } from '@opentelemetry/api';
import { type OpenTelemetry, openTelemetry, SCOPE } from './api.ts';
import { errorType } from './spans.ts';

/** A run of a handler for one message. */
export interface HandlerAttempt {
  /** Its subscription, whose name is the topic's too. */
  readonly handler: string;
  readonly outcome: 'completed' | 'requeue' | 'failed';
  readonly error?: unknown;
  readonly durationMs: number;
  /** From when the broker had the message, or a redelivery was due, until the handler began; undefined when it is not known. */
  readonly lagMs: number | undefined;
}

interface Instruments {
  readonly api: OpenTelemetry;
  readonly attempts: Counter;
  readonly duration: Histogram;
  readonly lag: Histogram;
}

const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const LAG_BOUNDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

let instruments: Instruments | undefined;

/** Counts an attempt. Nothing is counted while no exporter is configured. */
export function recordAttempt({ handler, outcome, error, durationMs, lagMs }: HandlerAttempt): void {
  const api = openTelemetry();
  if (!api) return;
  const { attempts, duration, lag } = instrumentsOf(api);
  const failed: Attributes = outcome === 'failed' ? { 'error.type': errorType(error) } : {};
  const place: Attributes = {
    'messaging.system': 'servicebus',
    'messaging.destination.name': handler,
    'messaging.destination.subscription.name': handler,
  };
  attempts.add(1, { 'platform.handler': handler, 'platform.outcome': outcome, ...failed });
  duration.record(durationMs / 1_000, { ...place, 'messaging.operation.name': 'process', ...failed });
  if (lagMs !== undefined) lag.record(Math.max(0, lagMs) / 1_000, { 'platform.handler': handler });
}

function instrumentsOf(api: OpenTelemetry): Instruments {
  if (instruments?.api === api) return instruments;
  const meter = api.metrics.getMeter(SCOPE);
  instruments = {
    api,
    attempts: meter.createCounter('platform.handler.attempts', {
      unit: '{attempt}',
      description: 'Runs of a handler, by outcome',
    }),
    duration: meter.createHistogram('messaging.process.duration', {
      unit: 's',
      description: 'How long a handler took for one message',
      advice: { explicitBucketBoundaries: DURATION_BOUNDS },
    }),
    lag: meter.createHistogram('platform.handler.lag', {
      unit: 's',
      description: 'How long a message had been due when its handler began',
      advice: { explicitBucketBoundaries: LAG_BOUNDS },
    }),
  };
  return instruments;
}
