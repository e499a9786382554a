/** The OpenTelemetry SDK with its exporters. The SDK reads the standard variables for sampling and batches itself. */
import { hostname } from 'node:os';
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Environment } from '../../settings.ts';
import { useOpenTelemetry } from '../../telemetry/api.ts';

/** Where spans and metrics go. */
export interface Exporters {
  readonly spans: SpanExporter;
  readonly metrics: PushMetricExporter;
}

/** A receiver that is away fails every few seconds. */
const COMPLAINT_MS = 60_000;

/** Registers the SDK for this process. @returns what sends the rest and ends it */
export function startSdk(exporters: readonly Exporters[], environment: Environment): () => Promise<void> {
  const complain = complainer();
  const ignore = (): void => {};
  const logger = { error: complain, warn: ignore, info: ignore, debug: ignore, verbose: ignore };
  api.diag.setLogger(logger, api.DiagLogLevel.ERROR);
  const resource = resourceOf(environment);
  const tracers = new BasicTracerProvider({
    resource,
    spanProcessors: exporters.map(({ spans }) => new BatchSpanProcessor(spans)),
  });
  const meters = new MeterProvider({
    resource,
    readers: exporters.map(({ metrics: exporter }) => new PeriodicExportingMetricReader({ exporter })),
  });
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.trace.setGlobalTracerProvider(tracers);
  api.metrics.setGlobalMeterProvider(meters);
  useOpenTelemetry(api);
  return async () => {
    const ends = await Promise.allSettled([tracers.shutdown(), meters.shutdown()]);
    for (const end of ends) if (end.status === 'rejected') complain(end.reason);
  };
}

/** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win. */
function resourceOf({ WEBSITE_SITE_NAME: site, WEBSITE_INSTANCE_ID: instance }: Environment): Resource {
  const own = resourceFromAttributes({
    'service.name': site ?? 'platform-events',
    'service.instance.id': instance ?? `${hostname()}-${process.pid}`,
    ...(site !== undefined && { 'cloud.provider': 'azure', 'cloud.platform': 'azure.functions', 'faas.name': site }),
  });
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
}

/**
 * Telemetry that does not arrive is no reason to stop, but an operator must be able to find out. Of what the exporters say
 * only the codes are shown: the rest may hold what a receiver answered, and where it is.
 */
function complainer(): (error: unknown) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (now - last < COMPLAINT_MS) return;
    last = now;
    const { message = '', code = '' } = Object(error) as { message?: unknown; code?: unknown };
    const codes = new Set(`${typeof error === 'string' ? error : `${message} ${code}`}`.match(CODES));
    // Outside of any invocation: the Functions host shows a line of stderr as a Warning when it holds this word.
    console.error(`warn: telemetry cannot be sent: ${[...codes].join(' ') || 'no reason given'}`);
  };
}

const CODES = /\b(E[A-Z]{4,20}|AADSTS[0-9]{1,10}|[45][0-9]{2})\b/g;
