/** Random operations on the broker, each held against the naive model: results, refusals, and everything that is stored. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../../../../shared/local/service-bus/core/broker-error.ts';
import { VirtualClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import type { DeliveredMessage } from '../../../../../shared/local/service-bus/core/held-message.ts';
import type { MessageQueue } from '../../../../../shared/local/service-bus/core/message-queue.ts';
import type { SessionHold } from '../../../../../shared/local/service-bus/core/sessions.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';
import {
  ModelRefusal,
  type ModelSend,
  type ModelSession,
  type ModelSettings,
  QueueModel,
} from '../../../../support/queue-model.ts';

const SEQUENCES = 5_000;

const sends = fc.array(
  fc.record({
    messageId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    sessionId: fc.constantFrom('s1', 's2', 's3'),
    timeToLiveMs: fc.option(fc.oneof(fc.constantFrom(5_000, 20_000), fc.integer({ min: 1, max: 60_000 })), {
      nil: undefined,
      freq: 3,
    }),
    delayMs: fc.option(fc.oneof(fc.constantFrom(0, 10_000, 30_000), fc.integer({ min: -10, max: 60_000 })), {
      nil: undefined,
      freq: 3,
    }),
  }),
  { minLength: 1, maxLength: 4 },
);
/** Often to the very millisecond that something falls due. */
const duration = fc.oneof(
  fc.constantFrom(0, 1, 5_000, 10_000, 20_000, 30_000, 45_000),
  fc.integer({ min: 0, max: 40_000 }),
);
/** Picks one of what came before, by its index from the end. */
const pick = fc.nat({ max: 9 });
const settling = fc.constantFrom('complete', 'abandon', 'defer', 'deadLetter', 'renew');

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send'), batch: sends }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('receive'),
      count: fc.integer({ min: 1, max: 4 }),
      isDeleting: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('settle'), pick, how: settling }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('receiveDeferred'), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), pick }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance'), ms: duration }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('accept'), id: fc.constantFrom('s1', 's2', 's3') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acceptNext') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('renewSession'), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('closeSession'), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('setState'), pick }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const settings: fc.Arbitrary<Omit<ModelSettings, 'requiresSession'>> = fc.record({
  lockDurationMs: fc.constantFrom(5_000, 30_000),
  maxDeliveryCount: fc.constantFrom(1, 3, 10),
  defaultMessageTimeToLiveMs: fc.constantFrom(Number.POSITIVE_INFINITY, 45_000),
  deadLetteringOnMessageExpiration: fc.boolean(),
  requiresDuplicateDetection: fc.boolean(),
  duplicateDetectionHistoryTimeWindowMs: fc.constantFrom(20_000, 60_000),
});

/** The broker and the model side by side. */
class Pair {
  readonly clock = new VirtualClock(0);
  readonly broker = createBroker({ clock: this.clock });
  readonly queue: MessageQueue;
  readonly model: QueueModel;
  readonly isSessioned: boolean;
  readonly received: { delivery: DeliveredMessage; lockId: number; session: ModelSession | undefined }[] = [];
  readonly sessions: { hold: SessionHold; session: ModelSession }[] = [];
  readonly sequenceNumbers: number[] = [];
  #bodies = 0;

  constructor(given: ModelSettings) {
    this.broker.createQueue('q', given);
    this.queue = this.broker.getQueue('q').queue;
    this.model = new QueueModel(given, 0);
    this.isSessioned = given.requiresSession;
  }

  /** Does it on both; results and refusals must be equal. */
  both<Real, Modelled>(real: () => Real, modelled: () => Modelled): [Real, Modelled] | undefined {
    const [a, b] = [outcomeOf(real), outcomeOf(modelled)];
    expect(a.refusal).toBe(b.refusal);
    return a.refusal === undefined ? [a.result as Real, b.result as Modelled] : undefined;
  }

  run(op: Operation): void {
    if (op.kind === 'send') this.#send(op.batch);
    else if (op.kind === 'receive') this.#receive(op.count, op.isDeleting);
    else if (op.kind === 'settle') this.#settle(op.pick, op.how);
    else if (op.kind === 'receiveDeferred') this.#receiveDeferred(op.pick);
    else if (op.kind === 'cancel') this.#cancel(op.pick);
    else if (op.kind === 'advance') {
      this.clock.runTo(this.clock.now() + op.ms);
      this.model.advanceTo(this.model.now + op.ms);
    } else if (this.isSessioned) this.#session(op);
  }

  #receiveDeferred(index: number): void {
    const deferred = this.model.messages.filter(({ state }) => state === 'deferred');
    const seq = this.#pickOf(deferred, index)?.seq ?? index;
    const held = this.isSessioned ? this.sessions.at(-1) : undefined;
    if (this.isSessioned && (held === undefined || held.session.isLost)) return;
    const both = this.both(
      () => this.queue.receiveDeferred([seq], 'peekLock', held?.hold),
      () => [this.model.receiveDeferred(seq, held?.session)],
    );
    this.#keep(both, held?.session);
  }

  #cancel(index: number): void {
    const seq = this.#pickOf(this.sequenceNumbers, index) ?? index;
    this.both(
      () => this.broker.cancelScheduled('q', [seq]),
      () => this.model.cancel(seq),
    );
  }

  #send(batch: readonly Omit<ModelSend, 'body'>[]): void {
    const messages = batch.map((each) => ({
      ...each,
      sessionId: this.isSessioned ? each.sessionId : undefined,
      body: `${++this.#bodies}`,
    }));
    const both = this.both(
      () =>
        this.broker.send(
          'q',
          messages.map(({ delayMs, ...message }) => ({
            ...message,
            sizeBytes: 1,
            scheduledEnqueueTimeMs: delayMs === undefined ? undefined : this.clock.now() + delayMs,
          })),
        ),
      () => this.model.send(messages),
    );
    expect(both?.[0]).toEqual(both?.[1]);
    this.sequenceNumbers.push(...(both?.[0] ?? []));
  }

  #receive(count: number, isDeleting: boolean): void {
    const held = this.isSessioned ? this.sessions.at(-1) : undefined;
    if (this.isSessioned && !held) return;
    const mode = isDeleting ? 'receiveAndDelete' : 'peekLock';
    const both = this.both(
      () => (held ? held.hold.receive(count, mode) : this.queue.receive(count, mode)),
      () => this.model.receive(count, isDeleting, held?.session),
    );
    this.#keep(both, held?.session);
  }

  #keep(
    both: [DeliveredMessage[], { body: string; deliveryCount: number; seq: number; lockId: number }[]] | undefined,
    session: ModelSession | undefined,
  ): void {
    if (!both) return;
    const [deliveries, modelled] = both;
    expect(deliveries.map((each) => [each.sequenceNumber, each.content.body, each.deliveryCount])).toEqual(
      modelled.map((each) => [each.seq, each.body, each.deliveryCount]),
    );
    deliveries.forEach((delivery, index) => {
      const lockId = modelled[index]?.lockId ?? 0;
      if (lockId !== 0) this.received.push({ delivery, lockId, session });
    });
  }

  #settle(index: number, how: 'complete' | 'abandon' | 'defer' | 'deadLetter' | 'renew'): void {
    const picked = this.#pickOf(this.received, index);
    if (!picked) return;
    const { delivery, lockId } = picked;
    // By turns with what was received, and with its token.
    const lock = index % 2 === 0 ? delivery : (delivery.lockToken ?? '');
    this.both(
      () => {
        if (how === 'renew')
          expect(this.queue.renewLock(lock)).toBe(this.clock.now() + this.model.settings.lockDurationMs);
        else if (how === 'deadLetter') this.queue.deadLetter(lock, 'Test');
        else this.queue[how](lock);
      },
      () => this.model.settle(lockId, how),
    );
  }

  #session(
    op: Exclude<Operation, { kind: 'send' | 'receive' | 'settle' | 'receiveDeferred' | 'cancel' | 'advance' }>,
  ): void {
    if (op.kind === 'accept') {
      const both = this.both(
        () => this.queue.sessions.accept(op.id),
        () => this.model.accept(op.id),
      );
      if (both) this.sessions.push({ hold: both[0], session: both[1] });
    } else if (op.kind === 'acceptNext') {
      const free = this.model.free();
      const hold = this.queue.sessions.acceptNext();
      if (hold) expect(free).toContain(hold.sessionId);
      else expect(free).toEqual([]);
      if (hold) this.sessions.push({ hold, session: this.model.accept(hold.sessionId) });
    } else {
      const picked = this.#pickOf(this.sessions, op.pick);
      if (!picked) return;
      const { hold, session } = picked;
      if (op.kind === 'renewSession')
        this.both(
          () => hold.renew(),
          () => this.model.renewSession(session),
        );
      else if (op.kind === 'closeSession')
        this.both(
          () => hold.close(),
          () => this.model.closeSession(session),
        );
      else {
        const state = `state ${this.#bodies}`;
        this.both(
          () => hold.setState(Buffer.from(state)),
          () => this.model.setState(session, state),
        );
      }
    }
  }

  #pickOf<T>(list: readonly T[], index: number): T | undefined {
    return list.at(-1 - (index % Math.max(list.length, 1)));
  }

  /** Everything that is stored, on both sides. */
  check(): void {
    const { queue, deadLetters, counts } = this.broker.getQueue('q');
    const real = queue.peek(0, Number.POSITIVE_INFINITY);
    const model = [...this.model.messages].sort((a, b) => a.seq - b.seq);
    expect(real.map((each) => [each.sequenceNumber, each.content.body, each.state, each.deliveryCount])).toEqual(
      model.map((each) => [each.seq, each.body, each.state, each.deliveryCount]),
    );
    const buried = deadLetters.peek(0, Number.POSITIVE_INFINITY).map(({ content, deliveryCount }) => ({
      body: content.body,
      reason: content.applicationProperties['DeadLetterReason'],
      deliveryCount,
    }));
    expect(byBody(buried)).toEqual(byBody(this.model.deadLetters));
    const scheduled = model.filter(({ state }) => state === 'scheduled').length;
    expect([counts.activeMessageCount, counts.scheduledMessageCount]).toEqual([model.length - scheduled, scheduled]);
    expect(counts.sizeInBytes).toBe(model.length + buried.length);
    for (const [id, state] of this.model.states) {
      const hold = queue.sessions.holdOf(id);
      if (hold) expect(Buffer.from(hold.state ?? []).toString()).toBe(state);
    }
  }
}

function byBody<T extends { body: unknown }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => Number(a.body) - Number(b.body));
}

function outcomeOf<T>(run: () => T): { result?: T; refusal: string | undefined } {
  try {
    return { result: run(), refusal: undefined };
  } catch (error) {
    if (error instanceof BrokerError) return { refusal: error.reason };
    if (error instanceof ModelRefusal) return { refusal: error.message };
    throw error;
  }
}

describe('a queue does what the model does', () => {
  for (const requiresSession of [false, true]) {
    it(requiresSession ? 'with sessions' : 'without sessions', () => {
      fc.assert(
        fc.property(
          settings,
          fc.array(operation, { minLength: 5, maxLength: 40, size: 'max' }),
          (given, operations) => {
            const pair = new Pair({ ...given, requiresSession });
            for (const op of operations) pair.run(op);
            pair.check();
            // What is locked or held comes back; what is left drains in order.
            pair.clock.runTo(pair.clock.now() + 10_000_000);
            pair.model.advanceTo(pair.model.now + 10_000_000);
            pair.check();
          },
        ),
        { numRuns: SEQUENCES },
      );
    }, 60_000);
  }
});
