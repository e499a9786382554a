/**
 * A platform small enough to look at every step of: the in-memory bus, a store, handlers, and processes that take
 * messages one by one or are served as messages come. Time is virtual; what a dead process had locked comes back when
 * its lock expires.
 */
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { type DeliveryOptions, deliver } from '../../shared/delivery/deliver.ts';
import { type EventRecord, RECORD_PARTITIONS, readRecord, recordKey } from '../../shared/delivery/event-record.ts';
import { Isolation } from '../../shared/delivery/isolation.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import type { EventDefinition } from '../../shared/events/cloud-event.ts';
import { type EventIdentity, eventKey } from '../../shared/events/identity.ts';
import { BrokerError } from '../../shared/local/service-bus/core/broker-error.ts';
import { flushPromises, VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import type { Consumer } from '../../shared/local/service-bus/core/consumer.ts';
import type { DeliveredMessage as Held } from '../../shared/local/service-bus/core/held-message.ts';
import type { MessageQueue } from '../../shared/local/service-bus/core/message-queue.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import type { Handler, Ports } from '../../shared/ports/handler.ts';
import type { Notifier } from '../../shared/ports/notifier.ts';
import type { Timer } from '../../shared/timeout.ts';
import { routeOf } from '../../shared/topology.ts';
import { clustersOf, RecordingLog } from './ports.ts';
import { type Gate, gated } from './process.ts';
import { recordsOf } from './records.ts';
import { seeded } from './seeded.ts';

export interface Handling {
  readonly definition: EventDefinition;
  readonly handle: Handler<never>;
}

/** One message that a process has taken. */
export interface Taken {
  /** Resolves when it was settled; never when its process died. */
  readonly done: Promise<void>;
}

/** A message that is locked for whoever is to deliver it. */
export interface Locked {
  /** Resolves when it was settled; never when its process died. */
  deliver(gate: Gate, options?: DeliveryOptions, skewMs?: number): Promise<void>;
  abandon(): void;
}

/** Remembers which records have ever been at their end, whatever is written over them. */
class EndingsStore extends MemoryStateStore {
  readonly ended = new Set<string>();

  override async put<T>(partition: string, key: string, value: T, etag: string): Promise<string> {
    const written = await super.put(partition, key, value, etag);
    const { status } = value as Partial<EventRecord>;
    if (RECORD_PARTITIONS.includes(partition) && (status === 'completed' || status === 'dead-lettered'))
      this.ended.add(key);
    return written;
  }
}

const straight: Gate = (call) => call();

export class DeliveryWorld {
  readonly clock = new VirtualClock();
  readonly bus = new InMemoryEventBus({ clock: this.clock });
  readonly state = new EndingsStore();
  readonly log = new RecordingLog();
  notify: Notifier['notify'] = async () => {};
  /** Of virtual time: somebody must move it on. */
  readonly timer: Timer = (ms, callback) => this.clock.at(this.clock.now() + ms, callback).cancel;
  config = parseConfig({});
  readonly #handlings: readonly Handling[];
  readonly #queues: readonly { readonly queue: MessageQueue; readonly handling: Handling }[];
  readonly #random: () => number;
  readonly #held = new Map<Held, MessageQueue>();

  constructor(handlings: readonly Handling[], random = seeded(1)) {
    this.#handlings = handlings;
    this.#random = random;
    this.#queues = this.#handlings.map((handling) => {
      const route = routeOf(handling.definition.type);
      const path = `${route?.topic}/Subscriptions/${route?.subscription}`;
      return { queue: this.bus.broker.resolve(path), handling };
    });
  }

  /** The ports of one process, whose clock may be wrong. */
  ports(gate: Gate = straight, skewMs = 0): Ports {
    return {
      publisher: gated(this.bus, gate),
      deadLetterQueue: gated(this.bus, gate),
      state: gated(this.state, gate),
      clusters: clustersOf({}),
      measurements: { count: async () => undefined },
      notifier: gated({ notify: (notification) => this.notify(notification) }, gate),
      clock: { now: () => this.clock.now() + skewMs },
      config: this.config,
      log: this.log,
    };
  }

  /** Takes one message, if there is one. */
  take(gate: Gate = straight, options: DeliveryOptions = {}, skewMs = 0): Taken | undefined {
    for (const { queue, handling } of this.#queues) {
      const [held] = queue.receive(1);
      if (held) return { done: this.#lock(queue, held, handling).deliver(gate, options, skewMs) };
    }
    return undefined;
  }

  /** Hands on messages as they come, at most so many of each handler at a time. */
  serve(concurrency: number, receive: (message: Locked) => Promise<void>): void {
    for (const { queue, handling } of this.#queues) {
      const consumer: Consumer = queue.openConsumer({
        mode: 'peekLock',
        onMessage: (held) => void receive(this.#lock(queue, held, handling)).finally(() => consumer.addCredit(1)),
      });
      consumer.addCredit(concurrency);
    }
  }

  /** Takes messages one after the other, and moves time on between them, until nothing is left to come. */
  async run(options: DeliveryOptions = {}, gate: Gate = straight): Promise<void> {
    for (let steps = 0; steps < 1_000; steps++) {
      const taken = this.take(gate, options);
      if (taken) await taken.done;
      else if (this.isIdle || !this.clock.runNext(Number.POSITIVE_INFINITY)) return;
      await flushPromises();
    }
    throw new Error('the world does not come to rest');
  }

  /** Whether every message was settled, and none is scheduled. */
  get isIdle(): boolean {
    const { broker } = this.bus;
    const scheduled = broker.listTopics().some((topic) => topic.scheduled.scheduledCount > 0);
    return !scheduled && this.#queues.every(({ queue }) => queue.peek(0, 1).length === 0);
  }

  /** What processes hold that are gone comes back now, as when their connections are cut. */
  returnLocks(): void {
    for (const [held, queue] of this.#held) settle(() => queue.release(held));
    this.#held.clear();
  }

  async record(handler: string, event: EventIdentity): Promise<EventRecord | undefined> {
    return (await readRecord(this.state, handler, eventKey(event)))?.value;
  }

  /** Whether its record has ever said that the event is at its end. */
  hasEnded(handler: string, event: EventIdentity): boolean {
    return this.state.ended.has(recordKey(handler, eventKey(event)));
  }

  async records(): Promise<EventRecord[]> {
    return recordsOf(this.state);
  }

  /** Sends an event past duplicate detection: two messages of one event, as after ten minutes. */
  async publishTwice(event: PlatformEvent): Promise<void> {
    this.bus.faults.add({ on: 'send', effect: 'duplicate' });
    await this.bus.publish(event);
  }

  #lock(queue: MessageQueue, held: Held, { definition, handle }: Handling): Locked {
    this.#held.set(held, queue);
    const end = (run: () => void): void => {
      this.#held.delete(held);
      settle(run);
    };
    const abandon = (): void => end(() => queue.abandon(held));
    return {
      abandon,
      deliver: async (gate, options = {}, skewMs = 0) => {
        const { body, applicationProperties } = held.content;
        const delivery = { definition, handle, body, applicationProperties, deliveryCount: held.deliveryCount + 1 };
        const whole = { random: this.#random, timer: atOnce, isolation: new Isolation(0), ...options };
        try {
          await deliver(delivery, this.ports(gate, skewMs), whole);
        } catch {
          await gate(async () => abandon(), 'abandon', []);
          return;
        }
        await gate(async () => end(() => queue.complete(held)), 'complete', []);
      },
    };
  }
}

/** A refusal means that the lock was lost: the message comes again by itself. */
function settle(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
  }
}

/** No handler hangs here, nobody is in the way of a run, and what is abandoned comes back at once. */
function atOnce(ms: number, callback: () => void): () => void {
  if (ms % 500 === 0 && ms < 20_000) callback();
  return () => {};
}
