/**
 * One connection and the receiver on it. It is not repaired, but ends as a whole when the connection fails. The SDK's own
 * recovery is too slow: on a dead connection it waits a minute for each answer, four times, without an error
 * (https://github.com/Azure/azure-sdk-for-js/issues/8341).
 */
import type {
  ProcessErrorArgs,
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
} from '@azure/service-bus';
import { faultOf } from '../../describe-error.ts';
import type { HostJson } from './host-json.ts';

/** The entity that a trigger receives from. */
export interface Source {
  readonly topic?: string;
  readonly subscription?: string;
  readonly queue?: string;
}

export interface LinkOptions {
  /** Creates a client, which the link closes. */
  readonly connect: () => ServiceBusClient;
  readonly source: Source;
  readonly settings: HostJson['extensions']['serviceBus'];
  /** Takes up one of the link's concurrent calls until it resolves. Must not reject. */
  readonly onMessage: (message: ServiceBusReceivedMessage) => Promise<void>;
  /** Takes errors that do not end the link, such as a lock that cannot be renewed. */
  readonly onError: (message: string) => void;
  /** The link has ended, with the reason. Called once, and not after `stop` or `close`. */
  readonly onEnd: (reason: string) => void;
  /** How long opening may take, in milliseconds. */
  readonly openingMs?: number;
  /** After so many silent milliseconds the broker is asked for an answer, and must give it within the same time. */
  readonly silenceMs?: number;
}

const OPENING_MS = 4_000;
const SILENCE_MS = 2_000;
/** How long closing may take. */
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
  /** Counts messages, and answers to settlements. */
  #answers = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#ended = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // The promise may reject while nothing awaits it.
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

  /** Rejects when the broker refuses, or when the link ends. */
  async settle(message: ServiceBusReceivedMessage, outcome: 'complete' | 'abandon'): Promise<void> {
    if (this.hasEnded) return this.#ended;
    const receiver = this.#receiver;
    const settling = outcome === 'complete' ? receiver.completeMessage(message) : receiver.abandonMessage(message);
    await Promise.race([settling, this.#ended]);
    this.#answers++;
  }

  /** Takes no further messages. Received ones can still be settled. */
  async stop(): Promise<void> {
    this.#isClosing = true;
    await Promise.race([this.#subscription.close(), this.#ended]).catch(() => {});
  }

  /** Resolves when the link is closed, or after a second. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#end('closed');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSING_MS);
    });
    // On a dead connection the SDK's close takes minutes, and may then reject.
    await Promise.race([this.#client.close().catch(() => {}), late]);
    clearTimeout(timer);
  }

  #createReceiver(): ServiceBusReceiver {
    const { source, settings } = this.#options;
    const renewal = Math.min(settings.maxAutoLockRenewalDuration, 2 ** 31 - 1);
    // The function must get the text as it was sent: the library parses it, not the SDK.
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
        this.#answers++;
        if (!this.hasEnded) await onMessage(message);
      },
      processError: async ({ error, errorSource }: ProcessErrorArgs) => {
        if (errorSource === 'receive') this.#end(faultOf(error));
        else if (!this.#isClosing) onError(`${errorSource}: ${faultOf(error)}`);
      },
      // Two hooks that the SDK does not document. Without them only a request would show that a link is dead.
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

  /** Asks the broker for an answer when the link is silent. */
  #watch(): void {
    const { silenceMs = SILENCE_MS } = this.#options;
    const seen = this.#answers;
    this.#after(silenceMs, () => {
      if (this.#answers !== seen) return this.#watch();
      this.#after(silenceMs, () => this.#end('the broker does not answer'));
      const onAnswer = (): void => {
        if (!this.hasEnded) this.#watch();
      };
      // A refusal is an answer too.
      this.#receiver.peekMessages(1).then(onAnswer, onAnswer);
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
    this.#reject(new Error(`the link of the message has ended: ${reason}`));
    if (this.#isClosing) return;
    void this.close();
    this.#options.onEnd(reason);
  }
}
