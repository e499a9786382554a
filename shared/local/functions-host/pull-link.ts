/**
 * The link of a trigger that takes batches, sessions or both. Messages are asked for: a batch when the one before is
 * handled; a session's as many as it may run at once. Locks of batches are not renewed, those of sessions are while a
 * call runs. Like every link it ends as a whole when anything fails.
 */
import {
  type ServiceBusClient,
  ServiceBusError,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
  type ServiceBusSessionReceiver,
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

export interface PullOptions extends LinkOptions {
  readonly isBatch: boolean;
  readonly isOfSessions: boolean;
}

/** The SDK waits so long for a batch to fill. */
const WAIT_MS = 250;
const OPENING_MS = 4_000;
/** Longer than the SDK needs to take back the credit that was not used. */
const ANSWER_MS = 4_000;

export class PullLink implements EntityLink {
  readonly client: ServiceBusClient;
  readonly #options: PullOptions;
  readonly #end = new LinkEnd();
  #isConnected = false;
  #isClosing = false;
  #opening: NodeJS.Timeout | undefined;

  constructor(options: PullOptions) {
    this.#options = options;
    this.client = options.connect();
    const { isBatch, isOfSessions, settings, openingMs = OPENING_MS } = options;
    // One batch at a time; of sessions as many as are set.
    const workers = isOfSessions && !isBatch ? settings.maxConcurrentSessions : 1;
    const run = isOfSessions ? () => this.#takeSessions() : () => this.#takeBatches();
    for (let n = 0; n < workers; n++) void run().catch((error: unknown) => this.#finish(faultOf(error)));
    // An entity without a free session does not answer, and is connected all the same.
    if (isOfSessions) this.#opening = setTimeout(() => this.#connected(), openingMs / 4);
    else this.#opening = setTimeout(() => this.#finish('no answer while connecting'), openingMs);
  }

  get isOpen(): boolean {
    return this.#isConnected && !this.hasEnded;
  }

  get hasEnded(): boolean {
    return this.#end.hasCome;
  }

  async stop(): Promise<void> {
    this.#isClosing = true;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#finish('closed');
    await closeClient(this.client);
  }

  get #isOver(): boolean {
    return this.#isClosing || this.hasEnded;
  }

  async #takeBatches(): Promise<void> {
    const { source, settings, onReceived } = this.#options;
    const receiver = source.queue
      ? this.client.createReceiver(source.queue, RECEIVING)
      : this.client.createReceiver(source.topic ?? '', source.subscription ?? '', RECEIVING);
    while (!this.#isOver) {
      const messages = await this.#receive(receiver, settings.maxMessageBatchSize);
      this.#connected();
      if (messages.length > 0) await onReceived(this.#received(receiver, messages));
    }
  }

  async #takeSessions(): Promise<void> {
    while (!this.#isOver) {
      const session = await this.#acceptSession();
      this.#connected();
      if (!session) continue;
      await this.#drain(session);
      await this.#end.orEnd(() => session.close()).catch(() => {});
    }
  }

  /** Handles what is in a session, until nothing has come for a while. */
  async #drain(session: ServiceBusSessionReceiver): Promise<void> {
    const { isBatch, settings, onReceived } = this.#options;
    const most = isBatch ? settings.maxMessageBatchSize : settings.maxConcurrentCallsPerSession;
    const idleMs = settings.sessionIdleTimeout ?? settings.clientRetryOptions.tryTimeout;
    let idleSince = performance.now();
    while (!this.#isOver && performance.now() - idleSince < idleMs) {
      const messages = await this.#receive(session, most, Math.min(WAIT_MS, idleMs));
      if (messages.length === 0) continue;
      const calls = isBatch ? [messages] : messages.map((message) => [message]);
      await Promise.all(calls.map((call) => onReceived(this.#received(session, call))));
      idleSince = performance.now();
    }
  }

  async #acceptSession(): Promise<ServiceBusSessionReceiver | undefined> {
    const { source } = this.#options;
    try {
      return await this.#end.orEnd(() =>
        source.queue
          ? this.client.acceptNextSession(source.queue, RECEIVING)
          : this.client.acceptNextSession(source.topic ?? '', source.subscription ?? '', RECEIVING),
      );
    } catch (error) {
      // No session was free in time.
      if (error instanceof ServiceBusError && error.code === 'ServiceTimeout') return undefined;
      throw error;
    }
  }

  async #receive(receiver: ServiceBusReceiver, most: number, waitMs = WAIT_MS): Promise<ServiceBusReceivedMessage[]> {
    const silence = setTimeout(() => this.#finish('the broker does not answer'), waitMs + ANSWER_MS);
    return await this.#end
      .orEnd(() => receiver.receiveMessages(most, { maxWaitTimeInMs: waitMs }))
      .finally(() => clearTimeout(silence));
  }

  #received(
    receiver: ServiceBusReceiver | ServiceBusSessionReceiver,
    messages: readonly ServiceBusReceivedMessage[],
  ): Received {
    const { isBatch, settings, onError } = this.#options;
    const end = this.#end;
    return {
      messages,
      get hasEnded() {
        return end.hasCome;
      },
      settle: (message, outcome) =>
        end.orEnd(() =>
          outcome === 'complete' ? receiver.completeMessage(message) : receiver.abandonMessage(message),
        ),
      keepLocked: () => {
        if (isBatch || !('sessionId' in receiver)) return () => {};
        const lock = {
          until: receiver.sessionLockedUntilUtc.getTime(),
          renew: async () => (await receiver.renewSessionLock()).getTime(),
        };
        return keepLocked(lock, settings.maxAutoLockRenewalDuration, (error) => {
          if (!this.#isOver) onError(`renewLock: ${faultOf(error)}`);
        });
      },
    };
  }

  #connected(): void {
    clearTimeout(this.#opening);
    this.#isConnected = true;
  }

  #finish(reason: string): void {
    if (this.hasEnded) return;
    this.#end.come(reason);
    clearTimeout(this.#opening);
    if (this.#isClosing) return;
    void this.close();
    this.#options.onEnd(reason);
  }
}
