import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { NotFoundError } from '../../../shared/errors.ts';
import type { Cluster } from '../../../shared/ports/cluster.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { inInvocationSpan } from '../../../shared/telemetry/spans.ts';
import { tracedPorts } from '../../../shared/telemetry/traced-ports.ts';
import { clustersOf } from '../../support/ports.ts';
import { type RecordedSpans, recordSpans } from '../../support/recorded-spans.ts';

let spans: RecordedSpans;

beforeAll(() => {
  spans = recordSpans();
});
beforeEach(() => spans.reset());
afterAll(() => spans.stop());

const traced = (work: () => Promise<unknown>): Promise<unknown> =>
  inInvocationSpan('process topic', 'CONSUMER', { host: undefined, sender: undefined }, {}, work);

const state = new MemoryStateStore();
const cluster = {
  apply: async () => {},
  quotas: () => Promise.reject(new NotFoundError('no such namespace')),
} as unknown as Cluster;
// Nothing else is asked for.
const ports = { state, clusters: clustersOf({ default: cluster }) } as unknown as Ports;

it('does what the ports do, with a span around each call, below the invocation', async () => {
  const { state: store, clusters } = tracedPorts(ports);
  await traced(async () => {
    const etag = await store.insert('p', 'k', { n: 1 });
    expect(await store.get('p', 'k')).toEqual({ key: 'k', value: { n: 1 }, etag });
    await clusters.get(undefined).apply({ namespace: 'shop', deployment: 'web' } as Parameters<Cluster['apply']>[0]);
    await expect(clusters.get('default').quotas('shop')).rejects.toThrow('no such namespace');
  });

  const invocation = spans.named('process topic').spanContext().spanId;
  const calls = spans.all().filter(({ name }) => name !== 'process topic');
  expect(calls.map(({ name }) => name)).toEqual(['store insert', 'store get', 'cluster apply', 'cluster quotas']);
  for (const call of calls) expect(call.parentSpanContext?.spanId).toBe(invocation);
  expect(calls.map(({ attributes }) => attributes)).toEqual([
    { 'db.operation.name': 'insert', 'platform.state.partition': 'p', 'platform.state.key': 'k' },
    { 'db.operation.name': 'get', 'platform.state.partition': 'p', 'platform.state.key': 'k' },
    { 'k8s.cluster.name': 'default', 'k8s.namespace.name': 'shop', 'k8s.deployment.name': 'web' },
    { 'k8s.cluster.name': 'default', 'k8s.namespace.name': 'shop', 'error.type': 'NotFound' },
  ]);
});

it('has one span for a list, which ends when nobody reads on', async () => {
  const { state: store } = tracedPorts(ports);
  for (const key of ['a', 'b', 'c']) await store.put('list', key, { n: 1 }, '*');
  await traced(async () => {
    for await (const { key } of store.query('list')) if (key === 'b') break;
    for await (const _ of store.query('list'));
  });

  const lists = spans.all().filter(({ name }) => name === 'store query');
  expect(lists.map(({ attributes }) => attributes['db.response.returned_rows'])).toEqual([2, 3]);
});

it('is the same store each time, since some know it again by that', () => {
  expect(tracedPorts(ports).state).toBe(tracedPorts({ ...ports }).state);
});

it('throws at once what asking for a cluster throws', () => {
  expect(() => tracedPorts(ports).clusters.get('nowhere')).toThrow("unknown cluster 'nowhere'");
});

it('traces no call outside of an invocation', async () => {
  await tracedPorts(ports).state.get('p', 'k');

  expect(spans.all()).toEqual([]);
});
