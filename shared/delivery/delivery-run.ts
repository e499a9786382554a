/**
 * One run of a handler for one message: it claims the event's record, executes the handler and publishes what that asked
 * for, and completes the record. Each step may be the last that a process does.
 */
import { failureOf } from '../describe-error.ts';
import { ConflictError, isPermanent, PermanentError } from '../errors.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { RedeliveryMarks } from '../events/parse.ts';
import type { Expectation, Handler, Ports } from '../ports/handler.ts';
import type { Log } from '../ports/log.ts';
import type { StateStore, Stored } from '../ports/state.ts';
import { failureWithStack } from '../stack.ts';
import { recordAttempt } from '../telemetry/handler-metrics.ts';
import { describeSpan, failSpan } from '../telemetry/spans.ts';
import type { Timer } from '../timeout.ts';
import { readOnce } from '../update-document.ts';
import { lagMs } from './due-time.ts';
import {
  claimedRecord,
  decideClaim,
  type EventRecord,
  firstRecord,
  MAX_VANISHED,
  readRecord,
  recordKey,
  recordPartition,
  type Taking,
  vanishedOf,
} from './event-record.ts';
import { FollowUpMessages } from './follow-up-messages.ts';
import { insertRecord } from './history.ts';
import type { Place } from './isolation.ts';
import { MAX_ATTEMPTS } from './retry-policy.ts';
import { failedOutcome, type HandlerOutcome, runHandler, withFields } from './run-handler.ts';

/** A lease outlasts the handler's time by this: for what comes before and after the handler. */
const LEASE_MARGIN_MS = 10_000;

/** What a run is made for. */
export interface RunOptions {
  readonly event: PlatformEvent;
  /** `eventKey` of the event. */
  readonly key: string;
  /** What the message says of itself beside the event. */
  readonly marks: RedeliveryMarks;
  /** As in `Delivery`. */
  readonly enqueuedTime: unknown;
  /** What the history says of the event's data. */
  readonly summary: string | undefined;
  /** The subscription of the handler. */
  readonly handler: string;
  readonly handle: Handler<never>;
  /** Of a fact alone. */
  readonly expectation: Expectation<never> | undefined;
  /** Its lines name handler and event. */
  readonly log: Log;
  /** Among the runs of this process. */
  readonly place: Place;
  readonly random: () => number;
  readonly timer: Timer;
  readonly handlerTimeoutMs: number;
}

/** The process ends whenever it handles the event: it would take others with it for ever. */
class WorkerCrashedError extends PermanentError {
  override readonly reason = 'WorkerCrashed';
}

/** A fact that the stored state knows nothing of: this app did not publish it, or not this very one. */
class UnexpectedError extends PermanentError {
  override readonly reason = 'Unexpected';
}

export class DeliveryRun {
  /** Unlike any other run's of the same event. */
  readonly id: string;
  #followUps: FollowUpMessages | undefined;
  readonly #options: RunOptions;
  readonly #ports: Ports;
  /** What the expectation and the handler see of the store. */
  #handlerState: StateStore;

  constructor(options: RunOptions, ports: Ports) {
    this.#handlerState = options.expectation?.sharesReads ? readOnce(ports.state) : ports.state;
    this.id = newRunId(options.random);
    this.#options = options;
    this.#ports = ports;
  }

  /** Made when one is sent: most events complete without any. */
  get followUps(): FollowUpMessages {
    this.#followUps ??= new FollowUpMessages(this.#options, this.#ports);
    return this.#followUps;
  }

  /**
   * The record with this run's lease on it; undefined when the message has nothing more to do. A fact that is not expected
   * gets no record: it would stand in the history as if true, and in the way of the event that has its id by right.
   */
  async claim(): Promise<Stored<EventRecord> | undefined> {
    const { event, key, marks, handler, log } = this.#options;
    const { state, clock } = this.#ports;
    const now = clock.now();

    const insert = (): Promise<Stored<EventRecord>> =>
      insertRecord(state, firstRecord(this.#options, this.#lease(now)), recordKey(handler, key));
    // An original is nearly always new: one call instead of two.
    const isNew = marks.redelivery === 0;
    const found = isNew && this.#options.expectation ? await this.#foundInstead() : undefined;
    if (isNew && found === undefined) {
      const inserted = await insert().catch(undefinedOnConflict);
      if (inserted) return inserted;
    }
    // Whoever was here before may have moved what the expectation has read.
    if (this.#options.expectation?.sharesReads) this.#handlerState = readOnce(state);
    const stored = await readRecord(state, handler, key);
    if (!stored) {
      const unexpected = isNew ? found : await this.#foundInstead();
      if (unexpected === undefined) return insert();
      const error = new UnexpectedError(`${event.type} ${event.id} is not expected: ${unexpected}`);
      await this.followUps.deadLetter(error, 1, marks.redelivery);
      return undefined;
    }

    const decision = decideClaim(stored.value, marks, this.id, now);
    switch (decision) {
      case 'ignore':
        log.info('message ignored', { status: stored.value.status, redelivery: marks.redelivery });
        return undefined;
      case 'resend':
        await this.followUps.sendAwaited(stored.value);
        return undefined;
      case 'wait':
        await this.followUps.waitForLease(stored.value, this.#leaseMs);
        return undefined;
      case 'resume':
        return stored;
      case 'take-over':
      case 'reclaim':
        if (await this.#mayTakeOver(vanishedOf(stored.value, decision))) return this.#write(stored, decision);
        await this.followUps.postponeTakeOver(stored.value, this.#options.place.sparedMs);
        return undefined;
      case 'run':
        return this.#write(stored, decision);
    }
  }

  /** Runs the handler, and publishes what it asked for. Never rejects. */
  async execute(record: EventRecord): Promise<HandlerOutcome> {
    const { event, handler, log } = this.#options;
    const { attempts, redelivery, vanished = 0 } = record;
    if (vanished >= MAX_VANISHED) {
      const error = new WorkerCrashedError(
        `${handler} vanished ${MAX_VANISHED} times in a row at ${event.type} ${event.id}, without a result or an error: this event may be what ends the worker process`,
      );
      return failedOutcome(error);
    }
    const runLog = withFields(log, { attempt: attempts + 1, redelivery });
    const begun = this.#ports.clock.now();
    // Each by name: a spread of all options is a twentieth of what delivering an event takes.
    const { handle, handlerTimeoutMs, timer } = this.#options;
    const run = { event, handler, handle, state: this.#handlerState, log: runLog, handlerTimeoutMs, timer };
    const ran = await runHandler(run, this.#ports);
    const outcome = ran.kind === 'failed' ? ran : await this.#publish(ran, record);
    this.#observe(outcome, begun);
    return outcome;
  }

  /** Records how the run ended, and sees to the message that follows from it. @throws SendError @throws ConflictError */
  async complete({ key, value, etag }: Stored<EventRecord>, outcome: HandlerOutcome): Promise<void> {
    const { state, clock } = this.#ports;
    const { log } = this.#options;
    const now = clock.now();
    const none = { leaseUntil: undefined, reason: undefined, error: undefined, vanished: 0 };
    const ended: EventRecord = { ...value, ...none, caused: this.#caused(value, outcome), updatedAt: now };
    const write = (next: EventRecord): Promise<string> => state.put(recordPartition(key), key, next, etag);
    const waitUntil = async (dueAt: number, fields: Partial<EventRecord>): Promise<void> => {
      const next: EventRecord = { ...ended, ...fields, status: 'waiting', redelivery: value.redelivery + 1, dueAt };
      // On record before it is sent: a death between is mended when this message comes again and is resent.
      await write(next);
      await this.followUps.sendAwaited(next);
    };

    if (outcome.kind === 'completed') {
      await write({ ...ended, status: 'completed', attempts: 0, endedAt: now });
      log.info('event completed', { ms: now - value.updatedAt, runs: value.runs, published: outcome.children.length });
      return;
    }
    // A look that went well ends a row of failures.
    if (outcome.kind === 'requeue') return waitUntil(this.followUps.dueAfter(outcome.afterMs), { attempts: 0 });

    const { error } = outcome;
    const failure = failureOf(error);
    const isCrash = error instanceof WorkerCrashedError;
    // The runs that vanished are counted already.
    const attempts = Math.min(value.attempts + (isCrash ? 0 : 1), MAX_ATTEMPTS);
    const { redelivery } = value;
    // What follows from it is logged when it is done, and may come to nothing: the reason must not be lost with it.
    log.warn('attempt failed', { ...failureWithStack(error), attempt: attempts, redelivery });
    if (isPermanent(error) || attempts === MAX_ATTEMPTS) {
      // In the queue before it is on record: a death between makes two messages of one id, never none.
      await this.followUps.deadLetter(error, attempts, redelivery).catch(async (sendError: unknown) => {
        // The message comes again and takes over, but this run did not vanish. When the store is away too, it counts as if.
        if (!isCrash) await write({ ...value, vanished: 0, leaseUntil: now }).catch(() => undefined);
        throw sendError;
      });
      await write({ ...ended, ...failure, status: 'dead-lettered', attempts, endedAt: now });
      return;
    }
    const inMs = this.followUps.retryAfterMs(attempts, error);
    await waitUntil(this.followUps.dueAfter(inMs), { attempts, ...failure });
    log.info('retry scheduled', { attempt: attempts, inMs, redelivery });
  }

  /** A run that looks again publishes nothing more of what an earlier one did, or all of it. */
  #caused({ caused = 0, correlationId }: EventRecord, outcome: HandlerOutcome): number {
    if (outcome.children.length === 0) return caused;
    const own = outcome.children.filter(({ correlationid }) => correlationid === correlationId);
    return Math.max(caused, new Set(own.map(({ id }) => id)).size);
  }

  #observe(outcome: HandlerOutcome, begun: number): void {
    const { handler, enqueuedTime } = this.#options;
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    const times = { durationMs: this.#ports.clock.now() - begun, lagMs: lagMs(begun, enqueuedTime) };
    recordAttempt({ handler, outcome: outcome.kind, error, ...times });
    describeSpan(() => ({ 'platform.outcome': outcome.kind }));
    if (outcome.kind === 'failed') failSpan(error);
  }

  async #publish(outcome: Exclude<HandlerOutcome, { kind: 'failed' }>, record: EventRecord): Promise<HandlerOutcome> {
    const { children, failedNotifications } = outcome;
    let published: typeof children = [];
    try {
      if (children.length > 0) await this.#ports.publisher.publishAll(children, record.nonce);
      published = children;
      if (!failedNotifications) return outcome;
      const { error, isFinal } = failedNotifications;
      // A run that is to be followed by another has no end yet, and the next may have no cause to notify again.
      const isWorthAnother = outcome.kind === 'completed' && !isFinal && record.attempts + 1 < MAX_ATTEMPTS;
      if (isWorthAnother) return failedOutcome(error, published);
      if (outcome.kind === 'requeue' && outcome.notifiesAgain && !isFinal) {
        this.#options.log.warn('notification failed; the next run notifies again', failureOf(error));
        return outcome;
      }
      await this.followUps.deadLetterNotification(error, record);
      return outcome;
    } catch (error) {
      return failedOutcome(error, published);
    }
  }

  /** What the stored state says instead of a fact. */
  async #foundInstead(): Promise<string | undefined> {
    const { expectation, event } = this.#options;
    // The check of the type hands it its own events only.
    return expectation?.foundInstead(event as never, this.#handlerState);
  }

  /** Takes the record for this run. @throws ConflictError when somebody else moved it */
  async #write({ key, value, etag }: Stored<EventRecord>, decision: Taking): Promise<Stored<EventRecord>> {
    // Who waited to be alone in the process begins later than it came.
    const next = claimedRecord(value, decision, this.#lease(this.#ports.clock.now()));
    if (decision === 'take-over') {
      const { vanished, redelivery } = next;
      this.#options.log.warn('previous run vanished', { vanished, redelivery });
    }
    return { key, value: next, etag: await this.#ports.state.put(recordPartition(key), key, next, etag) };
  }

  /**
   * Whether an event that may be what ends processes may be run in this one. The last run before it is condemned has the
   * process to itself, or else it might be condemned for what ran beside it.
   */
  async #mayTakeOver(vanished: number): Promise<boolean> {
    const { place, marks } = this.#options;
    // Condemned, it is not run; and postponed often enough, it must be.
    if (vanished === 0 || vanished >= MAX_VANISHED || (marks.unrecordedAttempts ?? 0) >= MAX_ATTEMPTS) return true;
    return place.sparedMs === 0 && (vanished < MAX_VANISHED - 1 || place.alone());
  }

  get #leaseMs(): number {
    return this.#options.handlerTimeoutMs + LEASE_MARGIN_MS;
  }

  #lease(now: number): { redelivery: number; runId: string; now: number; leaseMs: number } {
    return { redelivery: this.#options.marks.redelivery, runId: this.id, now, leaseMs: this.#leaseMs };
  }
}

function newRunId(random: () => number): string {
  // Two small integers: a large one takes longer to write than everything else here.
  const draw = (): string => Math.floor(random() * 2 ** 30).toString(36);
  return `${draw()}-${draw()}`;
}

function undefinedOnConflict(error: unknown): undefined {
  if (!(error instanceof ConflictError)) throw error;
}
