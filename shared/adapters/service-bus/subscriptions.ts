/**
 * The handlers' subscriptions, peeked at. A peek needs the right to receive, which this app has; how many messages an entity
 * holds is told to those alone who may manage it, so they are counted up to a limit. To find the age of the oldest, one is
 * enough.
 */
import { isServiceBusError, type ServiceBusClient, type ServiceBusReceiver } from '@azure/service-bus';
import Long from 'long';
import { attemptsIn } from '../../describe-error.ts';
import type { Backlog } from '../../ports/bus.ts';
import { routeTo } from '../../topology.ts';

/** What one request asks the broker for; it answers with fewer when they are large. */
const MAX_AT_ONCE = 250;

export class SubscriptionPeeker {
  readonly #client: ServiceBusClient;
  readonly #receivers = new Map<string, ServiceBusReceiver>();

  constructor(client: ServiceBusClient) {
    this.#client = client;
  }

  /** As `Subscriptions.backlog`. */
  async backlog(subscription: string, atMost: number): Promise<Backlog | undefined> {
    const receiver = this.#receiverOf(subscription);
    let count = 0;
    let oldestEnqueuedAt: number | undefined;
    try {
      // Without a number the SDK goes on where the last peek ended.
      let next = Long.fromInt(0);
      while (count < atMost) {
        const found = await receiver.peekMessages(Math.min(atMost - count, MAX_AT_ONCE), {
          fromSequenceNumber: next,
        });
        const last = found.at(-1)?.sequenceNumber;
        if (!last) break;
        oldestEnqueuedAt ??= found[0]?.enqueuedTimeUtc?.getTime();
        count += found.length;
        next = last.add(1);
      }
    } catch (error) {
      if (hasCode(error, 'MessagingEntityNotFound')) return undefined;
      throw error;
    }
    return { count, oldestEnqueuedAt };
  }

  #receiverOf(subscription: string): ServiceBusReceiver {
    const topic = routeTo(subscription)?.topic ?? subscription;
    let receiver = this.#receivers.get(subscription);
    if (!receiver) {
      receiver = this.#client.createReceiver(topic, subscription, { skipParsingBodyAsJson: true });
      this.#receivers.set(subscription, receiver);
    }
    return receiver;
  }
}

const FOUND_FOR_MS = 60_000;
/** Shorter, so that an entity that was just made is used at once. */
const MISSING_FOR_MS = 5_000;

/** Which subscriptions exist, each asked for once in a while. */
export class KnownSubscriptions {
  readonly #look: (subscription: string) => Promise<Backlog | undefined>;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly exists: Promise<boolean>; until: number }>();

  /** @param now in milliseconds, from any beginning on */
  constructor(look: (subscription: string) => Promise<Backlog | undefined>, now: () => number) {
    this.#look = look;
    this.#now = now;
  }

  /** Rejects when the broker does not answer. */
  has(subscription: string): Promise<boolean> {
    const known = this.#known.get(subscription);
    if (known && this.#now() < known.until) return known.exists;
    const exists = this.#ask(subscription);
    const entry = { exists, until: Number.POSITIVE_INFINITY };
    this.#known.set(subscription, entry);
    const keepFor = (ms: number): void => {
      entry.until = this.#now() + ms;
    };
    // One question at a time, and none is answered by a failure of another.
    exists.then((found) => keepFor(found ? FOUND_FOR_MS : MISSING_FOR_MS)).catch(() => keepFor(0));
    return exists;
  }

  /** What somebody has just seen need not be asked for. */
  learn(subscription: string, exists: boolean): void {
    const until = this.#now() + (exists ? FOUND_FOR_MS : MISSING_FOR_MS);
    this.#known.set(subscription, { exists: Promise.resolve(exists), until });
  }

  async #ask(subscription: string): Promise<boolean> {
    try {
      return (await this.#look(subscription)) !== undefined;
    } catch (error) {
      // A sender of events alone cannot know. Rights that are yet to arrive show when they are needed.
      if (hasCode(error, 'UnauthorizedAccess')) return true;
      throw error;
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  const last = attemptsIn(error).at(-1);
  return isServiceBusError(last) && last.code === code;
}
