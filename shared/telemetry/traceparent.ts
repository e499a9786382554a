/**
 * W3C trace context as text: what events, messages and requests carry.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
import { randomBytes } from 'node:crypto';
import type { SpanContext } from '@opentelemetry/api';

/** Later versions may append fields; version ff does not exist, and ids of zeros are none. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The span that a traceparent names; undefined for what is none, whoever sent it. */
export function readTraceparent(text: unknown): SpanContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] =
    (typeof text === 'string' && TRACEPARENT.exec(text)) || [];
  if (version === undefined || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

export function writeTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 1).toString().padStart(2, '0')}`;
}

/** The first of these texts that is one. */
export function traceparentIn(...texts: readonly unknown[]): string | undefined {
  const found = texts.map(readTraceparent).find((one) => one !== undefined);
  return found && writeTraceparent(found);
}

/** The beginning of a trace where nobody records one: what follows from it is one trace all the same, for whoever does. */
export function newTraceparent(): string {
  return writeTraceparent({
    traceId: randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
    traceFlags: 1,
  });
}
