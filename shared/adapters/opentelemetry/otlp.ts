/** Exporters that speak OTLP as protobuf over HTTP. They read the standard variables, `OTEL_EXPORTER_OTLP_…`, themselves. */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { Exporters } from './sdk.ts';

export function otlpExporters(): Exporters {
  return { spans: new OTLPTraceExporter(), metrics: new OTLPMetricExporter() };
}
