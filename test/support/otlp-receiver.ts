/**
 * A receiver of OTLP over HTTP that keeps what it is sent.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { ProtobufMessage } from './protobuf.ts';

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the root of a trace. */
  readonly parentId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly isError: boolean;
  /** What is said of the error. */
  readonly message: string;
  readonly resource: Attributes;
}

export interface ReceivedPoint {
  readonly metric: string;
  readonly unit: string;
  readonly attributes: Attributes;
  /** Of a sum. */
  readonly value: number;
  /** Of a histogram. */
  readonly count: number;
  readonly sum: number;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly points: ReceivedPoint[];
  close(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const points: ReceivedPoint[] = [];
  const server = createServer((request, response) => {
    bodyOf(request).then((body) => {
      if (request.url === '/v1/traces') spans.push(...spansIn(body));
      else if (request.url === '/v1/metrics') points.push(...pointsIn(body));
      response.writeHead(request.headers['content-type'] === 'application/x-protobuf' ? 200 : 415);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    points,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<ProtobufMessage> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return new ProtobufMessage(request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes);
}

/** ExportTraceServiceRequest, ResourceSpans and ScopeSpans. */
function spansIn(body: ProtobufMessage): ReceivedSpan[] {
  return body.messages(1).flatMap((ofResource) => {
    const [resource] = ofResource.messages(1);
    const found = ofResource.messages(2).flatMap((ofScope) => ofScope.messages(2));
    return found.map((span) => ({
      traceId: span.hex(1),
      spanId: span.hex(2),
      parentId: span.hex(4),
      name: span.text(5),
      kind: span.number(6),
      attributes: attributesOf(span.messages(9)),
      links: span.messages(13).map((link) => ({ traceId: link.hex(1), spanId: link.hex(2) })),
      isError: span.messages(15)[0]?.number(3) === 2,
      message: span.messages(15)[0]?.text(2) ?? '',
      resource: attributesOf(resource?.messages(1) ?? []),
    }));
  });
}

/** ExportMetricsServiceRequest, ResourceMetrics and ScopeMetrics. */
function pointsIn(body: ProtobufMessage): ReceivedPoint[] {
  const metrics = body
    .messages(1)
    .flatMap((ofResource) => ofResource.messages(2).flatMap((ofScope) => ofScope.messages(2)));
  return metrics.flatMap((metric) => {
    const known = { metric: metric.text(1), unit: metric.text(3) };
    const sums = metric.messages(7).flatMap((sum) => sum.messages(1));
    const histograms = metric.messages(9).flatMap((histogram) => histogram.messages(1));
    return [
      ...sums.map((point) => ({
        ...known,
        attributes: attributesOf(point.messages(7)),
        value: point.has(4) ? point.number(4, 'double') : point.number(6),
        count: 0,
        sum: 0,
      })),
      ...histograms.map((point) => ({
        ...known,
        attributes: attributesOf(point.messages(9)),
        value: 0,
        count: point.number(4),
        sum: point.number(5, 'double'),
      })),
    ];
  });
}

/** KeyValue and AnyValue. */
function attributesOf(pairs: readonly ProtobufMessage[]): Attributes {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = pair.messages(2);
      if (value?.has(2)) return [pair.text(1), value.number(2) === 1];
      if (value?.has(3)) return [pair.text(1), value.number(3)];
      if (value?.has(4)) return [pair.text(1), value.number(4, 'double')];
      return [pair.text(1), value?.text(1) ?? ''];
    }),
  );
}
