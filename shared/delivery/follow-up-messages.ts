/**
 * The messages that a delivery sends on its own account: the awaited redelivery, the wait for a lease, a retry that no
 * record knows of, and the dead letter. Each has an id that is the same when it is sent again for the same cause.
 */
import { describeError, failureOf } from '../describe-error.ts';
import { isPermanent, type PlatformError, TransientError } from '../errors.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import type { RedeliveryMarks } from '../events/parse.ts';
import type { DeadLetter, DeadLetterQueue, Publisher, Redelivery } from '../ports/bus.ts';
import type { Ports } from '../ports/handler.ts';
import type { Log } from '../ports/log.ts';
import { failureWithStack } from '../stack.ts';
import { delayStart } from './due-time.ts';
import type { EventRecord } from './event-record.ts';
import { backoffMs, MAX_ATTEMPTS } from './retry-policy.ts';

/** So many runs are named that may have claimed the event unheard: any other is waited for, as one that may be at work. */
const MAX_UNHEARD = 3;

/** The broker does not take a message that must be sent before the one in hand may be completed. */
export class SendError extends Error {
  override readonly name = 'SendError';
}

async function send(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    throw new SendError('the broker does not take the message', { cause });
  }
}

/** What they are made from. */
export interface MessageInHand {
  /** The subscription of the handler. */
  readonly handler: string;
  readonly event: CloudEvent;
  /** `eventKey` of the event. */
  readonly key: string;
  readonly marks: RedeliveryMarks;
  /** As in `Delivery`. */
  readonly enqueuedTime: unknown;
  readonly log: Log;
  readonly random: () => number;
}

/** What may follow from the message in hand. Every method that sends rejects with a SendError alone. */
export class FollowUpMessages {
  readonly #message: MessageInHand;
  readonly #publisher: Publisher;
  readonly #deadLetterQueue: DeadLetterQueue;
  readonly #now: () => number;

  constructor(message: MessageInHand, { publisher, deadLetterQueue, clock }: Ports) {
    this.#message = message;
    this.#publisher = publisher;
    this.#deadLetterQueue = deadLetterQueue;
    this.#now = () => clock.now();
  }

  /** When a delay that begins now is over, in milliseconds since the Unix epoch. */
  dueAfter(delayMs: number): number {
    return delayStart(this.#now(), this.#message.enqueuedTime) + delayMs;
  }

  /** Schedules the redelivery that a record waits for. Harmless when it was scheduled already. */
  async sendAwaited({ redelivery, runId, dueAt = this.dueAfter(0) }: EventRecord): Promise<void> {
    // The run is part of the id: no other event's id, and no life before a lost store, can stand in its way.
    await this.#schedule(`${this.#message.key}:${redelivery}:${runId}`, dueAt, { redelivery });
  }

  /**
   * Comes back when the lease of a record in progress is over. The message says for whose lease it waited, and then
   * takes over whatever the clocks say. It waits no longer than a whole lease, since another machine's clock may run
   * ahead.
   */
  async waitForLease({ runId, leaseUntil }: EventRecord, leaseMs: number): Promise<void> {
    const { redelivery, unrecordedAttempts, automaticReplays, replayOf } = this.#message.marks;
    const now = this.dueAfter(0);
    const at = Math.min(Math.max(leaseUntil ?? now, now), now + leaseMs);
    // Having waited and then been retried, it may have to wait again, and must not pass for a repetition.
    const messageId = this.#unrecordedId(`${redelivery}@${runId}+${unrecordedAttempts ?? 0}`);
    const marks = { redelivery, unrecordedAttempts, automaticReplays, replayOf, awaitedRunId: runId };
    await this.#schedule(messageId, at, marks);
    this.#message.log.info('lease wait scheduled', { inMs: at - now, redelivery });
  }

  /**
   * Comes back to take over where that may end the process without harm: this one is too young, or others were under
   * way in it for too long.
   */
  async postponeTakeOver({ runId }: EventRecord, sparedMs: number): Promise<void> {
    const { redelivery, automaticReplays, replayOf, unheardRunIds } = this.#message.marks;
    const unrecordedAttempts = this.#nextUnrecordedAttempt;
    const inMs = sparedMs + backoffMs(unrecordedAttempts, this.#message.random);
    const messageId = this.#unrecordedId(`${redelivery}@${runId}+${unrecordedAttempts}`);
    const marks = { redelivery, unrecordedAttempts, automaticReplays, replayOf, awaitedRunId: runId, unheardRunIds };
    await this.#schedule(messageId, this.dueAfter(inMs), marks);
    this.#message.log.info('take-over postponed', { inMs, redelivery });
  }

  /**
   * Another attempt later, counted in the message, since the store could not be asked or told. Dead-letters the event
   * when the error is permanent, or the attempts are used up.
   *
   * @param run this one, and whether it knows that it had claimed the event; absent when the event cannot be read
   */
  async retryUnrecorded(error: unknown, run?: { readonly runId: string; readonly isClaimed: boolean }): Promise<void> {
    const { marks, log } = this.#message;
    const { redelivery, awaitedRunId, automaticReplays, replayOf } = marks;
    const attempt = this.#nextUnrecordedAttempt;
    log.warn('attempt failed', { ...failureWithStack(error), attempt, redelivery });
    if (isPermanent(error) || attempt >= MAX_ATTEMPTS) return this.deadLetter(error, attempt, redelivery);

    const inMs = this.retryAfterMs(attempt, error);
    const { endedRunId, unheardRunIds = [] } = marks;
    const ended = run?.isClaimed
      ? { endedRunId: run.runId }
      : { endedRunId, unheardRunIds: run && [...unheardRunIds, run.runId].slice(-MAX_UNHEARD) };
    const retry = { redelivery, unrecordedAttempts: attempt, automaticReplays, replayOf, awaitedRunId, ...ended };
    await this.#schedule(this.#unrecordedId(`${redelivery}+${attempt}`), this.dueAfter(inMs), retry);
    log.info('retry scheduled', { attempt, inMs, redelivery, isRecorded: false });
  }

  /** The back-off after so many failed attempts, no shorter than the error asks for. */
  retryAfterMs(attempts: number, error: unknown): number {
    return backoffMs(attempts, this.#message.random, error instanceof TransientError ? error.retryAfterMs : undefined);
  }

  /** Puts the event into the errors queue. */
  async deadLetter(error: unknown, attempts: number, redelivery: number): Promise<void> {
    await this.#deadLetter('', error, attempts, redelivery);
  }

  /** An entry in the errors queue for a failed notification; the event itself goes on. */
  async deadLetterNotification(error: PlatformError, { attempts, redelivery }: EventRecord): Promise<void> {
    // Not the id of the event's own dead letter, which may still come.
    await this.#deadLetter(':notification', error, attempts + 1, redelivery);
  }

  /**
   * Of a message that no record knows of. A replay counts anew, and what follows from it must not pass for a repetition of
   * what came before it: the broker would drop it, and the event with it.
   */
  #unrecordedId(of: string): string {
    const { key, marks } = this.#message;
    return `${key}:${of}${marks.replayOf === undefined ? '' : `~${marks.replayOf}`}`;
  }

  get #nextUnrecordedAttempt(): number {
    return (this.#message.marks.unrecordedAttempts ?? 0) + 1;
  }

  async #schedule(
    messageId: string,
    at: number,
    marks: Omit<Redelivery, 'event' | 'at' | 'to' | 'messageId'>,
  ): Promise<void> {
    const { event, handler: to } = this.#message;
    await send(this.#publisher.schedule({ ...marks, event, at, to, messageId }));
  }

  async #deadLetter(idSuffix: string, error: unknown, attempts: number, redelivery: number): Promise<void> {
    const { handler, event, key, log } = this.#message;
    const failure = failureOf(error);
    await send(
      this.#deadLetterQueue.deadLetter({
        messageId: `${key}:${handler}:${redelivery}${idSuffix}`,
        body: event,
        type: event.type,
        correlationId: event.correlationid,
        traceparent: event.traceparent,
        reason: failure.reason,
        description: describeError(error),
        subscription: handler,
        attempts,
        redelivery,
      }),
    );
    log.error('dead-lettered', { ...failure, attempts, redelivery });
  }
}

/** Puts a message that is no event of this handler into the errors queue. @throws SendError */
export async function deadLetterUnread(
  { deadLetterQueue, log }: Pick<Ports, 'deadLetterQueue' | 'log'>,
  message: Omit<DeadLetter, 'reason' | 'description'>,
  error: PlatformError,
): Promise<void> {
  await send(deadLetterQueue.deadLetter({ ...message, reason: error.reason, description: error.message }));
  log.error('dead-lettered', { handler: message.subscription, ...failureOf(error) });
}
