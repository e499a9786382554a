/** The calls of the adapters as spans: broker, webhooks, Kubernetes. None says a secret. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { createServiceBus } from '../../../shared/adapters/service-bus/event-bus.ts';
import { createWebhookNotifier } from '../../../shared/adapters/webhook/notifier.ts';
import { parseConfig } from '../../../shared/config.ts';
import { replay } from '../../../shared/delivery/replay.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { encodeEvent, MAX_MESSAGE_BYTES, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentFailed, DeploymentRequested } from '../../../shared/events/deployment.ts';
import { startBus } from '../../../shared/local/service-bus/start.ts';
import { inInvocationSpan } from '../../../shared/telemetry/spans.ts';
import { startApiServer } from '../../support/api-server.ts';
import { sampleData } from '../../support/events.ts';
import { given, open, release, web } from '../../support/kubernetes-cases.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';
import { type RecordedSpans, recordSpans } from '../../support/recorded-spans.ts';
import { startWebhookServer } from '../../support/webhook-server.ts';

let spans: RecordedSpans;
beforeAll(() => {
  spans = recordSpans();
});
beforeEach(() => spans.reset());
afterAll(() => spans.stop());
const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

const traced = <T>(work: () => Promise<T>): Promise<T> =>
  inInvocationSpan('root', 'SERVER', { host: undefined, sender: undefined }, {}, work);
const calls = () => spans.all().filter(({ name }) => name !== 'root');

async function openBus() {
  const local = await startBus({ port: 0, adminPort: 0 });
  const connection = { connectionString: local.connectionString };
  const bus = await createServiceBus(connection, {}, { maxRetries: 0, timeoutInMs: 5_000 });
  closes.push(async () => {
    await bus.close();
    await local.close();
  });
  const waiting = (path: string) =>
    local.broker
      .resolve(path)
      .peek(0, 9)
      .map(({ content }) => content.applicationProperties?.['Scheduled-By']);
  return { bus, waiting };
}

const event = (id: string): PlatformEvent =>
  newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });
const NAME = 'deployment-requested';
const QUEUE = `${NAME}/Subscriptions/${NAME}`;

it('says what is sent, and where: one message, or how many', async () => {
  const { bus } = await openBus();

  await traced(async () => {
    await bus.publish(event('a'));
    await bus.publishAll([event('b'), event('c')]);
  });

  const place = { 'messaging.system': 'servicebus', 'messaging.destination.name': NAME };
  expect(calls().map(({ name, attributes }) => [name, attributes])).toMatchObject([
    [`send ${NAME}`, { ...place, 'messaging.message.id': expect.any(String) }],
    [`send ${NAME}`, { ...place, 'messaging.batch.message_count': 2 }],
  ]);
});

it('has a redelivery say who asked for it, where that is traced', async () => {
  const { bus, waiting } = await openBus();
  const schedule = (messageId: string) =>
    bus.schedule({ event: event('a'), at: 0, to: NAME, redelivery: 1, messageId });

  await traced(() => schedule('m-1'));
  await schedule('m-2');

  const { traceId, spanId } = spans.named(`schedule ${NAME}`).spanContext();
  expect(waiting(QUEUE)).toEqual([`00-${traceId}-${spanId}-01`, undefined]);
});

it('has room for that in the largest event that may be sent', async () => {
  const { bus, waiting } = await openBus();
  const withNote = (length: number) =>
    ({ ...event('a'), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, note: 'n'.repeat(length) }) as never;
  let [fits, tooLong] = [0, MAX_MESSAGE_BYTES];
  while (tooLong - fits > 1) {
    const length = Math.floor((fits + tooLong) / 2);
    try {
      encodeEvent(withNote(length));
      fits = length;
    } catch {
      tooLong = length;
    }
  }
  const id = 'zzzzzz-zzzzzz';
  const runs = { awaitedRunId: id, endedRunId: id, unheardRunIds: [id, id, id], replayOf: `d${'9'.repeat(19)}` };
  const marks = {
    redelivery: 999_999_999,
    unrecordedAttempts: 12,
    automaticReplays: 4,
    ...runs,
    messageId: 'm'.repeat(128),
  };

  await traced(() => bus.schedule({ event: withNote(fits), at: 0, to: NAME, ...marks }));

  expect(waiting(QUEUE)).toHaveLength(1);
});

it('has a replay say so as well', async () => {
  const { bus, waiting } = await openBus();
  const failed = event('a');
  const why = { reason: 'Permanent', description: 'refused', subscription: NAME, attempts: 1, redelivery: 0 };
  const about = { type: failed.type, correlationId: failed.correlationid, traceparent: undefined };
  await bus.deadLetter({ messageId: 'm', body: failed, ...about, ...why });
  const [entry] = await bus.deadLetters('0', 1);
  const parts = { publisher: bus, deadLetterQueue: bus, state: new MemoryStateStore(), log: new RecordingLog() };
  // A replay asks for nothing else.
  const ports = { ...parts, clock: { now: () => Date.now() } } as unknown as Parameters<typeof replay>[1];

  await traced(() => replay(entry?.sequenceNumber ?? '', ports));

  const { traceId, spanId } = spans.named(`schedule ${NAME}`).spanContext();
  expect(waiting(QUEUE)).toEqual([`00-${traceId}-${spanId}-01`]);
  // The redelivery is sent while the entry is held.
  expect(calls().map(({ name }) => name)).toEqual(['peek errors', `schedule ${NAME}`, 'receive errors']);
});

it('names the channel of a webhook, never its address', async () => {
  const server = await startWebhookServer();
  closes.push(() => server.close());
  const secret = '/services/T000/hunter2';
  server.answer(secret, { status: 400, body: 'no' });
  const notifier = createWebhookNotifier({
    config: parseConfig({ notifications: { channels: [{ format: 'slack', urlSetting: 'MAIN' }] } }),
    state: new MemoryStateStore(),
    clock: new FixedClock(),
    environment: { MAIN: server.urlOf(secret) },
  });
  const about = newEvent(DeploymentFailed, { source: '/test', data: sampleData.DeploymentFailed });
  const notify = () => notifier.notify({ key: 'k', severity: 'warning', title: 't', text: 't', event: about });

  await traced(async () => {
    await notify().catch(() => {});
    await notify();
  });

  const channel = { 'platform.notification.channel': 'notifications.channels.0 (MAIN)' };
  expect(calls().map(({ attributes }) => attributes)).toMatchObject([
    { ...channel, 'http.response.status_code': 400, 'error.type': 'Permanent' },
    { ...channel, 'http.response.status_code': 200 },
  ]);
  const told = spans.all().map(({ attributes, status, events, links }) => ({ attributes, status, events, links }));
  expect(JSON.stringify(told)).not.toContain('hunter2');
});

it('names each request to a cluster', async () => {
  const server = await startApiServer();
  onTestFinished(() => server.close());
  given(server, web, 'ghcr.io/shop/web:1', 1);

  await traced(() => open(server).apply(release('2')));

  const path = `/apis/apps/v1/namespaces/${web.namespace}/deployments/${web.deployment}`;
  expect(calls().map(({ name, attributes }) => [name, attributes])).toMatchObject([
    ['GET', { 'http.request.method': 'GET', 'url.path': path, 'http.response.status_code': 200 }],
    ['GET', { 'url.path': `/api/v1/namespaces/${web.namespace}` }],
    ['PATCH', { 'http.request.method': 'PATCH', 'url.path': path, 'http.response.status_code': 200 }],
  ]);
});
