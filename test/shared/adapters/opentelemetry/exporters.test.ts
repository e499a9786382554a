/** Exporters over real connections: what arrives at Application Insights, and what is said when nothing arrives. */
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import * as api from '@opentelemetry/api';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { azureMonitorExporters } from '../../../../shared/adapters/opentelemetry/azure-monitor.ts';
import { otlpExporters } from '../../../../shared/adapters/opentelemetry/otlp.ts';
import { startSdk } from '../../../../shared/adapters/opentelemetry/sdk.ts';
import { startTelemetry } from '../../../../shared/adapters/opentelemetry/start.ts';
import { useOpenTelemetry } from '../../../../shared/telemetry/api.ts';
import { recordAttempt } from '../../../../shared/telemetry/handler-metrics.ts';
import { inInvocationSpan } from '../../../../shared/telemetry/spans.ts';
import { LOOPBACK_CERTIFICATE } from '../../../support/loopback-certificate.ts';

afterEach(() => {
  useOpenTelemetry(undefined);
  for (const part of [api.context, api.trace, api.metrics, api.diag]) part.disable();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

interface Received {
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A server that answers every request so. @returns its port, and what came */
async function receiver(
  status: number,
  answer: string,
  { isHttps = false } = {},
): Promise<{ port: number; received: Received[] }> {
  const received: Received[] = [];
  const onRequest: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
    received.push({ url: request.url ?? '', authorization: request.headers.authorization, body });
    response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
  };
  const server = isHttps ? createHttpsServer(LOOPBACK_CERTIFICATE, onRequest) : createServer(onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, received };
}

/** Application Insights, as far as an exporter knows. */
function applicationInsights() {
  // Its certificate is its own.
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  return receiver(200, '{"itemsReceived":1,"itemsAccepted":1,"errors":[]}', { isHttps: true });
}

const origin = { host: undefined, sender: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
const KEY = 'InstrumentationKey=00000000-0000-0000-0000-000000000000';

function handleOne(): Promise<void> {
  return inInvocationSpan('process health-check', 'CONSUMER', origin, {}, async () => {
    recordAttempt({ handler: 'health-check', outcome: 'completed', durationMs: 5, lagMs: 20 });
  });
}

it('sends spans and metrics to Application Insights', async () => {
  const { port, received } = await applicationInsights();
  const exporters = await azureMonitorExporters(`${KEY};IngestionEndpoint=https://127.0.0.1:${port}`, {});
  const stop = startSdk([exporters], { WEBSITE_SITE_NAME: 'shop-events', WEBSITE_INSTANCE_ID: 'i-1' });

  await handleOne();
  await stop();

  const sent = received.flatMap(({ body }) => JSON.parse(body));
  expect(sent.find(({ data }) => data.baseType === 'RequestData')).toMatchObject({
    tags: {
      'ai.operation.id': '4bf92f3577b34da6a3ce929d0e0e4736',
      'ai.operation.name': 'process health-check',
      'ai.operation.parentId': '00f067aa0ba902b7',
      'ai.cloud.role': 'shop-events',
      'ai.cloud.roleInstance': 'i-1',
    },
    data: { baseData: { name: 'process health-check', success: true } },
  });
  const metrics = sent.flatMap(({ data }) => data.baseData.metrics ?? []);
  const names = ['messaging.process.duration', 'platform.handler.attempts', 'platform.handler.lag'];
  expect(metrics.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(names));
  expect(received.map(({ authorization }) => authorization)).toEqual(received.map(() => undefined));
});

it('signs in to Application Insights with the identity that is named', async () => {
  const { port, received } = await applicationInsights();
  const token = { access_token: 'token-of-app', expires_on: String(Math.floor(Date.now() / 1_000) + 3_600) };
  const identity = await receiver(200, JSON.stringify({ ...token, resource: 'r', token_type: 'Bearer' }));
  // As in a Function App.
  vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${identity.port}/msi/token`);
  vi.stubEnv('IDENTITY_HEADER', 'header');
  const environment = { APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=app-identity' };
  const exporters = await azureMonitorExporters(`${KEY};IngestionEndpoint=https://127.0.0.1:${port}`, environment);
  const stop = startSdk([exporters], {});

  await handleOne();
  await stop();

  expect(received.map(({ authorization }) => authorization)).toContain('Bearer token-of-app');
  expect(identity.received[0]?.url).toContain('client_id=app-identity');
});

it.each([
  ['is away', undefined, 'ECONNREFUSED'],
  ['refuses it', 401, '401'],
])('says once, and by its code alone, that a receiver %s', async (_, status, code) => {
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  const { port } = status === undefined ? { port: 1 } : await receiver(status, 'hunter2');
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`);
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'api-key=hunter2');
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '1000');
  const stop = startSdk([otlpExporters()], {});

  await handleOne();
  await stop();

  expect(printed.mock.calls).toEqual([[`warn: telemetry cannot be sent: ${code}`]]);
});

it('starts nothing where no exporter is configured', async () => {
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: ' ', APPLICATIONINSIGHTS_CONNECTION_STRING: '' };

  expect(await startTelemetry(settings)).toBeUndefined();
});
