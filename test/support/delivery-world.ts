/**
 * A platform small enough to look at every step of: the in-memory bus, a store, handlers, and processes that take
 * messages and die when told. Time is virtual; what a dead process had locked comes back when its lock expires.
 */
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { type DeliveryOptions, deliver } from '../../shared/delivery/deliver.ts';
import { type EventRecord, readRecord } from '../../shared/delivery/event-record.ts';
import { Isolation } from '../../shared/delivery/isolation.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import type { EventDefinition } from '../../shared/events/cloud-event.ts';
import { BrokerError } from '../../shared/local/service-bus/core/broker-error.ts';
import { flushPromises, VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import type { Delivery as Held } from '../../shared/local/service-bus/core/held-message.ts';
import type { MessageQueue } from '../../shared/local/service-bus/core/message-queue.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import type { Handler, Ports } from '../../shared/ports/handler.ts';
import type { Notifier } from '../../shared/ports/notifier.ts';
import { routeOf } from '../../shared/topology.ts';
import { clustersOf, RecordingLog } from './ports.ts';

/** Around every call that a process makes to the world. */
export type Gate = <T>(call: () => Promise<T>, name: string) => Promise<T>;

export interface Handling {
  readonly definition: EventDefinition;
  readonly handle: Handler<never>;
}

/** One message that a process has taken. */
export interface Taken {
  /** Resolves when it was settled; never when its process died. */
  readonly done: Promise<void>;
}

const straight: Gate = (call) => call();

export class DeliveryWorld {
  readonly clock = new VirtualClock();
  readonly bus = new InMemoryEventBus({ clock: this.clock });
  readonly state = new MemoryStateStore();
  readonly log = new RecordingLog();
  notify: Notifier['notify'] = async () => {};
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
      notifier: { notify: (notification) => this.notify(notification) },
      clock: { now: () => this.clock.now() + skewMs },
      config: parseConfig({}),
      log: this.log,
    };
  }

  /** Takes one message, if there is one. */
  take(gate: Gate = straight, options: DeliveryOptions = {}, skewMs = 0): Taken | undefined {
    for (const { queue, handling } of this.#queues) {
      const [held] = queue.receive(1);
      if (held) this.#held.set(held, queue);
      if (held) return { done: this.#deliver(queue, held, handling, gate, options, skewMs) };
    }
    return undefined;
  }

  /** Takes messages one after the other, and moves time on between them, until nothing is left to come. */
  async run(options: DeliveryOptions = {}): Promise<void> {
    for (let steps = 0; steps < 1_000; steps++) {
      const taken = this.take(straight, options);
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

  async record(handler: string, eventId: string): Promise<EventRecord | undefined> {
    return (await readRecord(this.state, handler, eventId))?.value;
  }

  /** Sends an event past duplicate detection: two messages of one event, as after ten minutes. */
  async publishTwice(event: PlatformEvent): Promise<void> {
    this.bus.faults.add({ on: 'send', effect: 'duplicate' });
    await this.bus.publish(event);
  }

  async #deliver(
    queue: MessageQueue,
    held: Held,
    { definition, handle }: Handling,
    gate: Gate,
    options: DeliveryOptions,
    skewMs: number,
  ): Promise<void> {
    const { body, applicationProperties } = held.content;
    const delivery = { definition, handle, body, applicationProperties, deliveryCount: held.deliveryCount + 1 };
    // What runs in a process that died never ends: nobody may wait for it.
    const whole = { random: this.#random, timer: never, isolation: new Isolation(0), ...options };
    try {
      await deliver(delivery, this.ports(gate, skewMs), whole);
    } catch {
      await gate(async () => this.#settle(held, () => queue.abandon(held)), 'abandon');
      return;
    }
    await gate(async () => this.#settle(held, () => queue.complete(held)), 'complete');
  }

  #settle(held: Held, run: () => void): void {
    this.#held.delete(held);
    settle(run);
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
function never(ms: number, callback: () => void): () => void {
  if (ms % 500 === 0 && ms < 20_000) callback();
  return () => {};
}

function gated<T extends object>(port: T, gate: Gate): T {
  return new Proxy(port, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => gate(async () => Reflect.apply(method, target, args), String(name));
    },
  });
}

/** Numbers that look random and are the same every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
