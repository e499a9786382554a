/**
 * The Functions host in virtual time, with a worker process that handlers can end: what ran in it is abandoned at once,
 * and until the next worker is up every delivery fails at once, as the real host does.
 */
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { deliver } from '../../shared/delivery/deliver.ts';
import { Isolation } from '../../shared/delivery/isolation.ts';
import type { EventDefinition } from '../../shared/events/cloud-event.ts';
import { BrokerError } from '../../shared/local/service-bus/core/broker-error.ts';
import type { Consumer } from '../../shared/local/service-bus/core/consumer.ts';
import type { DeliveredMessage } from '../../shared/local/service-bus/core/held-message.ts';
import type { MessageQueue } from '../../shared/local/service-bus/core/message-queue.ts';
import type { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import type { Handler, Ports } from '../../shared/ports/handler.ts';
import { routeOf } from '../../shared/topology.ts';
import { clustersOf, RecordingLog } from './ports.ts';

/** Measured on the real host, 4.1037. */
const CONCURRENT_CALLS = 16;
const RESTART_MS = 400;
const SECOND_RESTART_MS = 8_800;
/** 16 at a time, a message was delivered 242 times at most in 8.8 s. */
const FAILING_DELIVERY_MS = 36;

/** A worker process. */
interface Worker {
  isDead: boolean;
  readonly died: Promise<'died'>;
  readonly end: () => void;
  readonly isolation: Isolation;
}

const never = new Promise<never>(() => {});

export class CrashingHost {
  readonly state = new MemoryStateStore();
  readonly log = new RecordingLog();
  /** When workers ended, in virtual time. */
  readonly crashes: number[] = [];
  /** Of any message. */
  mostDeliveries = 0;
  readonly #bus: InMemoryEventBus;
  readonly #random: () => number;
  readonly #isolationOf: () => Isolation;
  #worker: Worker | undefined;

  /** @param isolationOf makes what the runs of a worker share */
  constructor(bus: InMemoryEventBus, random: () => number, isolationOf = () => new Isolation()) {
    this.#bus = bus;
    this.#random = random;
    this.#isolationOf = isolationOf;
    this.#startWorker();
  }

  /** Feeds a handler; `end` in its hands ends the worker that it runs in. */
  serve(definition: EventDefinition, handlerOf: (end: () => void) => Handler<never>): void {
    const route = routeOf(definition.type);
    const queue = this.#bus.broker.resolve(`${route?.topic}/Subscriptions/${route?.subscription}`);
    const consumer: Consumer = queue.openConsumer({
      mode: 'peekLock',
      onMessage: (message) =>
        void this.#run(queue, message, definition, handlerOf).finally(() => consumer.addCredit(1)),
    });
    consumer.addCredit(CONCURRENT_CALLS);
  }

  async #run(
    queue: MessageQueue,
    message: DeliveredMessage,
    definition: EventDefinition,
    handlerOf: (end: () => void) => Handler<never>,
  ): Promise<void> {
    this.mostDeliveries = Math.max(this.mostDeliveries, message.deliveryCount + 1);
    const worker = this.#worker;
    if (!worker) {
      await this.#sleep(FAILING_DELIVERY_MS);
      queue.abandon(message);
      return;
    }
    const { body, applicationProperties } = message.content;
    const handle = handlerOf(() => this.#crash(worker));
    const delivery = { definition, handle, body, applicationProperties, deliveryCount: message.deliveryCount + 1 };
    const timer = (ms: number, callback: () => void) => {
      const wake = (): void => (worker.isDead ? undefined : callback());
      return this.#bus.clock.at(this.#bus.clock.now() + ms, wake).cancel;
    };
    const options = { random: this.#random, timer, isolation: worker.isolation };
    const work = deliver(delivery, this.#portsOf(worker), options).then(
      () => 'done',
      () => 'failed',
    );
    const end = await Promise.race([work, worker.died]);
    try {
      if (end === 'done') queue.complete(message);
      else queue.abandon(message);
    } catch (error) {
      // The lock is over, since nobody renews it here: the message comes again.
      if (!(error instanceof BrokerError)) throw error;
    }
  }

  #crash(worker: Worker): void {
    // The timers of a handler go on here when its process is gone.
    if (worker.isDead) return;
    const now = this.#bus.clock.now();
    const isSecond = now - (this.crashes.at(-1) ?? Number.NEGATIVE_INFINITY) < 10_000;
    this.crashes.push(now);
    worker.end();
    this.#worker = undefined;
    this.#bus.clock.at(now + (isSecond ? SECOND_RESTART_MS : RESTART_MS), () => this.#startWorker());
  }

  #startWorker(): void {
    let end = (): void => {};
    const died = new Promise<'died'>((resolve) => {
      end = () => {
        worker.isDead = true;
        resolve('died');
      };
    });
    const worker: Worker = { isDead: false, died, end: () => end(), isolation: this.#isolationOf() };
    this.#worker = worker;
  }

  /** What a dead process calls has no effect and no answer. */
  #portsOf(worker: Worker): Ports {
    const mortal = <T extends object>(port: T): T =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name, target);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            if (worker.isDead) return never;
            const result: unknown = await Reflect.apply(method, target, args);
            return worker.isDead ? never : result;
          };
        },
      });
    return {
      publisher: mortal(this.#bus),
      deadLetterQueue: mortal(this.#bus),
      state: mortal(this.state),
      clusters: clustersOf({}),
      notifier: { notify: async () => {} },
      clock: this.#bus.clock,
      config: parseConfig({}),
      log: this.log,
    };
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#bus.clock.at(this.#bus.clock.now() + ms, resolve));
  }
}
