/** The OpenTelemetry SDK in this process, with what it records kept in memory. */
import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { useOpenTelemetry } from '../../shared/telemetry/api.ts';

export interface RecordedSpans {
  /** Those that have ended, in that order. */
  all(): ReadableSpan[];
  named(name: string): ReadableSpan;
  reset(): void;
  stop(): void;
}

export function recordSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.trace.setGlobalTracerProvider(provider);
  useOpenTelemetry(api);
  const all = (): ReadableSpan[] => exporter.getFinishedSpans();
  return {
    all,
    named: (name) => {
      const found = all().find((span) => span.name === name);
      if (!found)
        throw new Error(
          `no span ${name} among ${all()
            .map((span) => span.name)
            .join(', ')}`,
        );
      return found;
    },
    reset: () => exporter.reset(),
    stop: () => {
      useOpenTelemetry(undefined);
      api.trace.disable();
      api.context.disable();
    },
  };
}
