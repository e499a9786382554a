/** Spans: of an invocation, and of the calls that it makes. Where no exporter is configured, the work is simply done. */
import type { Attributes, Context, Link, Span, SpanContext, SpanKind } from '@opentelemetry/api';
import { ConflictError, PlatformError } from '../errors.ts';
import { type OpenTelemetry, openTelemetry, SCOPE } from './api.ts';
import { readTraceparent, writeTraceparent } from './traceparent.ts';

/** The span that the current code runs in, as text; undefined where nothing is traced. */
export function currentTraceparent(): string | undefined {
  const current = openTelemetry()?.trace.getActiveSpan();
  return current && writeTraceparent(current.spanContext());
}

/** Says more of the span that the current code runs in. */
export function describeSpan(attributes: () => Attributes): void {
  const span = openTelemetry()?.trace.getActiveSpan();
  if (span?.isRecording()) span.setAttributes(attributes());
}

/** Marks the span that the current code runs in as failed. Only errors of ours have words that are safe to pass on. */
export function failSpan(error: unknown): void {
  const api = openTelemetry();
  const span = api?.trace.getActiveSpan();
  if (api && span) markFailed(api, span, error);
}

/** What went wrong, in a word of which there are few. */
export function errorType(error: unknown): string {
  if (error instanceof PlatformError) return error.reason;
  return error instanceof Error ? error.name : '_OTHER';
}

/** A child of the current span, for as long as a piece of work takes. */
export class ChildSpan {
  readonly #api: OpenTelemetry;
  readonly #span: Span;

  constructor(api: OpenTelemetry, span: Span) {
    this.#api = api;
    this.#span = span;
  }

  set(name: string, value: string | number): void {
    this.#span.setAttribute(name, value);
  }

  fail(error: unknown): void {
    markFailed(this.#api, this.#span, error);
  }

  end(): void {
    this.#span.end();
  }
}

/** The caller ends it. Undefined outside of a span that somebody will see. */
export function startChildSpan(
  name: string,
  kind: keyof typeof SpanKind,
  attributes: Attributes,
): ChildSpan | undefined {
  const api = openTelemetry();
  if (!api?.trace.getActiveSpan()?.isRecording()) return undefined;
  const span = api.trace.getTracer(SCOPE).startSpan(name, { kind: api.SpanKind[kind], attributes });
  return new ChildSpan(api, span);
}

/** Does some work in a child of the current span. */
export async function inChildSpan<T>(
  name: string,
  kind: keyof typeof SpanKind,
  attributes: Attributes,
  work: (span?: Pick<ChildSpan, 'set'>) => Promise<T>,
): Promise<T> {
  const api = openTelemetry();
  if (!api?.trace.getActiveSpan()?.isRecording()) return work();
  const options = { kind: api.SpanKind[kind], attributes };
  return api.trace
    .getTracer(SCOPE)
    .startActiveSpan(name, options, (span) => ended(api, span, () => work(new ChildSpan(api, span))));
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
  kind: keyof typeof SpanKind,
  origin: TraceOrigin,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const api = openTelemetry();
  if (!api) return work();
  const { parent, links } = placeOf(api, origin);
  const options = { kind: api.SpanKind[kind], attributes, links };
  return api.trace.getTracer(SCOPE).startActiveSpan(name, options, parent, (span) => ended(api, span, work));
}

/**
 * The host's span is the parent where it continues the sender's trace. Where it does not, the chain of events is what
 * people look for: the sender is the parent, and the host's span is linked.
 */
function placeOf({ trace, ROOT_CONTEXT }: OpenTelemetry, origin: TraceOrigin): { parent: Context; links: Link[] } {
  const host = readTraceparent(origin.host);
  const sender = readTraceparent(origin.sender);
  const scheduler = readTraceparent(origin.scheduler);
  const parent = sender && host?.traceId !== sender.traceId ? sender : host;
  const linked = [scheduler, host].filter((one): one is SpanContext => one !== undefined && one !== parent);
  return {
    parent: parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
    links: linked.map((context) => ({ context })),
  };
}

async function ended<T>(api: OpenTelemetry, span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    markFailed(api, span, error);
    throw error;
  } finally {
    span.end();
  }
}

function markFailed({ SpanStatusCode }: OpenTelemetry, span: Span, error: unknown): void {
  span.setAttribute('error.type', errorType(error));
  // Somebody else was first: that is what an ETag is for.
  if (error instanceof ConflictError) return;
  span.setStatus({ code: SpanStatusCode.ERROR, ...(error instanceof PlatformError && { message: error.message }) });
}
