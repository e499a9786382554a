/** Exporters to Application Insights. */
import {
  type AzureMonitorExporterOptions,
  AzureMonitorMetricExporter,
  AzureMonitorTraceExporter,
} from '@azure/monitor-opentelemetry-exporter';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Environment } from '../../settings.ts';
import type { Exporters } from './sdk.ts';

/** The Functions host's own setting: `Authorization=AAD`, and `;ClientId=…` for a user-assigned identity. */
const AUTHENTICATION = 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING';

export async function azureMonitorExporters(connectionString: string, environment: Environment): Promise<Exporters> {
  const options: AzureMonitorExporterOptions = {
    connectionString,
    // What could not be sent would be written to the disk of an instance that may be gone in a minute.
    disableOfflineStorage: true,
    ...(await credentialOf(environment[AUTHENTICATION] ?? '')),
  };
  return { spans: withNames(new AzureMonitorTraceExporter(options)), metrics: new AzureMonitorMetricExporter(options) };
}

/** The exporter gives a request whose span is no server's no name, unless an attribute has it. */
function withNames(exporter: SpanExporter): SpanExporter {
  const named = (span: ReadableSpan): ReadableSpan =>
    Object.create(span, { attributes: { value: { ...span.attributes, 'ai.operation.name': span.name } } });
  return {
    export: (spans, done) => exporter.export(spans.map(named), done),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

async function credentialOf(text: string): Promise<Pick<AzureMonitorExporterOptions, 'credential'>> {
  const parts = new Map(
    text.split(';').map((part) => {
      const [name = '', value = ''] = part.split('=');
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );
  if (parts.get('authorization')?.toUpperCase() !== 'AAD') return {};
  const { credentialFor } = await import('../identity.ts');
  return { credential: await credentialFor({ clientId: parts.get('clientid') || undefined, credential: undefined }) };
}
