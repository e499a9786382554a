import { expect, it } from 'vitest';
import {
  newTraceparent,
  readTraceparent,
  traceparentIn,
  writeTraceparent,
} from '../../../shared/telemetry/traceparent.ts';

const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

it.each([
  ['00', `00-${trace}-${span}-01`, 1],
  ['00, not sampled', `00-${trace}-${span}-00`, 0],
  ['00 with flags of later versions', `00-${trace}-${span}-03`, 1],
  ['a later version, with what that adds', `01-${trace}-${span}-01-more`, 1],
])('reads version %s', (_, text, traceFlags) => {
  expect(readTraceparent(text)).toEqual({ traceId: trace, spanId: span, traceFlags, isRemote: true });
});

it.each([
  ['version ff', `ff-${trace}-${span}-01`],
  ['more than version 00 has', `00-${trace}-${span}-01-more`],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${span}-01`],
  ['a span of zeros', `00-${trace}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${trace.toUpperCase()}-${span}-01`],
  ['less', `00-${trace}-${span}`],
  ['something before it', ` 00-${trace}-${span}-01`],
  ['nothing', ''],
  ['no text', 7],
])('takes %s for none', (_, text) => {
  expect(readTraceparent(text)).toBeUndefined();
});

it('writes what it reads, and finds the first that is one', () => {
  const text = `00-${trace}-${span}-01`;

  expect(writeTraceparent({ traceId: trace, spanId: span, traceFlags: 1 })).toBe(text);
  expect(traceparentIn(undefined, 'nonsense', text, newTraceparent())).toBe(text);
  expect(traceparentIn(null)).toBeUndefined();
});

it('begins a new trace each time', () => {
  const [a, b] = [newTraceparent(), newTraceparent()];

  expect(readTraceparent(a)).toBeDefined();
  expect(a).not.toBe(b);
});
