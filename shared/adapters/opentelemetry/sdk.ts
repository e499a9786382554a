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
  api.diag.setLogger(complainer(), api.DiagLogLevel.ERROR);
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
  return async () => void (await Promise.allSettled([tracers.shutdown(), meters.shutdown()]));
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

/** Telemetry that does not arrive is no reason to stop; an operator must be able to find out all the same. */
function complainer() {
  let last = Number.NEGATIVE_INFINITY;
  const complain = (message: string): void => {
    const now = performance.now();
    if (now - last < COMPLAINT_MS) return;
    last = now;
    // Outside of any invocation; the Functions host shows a line of stderr as a Warning when it holds this word.
    console.error(`warn: telemetry: ${message.replace(/\s+/g, ' ').slice(0, 300)}`);
  };
  return { error: complain, warn: complain, info: () => {}, debug: () => {}, verbose: () => {} };
}
