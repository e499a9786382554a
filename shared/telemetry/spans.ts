/**
 * Spans, by the OpenTelemetry API alone. It does nothing, and costs next to nothing, until exporters are configured and
 * `adapters/opentelemetry` registers an SDK.
 */
import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { ConflictError, PlatformError } from '../errors.ts';
import { readTraceparent, writeTraceparent } from './traceparent.ts';

export const SCOPE = 'platform-events';

const tracer = trace.getTracer(SCOPE);

/** The span that the current code runs in, as text; undefined where nothing is traced. */
export function currentTraceparent(): string | undefined {
  const current = trace.getActiveSpan()?.spanContext();
  return current && isSpanContextValid(current) ? writeTraceparent(current) : undefined;
}

/** Says more of the span that the current code runs in. */
export function describeSpan(attributes: () => Attributes): void {
  const span = trace.getActiveSpan();
  if (span?.isRecording()) span.setAttributes(attributes());
}

/** Marks the span that the current code runs in as failed. Only errors of ours have words that are safe to pass on. */
export function failSpan(error: unknown, span: Span | undefined = trace.getActiveSpan()): void {
  if (!span?.isRecording()) return;
  span.setAttribute('error.type', errorType(error));
  // Somebody else was first: that is what an ETag is for.
  if (error instanceof ConflictError) return;
  span.setStatus({ code: SpanStatusCode.ERROR, ...(error instanceof PlatformError && { message: error.message }) });
}

/** What went wrong, in a word of which there are few. */
export function errorType(error: unknown): string {
  if (error instanceof PlatformError) return error.reason;
  return error instanceof Error ? error.name : '_OTHER';
}

/** Whether the current code runs in a span that somebody will see. */
export function isTracing(): boolean {
  return trace.getActiveSpan()?.isRecording() ?? false;
}

/** A child of the current span, which the caller ends. */
export function startChildSpan(name: string, kind: keyof typeof SpanKind, attributes: Attributes): Span {
  return tracer.startSpan(name, { kind: SpanKind[kind], attributes });
}

/** Does some work in a child of the current span; where nothing is traced, it is simply done. */
export async function inChildSpan<T>(
  name: string,
  kind: keyof typeof SpanKind,
  attributes: Attributes,
  work: (span?: Span) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work();
  return tracer.startActiveSpan(name, { kind: SpanKind[kind], attributes }, (span) => ended(span, () => work(span)));
}

/** Where an invocation comes from, each as a traceparent; anything that is none counts as absent. */
export interface TraceOrigin {
  /** What the Functions host says: its own span for this invocation, or nothing. */
  readonly host: unknown;
  /** Who sent the message or the request. */
  readonly sender: unknown;
  /** Who asked for the message to be sent again. */
  readonly scheduler?: unknown;
}

/** Does the work of an invocation in a span of its own. */
export async function inInvocationSpan<T>(
  name: string,
  kind: 'CONSUMER' | 'SERVER',
  { host, sender, scheduler }: TraceOrigin,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const [parent, links] = placeOf(readTraceparent(host), readTraceparent(sender), readTraceparent(scheduler));
  const options = { kind: SpanKind[kind], attributes, links };
  return tracer.startActiveSpan(name, options, parent, (span) => ended(span, () => work(span)));
}

/**
 * The host's span is the parent where it continues the sender's trace. Where it does not, the chain of events is what
 * people look for: the sender is the parent, and the host's span is linked.
 */
function placeOf(
  host: SpanContext | undefined,
  sender: SpanContext | undefined,
  scheduler: SpanContext | undefined,
): [Context, Link[]] {
  const parent = sender && host?.traceId !== sender.traceId ? sender : host;
  const linked = [scheduler, host].filter((one) => one !== undefined && one !== parent);
  const links = linked.flatMap((one) => (one ? [{ context: one }] : []));
  return [parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT, links];
}

async function ended<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    failSpan(error, span);
    throw error;
  } finally {
    span.end();
  }
}
