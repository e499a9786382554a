/**
 * The connection that the bus sends on. When it dies the SDK does not say so to what is on its way: a send waits until
 * it times out, and what comes after it waits for the same dead link. So what is not answered in time is asked again on
 * a new connection. That is safe: every message has an id that the broker knows it again by.
 */
import type { ServiceBusClient, ServiceBusSender } from '@azure/service-bus';
import { TransientError } from '../../errors.ts';
import { SEND_ATTEMPTS_MS, systemTimer, within } from '../../timeout.ts';
import { ErrorsQueue } from './errors-queue.ts';
import { SubscriptionPeeker } from './subscriptions.ts';

/** On a dead connection the SDK waits for minutes for the answers to its goodbyes. */
const CLOSING_MS = 2_000;

/** Neither the broker nor the SDK said anything. */
class SilenceError extends TransientError {}

/** One client, and what was made with it: they are replaced together. */
export class Wire {
  readonly client: ServiceBusClient;
  readonly errors: ErrorsQueue;
  readonly subscriptions: SubscriptionPeeker;
  readonly #senders = new Map<string, ServiceBusSender>();
  inFlight = 0;

  constructor(client: ServiceBusClient) {
    this.client = client;
    this.errors = new ErrorsQueue(client);
    this.subscriptions = new SubscriptionPeeker(client);
  }

  sender(entity: string): ServiceBusSender {
    let sender = this.#senders.get(entity);
    if (!sender) {
      sender = this.client.createSender(entity);
      this.#senders.set(entity, sender);
    }
    return sender;
  }

  close(): Promise<void> {
    return within(CLOSING_MS, systemTimer, this.client.close()).catch(() => {});
  }
}

/** A connection that is replaced when it is dead. */
export class ServiceBusConnection {
  readonly #connect: () => ServiceBusClient;
  readonly #timeoutsMs: readonly number[];
  #wire: Wire;

  /** @param timeoutsMs how long each attempt waits for an answer */
  constructor(connect: () => ServiceBusClient, timeoutsMs: readonly number[] = SEND_ATTEMPTS_MS) {
    this.#connect = connect;
    this.#timeoutsMs = timeoutsMs;
    this.#wire = new Wire(connect());
  }

  /**
   * Runs an operation on the current connection, however long it takes.
   *
   * @throws what the SDK throws
   */
  async use<T>(operation: (wire: Wire) => Promise<T>): Promise<T> {
    return this.#on(this.#wire, operation);
  }

  /**
   * Runs an operation, and again on a new connection when nothing answers; so it may run twice.
   *
   * @throws TransientError when nothing answers; what the SDK throws
   */
  async ask<T>(operation: (wire: Wire) => Promise<T>): Promise<T> {
    let silence: unknown;
    for (const ms of this.#timeoutsMs) {
      const wire = this.#wire;
      const silent = (): Error => new SilenceError(`service bus: no answer within ${ms} ms`);
      try {
        return await this.#on(wire, () => within(ms, systemTimer, operation(wire), silent));
      } catch (error) {
        if (!(error instanceof SilenceError)) throw error;
        silence = error;
      }
    }
    throw silence;
  }

  close(): Promise<void> {
    return this.#wire.close();
  }

  async #on<T>(wire: Wire, operation: (wire: Wire) => Promise<T>): Promise<T> {
    wire.inFlight++;
    try {
      return await operation(wire);
    } catch (error) {
      if (error instanceof SilenceError && wire === this.#wire) this.#wire = new Wire(this.#connect());
      throw error;
    } finally {
      // Other operations on the old one may still complete.
      if (--wire.inFlight === 0 && wire !== this.#wire) void wire.close();
    }
  }
}
