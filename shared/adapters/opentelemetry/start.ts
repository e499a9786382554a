/**
 * Starts the OpenTelemetry SDK when an exporter is configured. Nothing of it is loaded otherwise: it would double the
 * time that a cold start takes.
 */
import type { Environment } from '../../settings.ts';

/** Sends what is not sent yet, and ends. */
export type StopTelemetry = () => Promise<void>;

let running: Promise<StopTelemetry> | undefined;

/** Once per process, by the settings that it begins with. Undefined when no exporter is configured. */
export async function startTelemetry(environment: Environment): Promise<StopTelemetry | undefined> {
  const otlpEndpoint = environment['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim();
  const connectionString = environment['APPLICATIONINSIGHTS_CONNECTION_STRING']?.trim();
  if (!otlpEndpoint && !connectionString) return undefined;
  running ??= import('./sdk.ts').then(async ({ startSdk }) =>
    startSdk(
      [
        ...(otlpEndpoint ? [(await import('./otlp.ts')).otlpExporters()] : []),
        ...(connectionString
          ? [await (await import('./azure-monitor.ts')).azureMonitorExporters(connectionString, environment)]
          : []),
      ],
      environment,
    ),
  );
  return running;
}
