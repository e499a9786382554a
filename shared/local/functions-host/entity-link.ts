/** What the links of a trigger to its entity have in common. A link is one connection, and ends as a whole. */
import type { ServiceBusClient, ServiceBusReceivedMessage } from '@azure/service-bus';
import type { HostJson } from './host-json.ts';

/** The entity that a trigger receives from. */
export interface Source {
  readonly topic?: string;
  readonly subscription?: string;
  readonly queue?: string;
}

/** How links receive: the library parses bodies, not the SDK; dates stay dates; locks are renewed here. */
export const RECEIVING = {
  maxAutoLockRenewalDurationInMs: 0,
  skipParsingBodyAsJson: true,
  skipConvertingDate: true,
} as const;

/** Messages for one call of the function, and what their link can do with them. */
export interface Received {
  readonly messages: readonly ServiceBusReceivedMessage[];
  /** The link is gone, and with it their locks. */
  readonly hasEnded: boolean;
  /** Rejects when the broker refuses, or when the link ends. */
  settle(message: ServiceBusReceivedMessage, outcome: 'complete' | 'abandon'): Promise<void>;
  /** Renews their locks, where the host does, until the returned function is called. */
  keepLocked(): () => void;
}

export interface LinkOptions {
  /** Creates a client, which the link closes. */
  readonly connect: () => ServiceBusClient;
  readonly source: Source;
  readonly settings: HostJson['extensions']['serviceBus'];
  /** Takes up one of the link's concurrent calls until it resolves. Must not reject. */
  readonly onReceived: (received: Received) => Promise<void>;
  /** Takes errors that do not end the link, such as a lock that cannot be renewed. */
  readonly onError: (message: string) => void;
  /** The link has ended, with the reason. Called once, and not after `stop` or `close`. */
  readonly onEnd: (reason: string) => void;
  /** How long opening may take, in milliseconds. */
  readonly openingMs?: number;
  /** After so many silent milliseconds the broker is asked for an answer, and must give it within the same time. */
  readonly silenceMs?: number;
}

export interface EntityLink {
  readonly isOpen: boolean;
  readonly hasEnded: boolean;
  readonly client: ServiceBusClient;
  /** Takes no further messages. Received ones can still be settled. */
  stop(): Promise<void>;
  /** Resolves when the link is closed, or after a second. */
  close(): Promise<void>;
}

/** The end of a link: it comes once, with a reason, and whatever waits for the link waits no longer. */
export class LinkEnd {
  readonly #ended: Promise<never>;
  #reject: (reason: Error) => void = () => {};
  #hasCome = false;

  constructor() {
    this.#ended = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // The promise may reject while nothing awaits it.
    this.#ended.catch(() => {});
  }

  get hasCome(): boolean {
    return this.#hasCome;
  }

  come(reason: string): void {
    this.#hasCome = true;
    this.#reject(new Error(`the link of the message has ended: ${reason}`));
  }

  /** The outcome of the work, or a rejection when the link ends before, or has ended: then nothing is begun. */
  orEnd<T>(work: () => Promise<T>): Promise<T> {
    return this.#hasCome ? this.#ended : Promise.race([work(), this.#ended]);
  }
}

/** How long closing may take. On a dead connection the SDK's close takes minutes, and may then reject. */
const CLOSING_MS = 1_000;

export async function closeClient(client: ServiceBusClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSING_MS);
  });
  await Promise.race([client.close().catch(() => {}), late]);
  clearTimeout(timer);
}

/** A lock that is held for as long as a call runs. */
export interface HeldLock {
  /** When it ends, in milliseconds since the Unix epoch. */
  readonly until: number;
  /** Resolves to when it ends now. */
  renew(): Promise<number>;
}

/**
 * Renews a lock when half of what is left of it has passed, for so long at most. The SDK's own renewal goes on after the
 * call, until the message is settled; the real host's does not.
 *
 * @returns stops it
 */
export function keepLocked({ until, renew }: HeldLock, limitMs: number, onError: (error: unknown) => void): () => void {
  const limit = Date.now() + limitMs;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const next = (end: number): void => {
    const wait = Math.max(10, (end - Date.now()) / 2);
    if (isOver || Date.now() + wait > limit) return;
    timer = setTimeout(() => {
      renew().then(next, (error: unknown) => {
        if (!isOver) onError(error);
      });
    }, wait);
  };
  next(until);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
