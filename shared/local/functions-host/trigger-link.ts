/**
 * One connection and the receiver on it, for one life. What the SDK would mend by itself is given up as a whole, with
 * all that hangs on it: on a connection that died the SDK waits a minute for each answer that cannot come, four times
 * over, and says nothing (https://github.com/Azure/azure-sdk-for-js/issues/8341).
 */
import type {
  ProcessErrorArgs,
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
} from '@azure/service-bus';
import { faultOf } from '../../describe-error.ts';
import type { HostJson } from './host-json.ts';

/** Where a trigger receives from. */
export interface Source {
  readonly topic?: string;
  readonly subscription?: string;
  readonly queue?: string;
}

export interface LinkOptions {
  /** A client of the link's own, which it closes. */
  readonly connect: () => ServiceBusClient;
  readonly source: Source;
  readonly settings: HostJson['extensions']['serviceBus'];
  /** Holds one of the link's slots until it resolves. Must not reject. */
  readonly onMessage: (message: ServiceBusReceivedMessage) => Promise<void>;
  /** Trouble that leaves the link alive, such as a lock that could not be renewed. */
  readonly onError: (message: string) => void;
  /** It is dead, and why. Called once; not when it was closed before. */
  readonly onEnd: (reason: string) => void;
  /** Milliseconds that opening may take. */
  readonly openingMs?: number;
  /** After so many milliseconds without a sign of life the broker is asked for one, and has as long to give it. */
  readonly silenceMs?: number;
}

const OPENING_MS = 4_000;
const SILENCE_MS = 2_000;
/** How long a polite end may take. */
const CLOSING_MS = 1_000;

export class TriggerLink {
  readonly #options: LinkOptions;
  readonly #client: ServiceBusClient;
  readonly #receiver: ServiceBusReceiver;
  readonly #subscription: { close(): Promise<void> };
  /** Rejects when the link ends, with the reason. */
  readonly #ended: Promise<never>;
  #reject: (reason: Error) => void = () => {};
  #state: 'opening' | 'open' | 'ended' = 'opening';
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;
  /** Messages, and answers to settlements. */
  #signsOfLife = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#ended = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Nobody may be waiting when it happens.
    this.#ended.catch(() => {});
    this.#client = options.connect();
    this.#receiver = this.#createReceiver();
    this.#subscription = this.#subscribe();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Rejects when the broker refuses, and as soon as the link has ended. */
  async settle(message: ServiceBusReceivedMessage, outcome: 'complete' | 'abandon'): Promise<void> {
    if (this.hasEnded) return this.#ended;
    const receiver = this.#receiver;
    const settling = outcome === 'complete' ? receiver.completeMessage(message) : receiver.abandonMessage(message);
    await Promise.race([settling, this.#ended]);
    this.#signsOfLife++;
  }

  /** Takes no more messages; those that came can still be settled. */
  async stop(): Promise<void> {
    this.#isClosing = true;
    await Promise.race([this.#subscription.close(), this.#ended]).catch(() => {});
  }

  /** Resolves when it is closed, or will not be within a second. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#end('it was closed');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSING_MS);
    });
    // On a dead connection the SDK waits for minutes, and then may reject.
    await Promise.race([this.#client.close().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #createReceiver(): ServiceBusReceiver {
    const { source, settings } = this.#options;
    const renewal = Math.min(settings.maxAutoLockRenewalDuration, 2 ** 31 - 1);
    // The text must reach the function as it was sent: the library parses it, not the SDK.
    const receiving = { maxAutoLockRenewalDurationInMs: renewal, skipParsingBodyAsJson: true };
    return source.queue
      ? this.#client.createReceiver(source.queue, receiving)
      : this.#client.createReceiver(source.topic ?? '', source.subscription ?? '', receiving);
  }

  #subscribe(): { close(): Promise<void> } {
    const { settings, onMessage, onError, openingMs = OPENING_MS } = this.#options;
    let attempts = 0;
    const handlers = {
      processMessage: async (message: ServiceBusReceivedMessage) => {
        this.#signsOfLife++;
        if (!this.hasEnded) await onMessage(message);
      },
      processError: async ({ error, errorSource }: ProcessErrorArgs) => {
        if (errorSource === 'receive') this.#end(faultOf(error));
        else if (!this.#isClosing) onError(`${errorSource}: ${faultOf(error)}`);
      },
      // Of these two the SDK tells its own callers alone; without them a dead link is only found by asking.
      preInitialize: async () => {
        if (++attempts > 1) this.#end('the connection is lost');
        else this.#after(openingMs, () => this.#end('no answer while connecting'));
      },
      postInitialize: async () => {
        if (this.hasEnded) return;
        this.#state = 'open';
        this.#watch();
      },
    };
    return this.#receiver.subscribe(handlers, {
      autoCompleteMessages: false,
      maxConcurrentCalls: settings.maxConcurrentCalls + settings.prefetchCount,
    });
  }

  /** A busy link gives signs of life all the time; any other is asked for one. */
  #watch(): void {
    const { silenceMs = SILENCE_MS } = this.#options;
    const seen = this.#signsOfLife;
    this.#after(silenceMs, () => {
      if (this.#signsOfLife !== seen) return this.#watch();
      this.#after(silenceMs, () => this.#end('no sign of life'));
      const alive = (): void => {
        if (!this.hasEnded) this.#watch();
      };
      // A refusal is an answer too.
      this.#receiver.peekMessages(1).then(alive, alive);
    });
  }

  #after(ms: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, ms);
  }

  #end(reason: string): void {
    if (this.hasEnded) return;
    this.#state = 'ended';
    clearTimeout(this.#timer);
    this.#reject(new Error(`the link it came on has ended: ${reason}`));
    if (this.#isClosing) return;
    void this.close();
    this.#options.onEnd(reason);
  }
}
