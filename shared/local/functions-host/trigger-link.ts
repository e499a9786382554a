/**
 * The link of a trigger that takes one message a call: messages stream in. It is not repaired, but ends as a whole when
 * the connection fails. The SDK's own recovery is too slow: on a dead connection it waits a minute for each answer, four
 * times, without an error (https://github.com/Azure/azure-sdk-for-js/issues/8341).
 */
import type {
  ProcessErrorArgs,
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
} from '@azure/service-bus';
import { faultOf } from '../../describe-error.ts';
import {
  closeClient,
  type EntityLink,
  keepLocked,
  LinkEnd,
  type LinkOptions,
  RECEIVING,
  type Received,
} from './entity-link.ts';

const OPENING_MS = 4_000;
const SILENCE_MS = 2_000;

export class TriggerLink implements EntityLink {
  readonly client: ServiceBusClient;
  readonly #options: LinkOptions;
  readonly #receiver: ServiceBusReceiver;
  readonly #subscription: { close(): Promise<void> };
  readonly #end = new LinkEnd();
  #isConnected = false;
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;
  /** Counts messages, and answers to settlements. */
  #answers = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.client = options.connect();
    this.#receiver = this.#createReceiver();
    this.#subscription = this.#subscribe();
  }

  get isOpen(): boolean {
    return this.#isConnected && !this.hasEnded;
  }

  get hasEnded(): boolean {
    return this.#end.hasCome;
  }

  async stop(): Promise<void> {
    this.#isClosing = true;
    await this.#end.orEnd(() => this.#subscription.close()).catch(() => {});
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#finish('closed');
    await closeClient(this.client);
  }

  #createReceiver(): ServiceBusReceiver {
    const { source } = this.#options;
    return source.queue
      ? this.client.createReceiver(source.queue, RECEIVING)
      : this.client.createReceiver(source.topic ?? '', source.subscription ?? '', RECEIVING);
  }

  #received(message: ServiceBusReceivedMessage): Received {
    const end = this.#end;
    const { settings, onError } = this.#options;
    const renew = async (): Promise<number> => (await this.#receiver.renewMessageLock(message)).getTime();
    return {
      messages: [message],
      get hasEnded() {
        return end.hasCome;
      },
      settle: async (_, outcome) => {
        const receiver = this.#receiver;
        await end.orEnd(() =>
          outcome === 'complete' ? receiver.completeMessage(message) : receiver.abandonMessage(message),
        );
        this.#answers++;
      },
      keepLocked: () =>
        keepLocked(
          { until: message.lockedUntilUtc?.getTime() ?? 0, renew },
          settings.maxAutoLockRenewalDuration,
          (error) => {
            if (!this.#isClosing && !end.hasCome) onError(`renewLock: ${faultOf(error)}`);
          },
        ),
    };
  }

  #subscribe(): { close(): Promise<void> } {
    const { settings, onReceived, onError, openingMs = OPENING_MS } = this.#options;
    let attempts = 0;
    const handlers = {
      processMessage: async (message: ServiceBusReceivedMessage) => {
        this.#answers++;
        if (!this.hasEnded) await onReceived(this.#received(message));
      },
      processError: async ({ error, errorSource }: ProcessErrorArgs) => {
        if (errorSource === 'receive') this.#finish(faultOf(error));
        else if (!this.#isClosing) onError(`${errorSource}: ${faultOf(error)}`);
      },
      // Two hooks that the SDK does not document. Without them only a request would show that a link is dead.
      preInitialize: async () => {
        if (++attempts > 1) this.#finish('the connection is lost');
        else this.#after(openingMs, () => this.#finish('no answer while connecting'));
      },
      postInitialize: async () => {
        if (this.hasEnded) return;
        this.#isConnected = true;
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
      this.#after(silenceMs, () => this.#finish('the broker does not answer'));
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

  #finish(reason: string): void {
    if (this.hasEnded) return;
    this.#end.come(reason);
    clearTimeout(this.#timer);
    if (this.#isClosing) return;
    void this.close();
    this.#options.onEnd(reason);
  }
}
