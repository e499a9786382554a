/** Where the span of an invocation belongs, and what follows from it. */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConflictError, NotFoundError } from '../../../shared/errors.ts';
import {
  currentTraceparent,
  describeSpan,
  failSpan,
  inChildSpan,
  inInvocationSpan,
  type TraceOrigin,
} from '../../../shared/telemetry/spans.ts';
import { type RecordedSpans, recordSpans } from '../../support/recorded-spans.ts';

const [A, B] = ['4bf92f3577b34da6a3ce929d0e0e4736', '0af7651916cd43dd8448eb211c80319c'];
const [one, two, three] = ['00f067aa0ba902b7', 'b7ad6b7169203331', '53995c3f42cd8ad8'];
const traceparent = (trace: string, span: string, flags = '01'): string => `00-${trace}-${span}-${flags}`;

let spans: RecordedSpans;

beforeAll(() => {
  spans = recordSpans();
});
beforeEach(() => spans.reset());
afterAll(() => spans.stop());

const invoke = <T>(origin: TraceOrigin, work: () => Promise<T>): Promise<T> =>
  inInvocationSpan('process topic', 'CONSUMER', origin, { a: 1 }, work);

describe('the span of an invocation', () => {
  it.each([
    [
      "the host's, which goes on with the sender's trace",
      { host: traceparent(A, two), sender: traceparent(A, one) },
      two,
      [],
    ],
    [
      "the sender's, with the host's linked where it is another trace",
      { host: traceparent(B, two), sender: traceparent(A, one) },
      one,
      [two],
    ],
    ["the host's alone", { host: traceparent(A, two), sender: undefined }, two, []],
    ["the sender's alone", { host: '', sender: traceparent(A, one) }, one, []],
    [
      "the publisher's, with who asked for a redelivery linked",
      { host: undefined, sender: traceparent(A, one), scheduler: traceparent(B, three) },
      one,
      [three],
    ],
    [
      "the host's, with both others linked",
      { host: traceparent(A, two), sender: traceparent(A, one), scheduler: traceparent(A, three) },
      two,
      [three],
    ],
    ['nothing, where nobody says', { host: undefined, sender: undefined }, undefined, []],
    ['nothing, where nobody makes sense', { host: {}, sender: 'nonsense', scheduler: 7 }, undefined, []],
  ] as [string, TraceOrigin, string | undefined, string[]][])('is below %s', async (_, origin, parent, links) => {
    await invoke(origin, async () => {});

    const span = spans.named('process topic');
    expect(span.parentSpanContext?.spanId).toBe(parent);
    expect(span.links.map(({ context }) => context.spanId)).toEqual(links);
    if (parent !== undefined) expect(span.spanContext().traceId).toBe(A);
  });

  it('is not recorded, nor what follows, when its parent is not; the trace goes on all the same', async () => {
    const next = await invoke({ host: undefined, sender: traceparent(A, one, '00') }, async () => {
      await inChildSpan('call', 'CLIENT', {}, async () => {});
      return currentTraceparent();
    });

    expect(spans.all()).toEqual([]);
    expect(next).toMatch(new RegExp(`^00-${A}-[0-9a-f]{16}-00$`));
  });

  it('is what its calls are below, and what it publishes carries', async () => {
    const next = await invoke({ host: undefined, sender: undefined }, async () => {
      await inChildSpan('call', 'CLIENT', { b: 2 }, async (span) => span?.set('c', 3));
      describeSpan(() => ({ d: 4 }));
      return currentTraceparent();
    });

    const [call, invocation] = [spans.named('call'), spans.named('process topic')];
    expect(call).toMatchObject({ kind: SpanKind.CLIENT, attributes: { b: 2, c: 3 } });
    expect(call.parentSpanContext?.spanId).toBe(invocation.spanContext().spanId);
    expect(invocation).toMatchObject({ kind: SpanKind.CONSUMER, attributes: { a: 1, d: 4 } });
    expect(next).toBe(traceparent(invocation.spanContext().traceId, invocation.spanContext().spanId));
  });

  it('keeps apart what runs at the same time', async () => {
    const both = await Promise.all(
      [A, B].map((trace) =>
        invoke({ host: undefined, sender: traceparent(trace, one) }, async () => {
          await new Promise(setImmediate);
          return currentTraceparent();
        }),
      ),
    );

    expect(both.map((text) => text?.slice(3, 35))).toEqual([A, B]);
  });
});

describe('an error', () => {
  it.each([
    [
      'of ours, with its reason and its words',
      new NotFoundError('gone'),
      'NotFound',
      { code: SpanStatusCode.ERROR, message: 'gone' },
    ],
    [
      'of anybody else, by its name: its words may hold anything',
      new RangeError('hunter2'),
      'RangeError',
      { code: SpanStatusCode.ERROR },
    ],
    ['that is no error', 'hunter2', '_OTHER', { code: SpanStatusCode.ERROR }],
    [
      'of a write that somebody else made first, which is no failure',
      new ConflictError('changed'),
      'Conflict',
      { code: SpanStatusCode.UNSET },
    ],
  ])('%s', async (_, error, type, status) => {
    const origin = { host: undefined, sender: undefined };
    const call = inChildSpan('call', 'CLIENT', {}, () => Promise.reject(error));
    await expect(call).rejects.toBe(error);
    await invoke(origin, () => inChildSpan('call', 'CLIENT', {}, () => Promise.reject(error))).catch(() => {});
    await invoke(origin, async () => failSpan(error));

    expect(spans.all()).toHaveLength(3);
    for (const span of spans.all()) {
      expect(span.attributes['error.type']).toBe(type);
      expect(span.status).toEqual(status);
      expect(span.events).toEqual([]);
    }
  });
});

it('is nothing at all outside of an invocation', async () => {
  expect(await inChildSpan('call', 'CLIENT', {}, async (span) => span)).toBeUndefined();
  expect(currentTraceparent()).toBeUndefined();
  expect(spans.all()).toEqual([]);
});
