/** The span of an invocation, by what the callback that the library received is given; and what is published in it. */
import { SpanStatusCode } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../../shared/config.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { type HttpHandler, onHttp } from '../../../shared/http/on-http.ts';
import { ProblemError } from '../../../shared/http/problem.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import { onEvent, usePorts } from '../../../shared/on-event.ts';
import type { Handler } from '../../../shared/ports/handler.ts';
import { HISTORY_LIMITS } from '../../../shared/settings.ts';
import { sampleData } from '../../support/events.ts';
import { type FunctionApp, functionApp } from '../../support/function-app.ts';
import { clustersOf } from '../../support/ports.ts';
import { type RecordedSpans, recordSpans } from '../../support/recorded-spans.ts';

const NAME = 'deployment-requested';
const PROCESS = `process ${NAME}`;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const [PUBLISHER, HOST, SCHEDULER] = ['00f067aa0ba902b7', 'b7ad6b7169203331', '53995c3f42cd8ad8'];
const traceparent = (span: string): string => `00-${TRACE}-${span}-01`;

let app: FunctionApp;
let bus: InMemoryEventBus;
let spans: RecordedSpans;
let handle: Handler = async () => {};
let answer: HttpHandler = async () => ({});

beforeAll(async () => {
  usePorts({
    portsFor: (log) => ({
      ...{ publisher: bus, deadLetterQueue: bus, state: new MemoryStateStore(), clusters: clustersOf({}), log },
      ...{ notifier: { notify: async () => {} }, clock: bus.clock, config: parseConfig({}) },
      measurements: { count: async () => undefined },
    }),
    options: {},
    historyLimits: HISTORY_LIMITS,
  });
  app = await functionApp(() => {
    onEvent(DeploymentRequested, (...args) => handle(...args));
    const route = {
      methods: ['GET', 'POST'],
      route: 'any/{id}',
      right: 'read',
      description: 'Any.',
      answers: {},
    } as const;
    onHttp({ name: 'any', ...route }, (...args) => answer(...args));
  });
});
beforeEach(() => {
  bus = new InMemoryEventBus();
  spans = recordSpans();
  handle = async ({ id }, { publish }) =>
    publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: id });
  return () => spans.stop();
});
afterAll(() => usePorts(undefined));

const eventWith = (fields: object = {}) =>
  newEvent(DeploymentRequested, { id: 'r-1', source: '/ci', data: sampleData.DeploymentRequested, ...fields });

/** The traceparent of what was published. */
function published(): string | undefined {
  const entity = bus.broker.resolve('deployment-started/Subscriptions/deployment-started');
  const [message] = entity.peek(0, 1);
  return JSON.parse(Buffer.from(message?.content.body as Uint8Array).toString()).traceparent;
}

describe('a message', () => {
  it.each([
    ['its event', eventWith({ traceparent: traceparent(PUBLISHER) }), {}],
    ['its property, which the library has renamed', eventWith(), { 'Diagnostic-Id': traceparent(PUBLISHER) }],
  ])("continues the publisher's trace, by %s", async (_, event, applicationProperties) => {
    await app.deliver(NAME, { body: JSON.stringify(event), applicationProperties });

    expect(spans.named(PROCESS).parentSpanContext).toMatchObject({ traceId: TRACE, spanId: PUBLISHER });
  });

  it('continues it in binary mode', async () => {
    const { data, ...attributes } = eventWith({ traceparent: traceparent(PUBLISHER) });
    const properties = Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [[`cloudEvents:${name}`, value]],
    );

    await app.deliver(NAME, { body: JSON.stringify(data), applicationProperties: Object.fromEntries(properties) });

    expect(spans.named(PROCESS).parentSpanContext).toMatchObject({ traceId: TRACE, spanId: PUBLISHER });
  });

  it("is below the host's span when that goes on with the trace", async () => {
    const body = JSON.stringify(eventWith({ traceparent: traceparent(PUBLISHER) }));

    await app.deliver(NAME, { body, traceparent: traceparent(HOST) });

    expect(spans.named(PROCESS).parentSpanContext?.spanId).toBe(HOST);
  });

  it('is linked to the span that scheduled it', async () => {
    const applicationProperties = { 'Scheduled-By': traceparent(SCHEDULER) };

    await app.deliver(NAME, { body: JSON.stringify(eventWith()), applicationProperties });

    expect(spans.named(PROCESS).links.map(({ context }) => context.spanId)).toEqual([SCHEDULER]);
  });

  it('says which event it brought, and what became of it', async () => {
    await app.deliver(NAME, { body: JSON.stringify(eventWith({ correlationid: 'chain' })), deliveryCount: 2 });

    expect(spans.named(PROCESS).attributes).toMatchObject({
      'messaging.message.id': 'm-1',
      'messaging.servicebus.message.delivery_count': 3,
      'faas.invocation_id': app.lastId(),
      'cloudevents.event_id': 'r-1',
      'cloudevents.event_source': '/ci',
      'messaging.message.conversation_id': 'chain',
      'platform.redelivery': 0,
      'platform.outcome': 'completed',
    });
  });

  it('that a handler fails at is a failed span, though the delivery sees to it', async () => {
    handle = async () => Promise.reject(new PermanentError('refused'));

    await app.deliver(NAME, { body: JSON.stringify(eventWith()) });

    const { attributes, status } = spans.named(PROCESS);
    expect(attributes).toMatchObject({ 'platform.outcome': 'failed', 'error.type': 'Permanent' });
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'refused' });
  });

  it('has what no handler saw in a span, too', async () => {
    await app.deliver(NAME, { body: 'no event' });

    expect(spans.named(PROCESS).attributes).not.toHaveProperty('platform.outcome');
    expect(bus.errors()).toHaveLength(1);
  });
});

describe('an event that a handler publishes', () => {
  it('carries the span of the handler', async () => {
    await app.deliver(NAME, { body: JSON.stringify(eventWith({ traceparent: traceparent(PUBLISHER) })) });

    expect(published()).toBe(traceparent(spans.named(PROCESS).spanContext().spanId));
  });

  it("carries its parent's, the same each time, where nothing is traced", async () => {
    spans.stop();
    const event = eventWith({ traceparent: traceparent(PUBLISHER) });

    await app.deliver(NAME, { body: JSON.stringify(event), traceparent: traceparent(HOST) });

    expect(published()).toBe(traceparent(PUBLISHER));
  });
});

describe('a request', () => {
  const ROUTE = 'GET /api/any/{id}';

  it("continues the caller's trace, and what it publishes goes on from there", async () => {
    let given = '';
    answer = async (request) => {
      given = request.traceparent();
      return { status: 202 };
    };

    await app.send('any', { headers: { traceparent: traceparent(PUBLISHER) } });

    const span = spans.named(ROUTE);
    expect(span.parentSpanContext?.spanId).toBe(PUBLISHER);
    expect(span.attributes).toMatchObject({ 'http.route': '/api/any/{id}', 'http.response.status_code': 202 });
    expect(given).toBe(traceparent(span.spanContext().spanId));
  });

  it.each([
    ["the caller's", { traceparent: traceparent(PUBLISHER) }, '', traceparent(PUBLISHER)],
    ["the host's", { traceparent: 'nonsense' }, traceparent(HOST), traceparent(HOST)],
    ['one of its own', {}, '', expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)],
  ])('has a trace where nothing is traced: %s', async (_, headers, host, expected) => {
    spans.stop();
    let given = '';
    answer = async (request) => {
      given = request.traceparent();
      return {};
    };

    await app.send('any', { headers, traceparent: host });

    expect(given).toEqual(expected);
  });

  it.each([
    [new ProblemError(404, 'not here'), 404, undefined],
    [new ProblemError(503, 'away'), 503, 'Error'],
    [new TransientError('busy'), 503, 'Transient'],
    [new RangeError('a bug'), 500, 'RangeError'],
  ])('that ends with %s is a failure of this app from 500 on', async (error, status, type) => {
    answer = () => Promise.reject(error);

    await app.send('any', {});

    const span = spans.named(ROUTE);
    expect(span.attributes['http.response.status_code']).toBe(status);
    expect(span.attributes['error.type']).toEqual(type === undefined ? undefined : expect.any(String));
    expect(span.status.code).toBe(type === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR);
  });
});
