/**
 * What can go wrong, by what can be done about it: a transient error is worth another attempt, a permanent one is not. An
 * error that is neither of these counts as transient.
 */

/** The base of our errors. */
export abstract class PlatformError extends Error {
  /** Whether another try may succeed. */
  abstract readonly isTransient: boolean;
  /** A short machine-readable reason, PascalCase; the dead-letter reason of a dead-lettered message. */
  abstract readonly reason: string;

  override get name(): string {
    return this.constructor.name;
  }
}

/** A fault that may pass: a busy service, a lost connection, a conflict. */
export class TransientError extends PlatformError {
  override readonly isTransient = true;
  override readonly reason: string = 'Transient';
  /** What the service asked for (Retry-After), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The other side refused and did nothing: a right that is missing or still on its way, or too many requests. */
export class RefusedError extends TransientError {}

/** The record changed, or appeared, since it was read. It has no stack: two writers find out about each other so. */
export class ConflictError extends TransientError {
  override readonly reason = 'Conflict';

  constructor(message: string, options: { cause?: unknown } = {}) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A handler's subscription is not there: what is sent to its topic would be dropped without a word. */
export class MissingSubscriptionError extends TransientError {
  override readonly reason = 'MissingSubscription';
  readonly subscription: string;

  constructor(topic: string, subscription: string) {
    super(
      `the subscription '${subscription}' of the topic '${topic}' does not exist: what is published there would be lost`,
    );
    this.subscription = subscription;
  }
}

/** A fault that trying again cannot mend. */
export class PermanentError extends PlatformError {
  override readonly isTransient = false;
  override readonly reason: string = 'Permanent';
}

/** Whether trying again cannot help. What is no error of ours is worth another try. */
export function isPermanent(error: unknown): boolean {
  return error instanceof PlatformError && !error.isTransient;
}

/** What several errors come to: transient when one of them is, after the longest wait that was asked for. */
export function combineErrors(errors: readonly unknown[]): TransientError | PermanentError {
  const message = errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  const transient = errors.filter((error) => !(error instanceof PlatformError) || error.isTransient);
  if (transient.length === 0) return new PermanentError(message);
  const waits = transient.map((error) => (error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0));
  return new TransientError(message, { retryAfterMs: Math.max(...waits) || undefined });
}

/** The thing that was asked about does not exist. */
export class NotFoundError extends PermanentError {
  override readonly reason = 'NotFound';
}

/** The configuration does not allow what an event asks for; sent again it is refused again. */
export class PolicyViolationError extends PermanentError {
  override readonly reason = 'PolicyViolation';
}

/** What an event is about was made by somebody else, and the configuration does not say that it may be taken over. */
export class NotOwnedError extends PermanentError {
  override readonly reason = 'NotOwned';
}

/** The thing has moved on: something newer is in the place where this was to go. */
export class SupersededError extends PermanentError {
  override readonly reason = 'Superseded';
}

/** One thing wrong with a value: where, what was found, what was expected. */
export interface Issue {
  /** Dotted path, such as `data.replicas`; empty for the whole. */
  readonly path: string;
  readonly value: unknown;
  readonly expected: string;
  /** The value is or may be a secret: only its kind is told. */
  readonly isSecret?: boolean;
}

/** One issue as a line of text. Values are cut at 120 characters. */
export function formatIssue({ path, value, expected, isSecret = false }: Issue): string {
  const shown = isSecret ? `${kindOf(value)} (not shown: it may hold a secret)` : escaped(show(value));
  return `${path === '' ? '' : `${escaped(path)}: `}expected ${expected}, got ${shown.length > 120 ? `${shown.slice(0, 117)}...` : shown}`;
}

/** What JSON does not escape itself, and what a reader would not see or be misled by. */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : `a ${typeof value}`;
  return Array.isArray(value) ? 'an array' : 'an object';
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  // JSON has no NaN and no Infinity, and would show null.
  if (typeof value === 'number') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'a value that JSON cannot hold'; // a bigint, a cycle, or nesting without end
  }
}

/** The sender's fault: the message is no valid event of this platform. */
export class InvalidEventError extends PermanentError {
  override readonly reason = 'InvalidEvent';
  readonly id: string | undefined;
  readonly type: string | undefined;
  readonly issues: readonly Issue[];

  constructor({ id, type }: { id?: string | undefined; type?: string | undefined }, issues: readonly Issue[]) {
    super(`invalid event: ${issues.map(formatIssue).join('; ')}`);
    this.id = id;
    this.type = type;
    this.issues = issues;
  }
}

/** The sender may be newer than this build: tried again, so that a roll-out of this app in progress can catch up. */
export class UnknownEventError extends TransientError {
  override readonly reason = 'UnknownEvent';
  /** The event in structured form, so that it can be sent again. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly id: string;
  readonly type: string;

  constructor(
    attributes: Readonly<Record<string, unknown>>,
    { id, type }: { id: string; type: string },
    message: string,
  ) {
    super(message);
    this.attributes = attributes;
    this.id = id;
    this.type = type;
  }
}

/** The event does not fit into a message. */
export class EventTooLargeError extends PermanentError {
  override readonly reason = 'EventTooLarge';

  constructor(type: string, id: string, bytes: number, limit: number) {
    super(`${type} ${id} takes ${bytes} bytes as sent; Service Bus takes at most ${limit}`);
  }
}

/** A setting or the configuration file is missing or malformed; says which, and how to set it. */
export class ConfigError extends PermanentError {
  override readonly reason = 'InvalidConfiguration';
}
