/** A whole deployment as an operator sees it: `npm start` with an endpoint set, what follows from one request, over real OTLP. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type OtlpReceiver,
  type ReceivedPoint,
  type ReceivedSpan,
  startOtlpReceiver,
} from '../support/otlp-receiver.ts';
import { Command, eventually } from '../support/processes.ts';

const ANY_PORT = ['--port', '0', '--http-port', '0', '--table-port', '0', '--admin-port', '0'];
const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

let receiver: OtlpReceiver;
let published: { status: number; correlationIds: string[] };
let spans: ReceivedSpan[] = [];

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  const start = new Command('shared/local/start', [...ANY_PORT, '--no-sample', '--json'], {
    SIMULATED_ROLLOUT: '100ms',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_BSP_SCHEDULE_DELAY: '200',
  });
  const [line] = await start.line(/^\{"ready".*$/);
  const { http } = JSON.parse(line).ready;
  const data = { namespace: 'demo', deployment: 'hello', image: 'ghcr.io/platform-events/hello:1' };
  const answer = await fetch(`${http}/api/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` },
    body: JSON.stringify({ id: 'request-1', source: '/test', type: 'DeploymentRequested', data }),
  });
  const { correlationIds } = (await answer.json()) as { correlationIds: string[] };
  published = { status: answer.status, correlationIds };
  await start.line(/"type":"DeploymentCompleted"/);
  // The history says so last.
  await eventually(async () => {
    const history = await fetch(`${http}/api/events?type=DeploymentCompleted`);
    return (await history.text()).includes('"status":"completed"') || undefined;
  }, 'the last event is completed');
  await fetch(`${http}/api/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  // What is not sent yet is sent when the app ends.
  start.signal('SIGINT');
  await start.exit();
  spans = receiver.spans;
}, 60_000);
afterAll(() => receiver.close());

const named = (name: string): ReceivedSpan[] => spans.filter((span) => span.name === name);
const childrenOf = ({ traceId, spanId }: ReceivedSpan): ReceivedSpan[] =>
  spans.filter((span) => span.traceId === traceId && span.parentId === spanId);

/** The first span with these attributes among these. */
function one(among: readonly ReceivedSpan[], name: string, attributes: object = {}): ReceivedSpan {
  const found = among.find((span) => {
    return span.name === name && Object.entries(attributes).every(([key, value]) => span.attributes[key] === value);
  });
  if (!found) throw new Error(`no span ${name} among ${among.map((span) => span.name).join(', ')}`);
  return found;
}

it('is one trace, from the caller through every handler to the cluster, each below what caused it', () => {
  expect(published.status).toBe(202);
  const post = one(spans, 'POST /api/events', { 'http.response.status_code': 202 });
  const requested = one(childrenOf(post), 'process deployment-requested');
  const started = one(childrenOf(requested), 'process deployment-started', { 'platform.redelivery': 0 });
  const apply = one(childrenOf(started), 'cluster apply');
  const watching = childrenOf(requested).filter(({ name }) => name === 'process deployment-started');
  const last = watching.find((span) => childrenOf(span).some(({ name }) => name === 'process deployment-completed'));
  const completed = one(childrenOf(last ?? started), 'process deployment-completed');

  expect([post.traceId, post.parentId]).toEqual([CALLER.traceId, CALLER.spanId]);
  expect(new Set([requested, started, apply, completed].map(({ traceId }) => traceId))).toEqual(
    new Set([CALLER.traceId]),
  );
  expect(apply).toMatchObject({
    kind: 3,
    attributes: { 'k8s.cluster.name': 'default', 'k8s.namespace.name': 'demo', 'k8s.deployment.name': 'hello' },
  });
});

it('has no span whose parent nobody has seen', () => {
  const known = new Set([...spans.map(({ spanId }) => spanId), CALLER.spanId, '']);

  expect(spans.filter(({ parentId }) => !known.has(parentId)).map(({ name }) => name)).toEqual([]);
});

it('links each redelivery to the call that asked for it', () => {
  const redelivered = named('process deployment-started').filter(
    ({ attributes }) => Number(attributes['platform.redelivery']) > 0,
  );
  const scheduled = new Map(named('schedule deployment-started').map((span) => [span.spanId, span]));

  expect(redelivered.length).toBeGreaterThan(0);
  for (const span of redelivered) {
    expect(span.links).toHaveLength(1);
    const scheduler = scheduled.get(span.links[0]?.spanId ?? '');
    // The run before asked for it, and both are below the one who published the event.
    const before = spans.find(({ spanId }) => spanId === scheduler?.parentId);
    expect(before?.attributes['platform.redelivery']).toBe(Number(span.attributes['platform.redelivery']) - 1);
    expect(before?.parentId).toBe(span.parentId);
  }
});

it('says what was handled, by the conventions for messages and events', () => {
  expect(named('process deployment-requested')).toMatchObject([
    {
      kind: 5,
      isError: false,
      attributes: {
        'messaging.system': 'servicebus',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'deployment-requested',
        'messaging.destination.subscription.name': 'deployment-requested',
        'messaging.message.conversation_id': published.correlationIds[0],
        'messaging.servicebus.message.delivery_count': 1,
        'cloudevents.event_id': 'request-1',
        'cloudevents.event_type': 'DeploymentRequested',
        'platform.outcome': 'completed',
      },
      resource: { 'service.name': 'platform-events', 'telemetry.sdk.language': 'nodejs' },
    },
  ]);
});

it('has the calls to broker and store below the handler that made them', () => {
  const [requested] = named('process deployment-requested');
  const below = requested ? childrenOf(requested) : [];

  expect(one(below, 'send deployment-started')).toMatchObject({
    kind: 4,
    attributes: { 'messaging.system': 'servicebus' },
  });
  expect(one(below, 'store transact')).toMatchObject({ kind: 3, attributes: { 'db.operation.name': 'transact' } });
});

it('begins a trace for a caller who has none, and tells nothing of a caller who is wrong as a failure', () => {
  const refused = one(spans, 'POST /api/events', { 'http.response.status_code': 400 });

  expect(refused).toMatchObject({ kind: 2, parentId: '', isError: false });
  expect(refused.traceId).not.toBe(CALLER.traceId);
});

it('counts attempts, duration and lag of each handler', () => {
  const of = (metric: string): ReceivedPoint[] =>
    receiver.points.filter(
      (point) => point.metric === metric && Object.values(point.attributes).includes('deployment-requested'),
    );

  expect(of('platform.handler.attempts')).toMatchObject([
    { unit: '{attempt}', value: 1, attributes: { 'platform.outcome': 'completed' } },
  ]);
  expect(of('messaging.process.duration')).toMatchObject([
    { unit: 's', count: 1, attributes: { 'messaging.operation.name': 'process' } },
  ]);
  const [lag] = of('platform.handler.lag');
  expect(lag).toMatchObject({ unit: 's', count: 1 });
  expect(lag?.sum).toBeLessThan(10);
});
