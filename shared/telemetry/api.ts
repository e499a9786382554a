/**
 * The OpenTelemetry API, once an exporter is configured. Until then nothing of it is loaded, which is a twentieth of a cold
 * start, and nothing is traced.
 */
import type * as Api from '@opentelemetry/api';

export type OpenTelemetry = Pick<
  typeof Api,
  'context' | 'trace' | 'metrics' | 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode'
>;

let loaded: OpenTelemetry | undefined;

/** For this process, from now on; undefined ends it. */
export function useOpenTelemetry(api: OpenTelemetry | undefined): void {
  loaded = api;
}

export function openTelemetry(): OpenTelemetry | undefined {
  return loaded;
}

/** Names our spans and metrics among those of libraries. */
export const SCOPE = 'platform-events';
