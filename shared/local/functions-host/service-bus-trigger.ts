/**
 * Receives for one Service Bus trigger like the Functions host: in peek-lock mode, with one invocation per message or per
 * batch. Messages are completed when the function succeeds and abandoned at once when it fails.
 */

import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { describeError } from '../../describe-error.ts';
import { ConfigError } from '../../errors.ts';
import type { Binding, InvocationRequest, RetryOptions } from './core-module.ts';
import type { EntityLink, LinkOptions, Received, Source } from './entity-link.ts';
import { traceContextOf } from './invoke.ts';
import { batchData, batchMetadata, bodyData, triggerMetadata } from './message-data.ts';
import { PullLink } from './pull-link.ts';
import { withRetries } from './retry-policy.ts';
import { type HostSettings, resolveNames } from './settings.ts';
import { TriggerLink } from './trigger-link.ts';

/** The entity of a binding. @throws ConfigError for a binding that names none */
export function sourceOf(functionName: string, binding: Binding, settings: HostSettings): Source {
  const option = (name: string): string | undefined => {
    const value = binding[name];
    return typeof value === 'string' ? resolveNames(value, settings) : undefined;
  };
  const [topic, subscription, queue] = [option('topicName'), option('subscriptionName'), option('queueName')];
  if (topic !== undefined && subscription !== undefined) return { topic, subscription };
  if (queue !== undefined) return { queue };
  throw new ConfigError(`${functionName}: expected queueName, or topicName and subscriptionName, in the trigger`);
}

interface TriggerOptions extends Pick<LinkOptions, 'connect' | 'source' | 'settings' | 'openingMs' | 'silenceMs'> {
  readonly binding: Binding & { readonly name: string };
  /** The function's policy: attempts within one delivery. */
  readonly retry?: RetryOptions | undefined;
  /** In milliseconds, of each attempt. */
  readonly functionTimeout: number;
  /** Runs the function for a message, or for a batch; rejects when it fails. */
  readonly run: (request: InvocationRequest, messages: readonly ServiceBusReceivedMessage[]) => Promise<void>;
  /** Takes errors of the function, and of connection, lock and settlement. */
  readonly onError: (message: string) => void;
}

/** The wait before reconnecting: doubles from the first to the second value while nothing answers. */
const REOPEN_MS = [100, 2_000] as const;
/** Handlers requeue instead of waiting, so when all calls have run for so long they hang. */
const HANGING_MS = 60_000;

/**
 * A trigger that receives until it is stopped. Running calls are counted here, across links. Settlements that wait for
 * the broker's answer belong to their link and end with it.
 */
export class ServiceBusTrigger {
  readonly #options: TriggerOptions;
  readonly #processing = new Set<Promise<void>>();
  /** Locked messages that wait for one of the concurrent calls. */
  readonly #waiting: (() => void)[] = [];
  readonly #isBatch: boolean;
  readonly #isOfSessions: boolean;
  /** Calls at once. */
  readonly #limit: number;
  #link: EntityLink;
  #reopening: NodeJS.Timeout | undefined;
  #failures = 0;
  #lastTrouble = 'connecting';
  #active = 0;
  #lastChange = performance.now();
  #isStopping = false;

  constructor(options: TriggerOptions) {
    this.#options = options;
    const { binding, settings } = options;
    this.#isBatch = String(binding['cardinality']).toLowerCase() === 'many';
    this.#isOfSessions = binding['isSessionsEnabled'] === true;
    const inSessions = settings.maxConcurrentSessions * settings.maxConcurrentCallsPerSession;
    this.#limit = this.#isBatch ? 1 : this.#isOfSessions ? inSessions : settings.maxConcurrentCalls;
    this.#link = this.#open();
  }

  /** Why no messages are received; undefined while they are. */
  get trouble(): string | undefined {
    if (!this.#link.isOpen) return `not receiving: ${this.#lastTrouble}`;
    const unchanged = performance.now() - this.#lastChange;
    if (this.#active < this.#limit || unchanged < HANGING_MS) return undefined;
    return `not receiving: all ${this.#active} calls have been running for ${Math.round(unchanged / 1_000)} s`;
  }

  /** Takes no further messages. Resolves when those in progress are settled and the connection is closed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#reopening);
    this.#wakeAll();
    await this.#link.stop();
    while (this.#processing.size > 0) await Promise.all(this.#processing);
    await this.#link.close();
  }

  #open(): EntityLink {
    const { connect, source, settings, onError, openingMs, silenceMs } = this.#options;
    const link: LinkOptions = {
      ...{ connect, source, settings, onError },
      ...(openingMs !== undefined && { openingMs }),
      ...(silenceMs !== undefined && { silenceMs }),
      onReceived: (received) => {
        this.#failures = 0;
        return this.#track(this.#process(received));
      },
      onEnd: (reason) => this.#replace(reason),
    };
    if (!this.#isBatch && !this.#isOfSessions) return new TriggerLink(link);
    return new PullLink({ ...link, isBatch: this.#isBatch, isOfSessions: this.#isOfSessions });
  }

  /** Opens a new link. Messages of the old link have lost their locks and are delivered again. */
  #replace(reason: string): void {
    this.#wakeAll();
    if (this.#isStopping) return;
    this.#lastTrouble = reason;
    this.#options.onError(`receive: ${reason}; reconnecting`);
    const [first, last] = REOPEN_MS;
    const wait = Math.min(last, first * 2 ** this.#failures++);
    this.#reopening = setTimeout(() => {
      this.#link = this.#open();
    }, wait);
  }

  #track(work: Promise<void>): Promise<void> {
    this.#processing.add(work);
    return work.finally(() => this.#processing.delete(work));
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #process(received: Received): Promise<void> {
    const { binding, settings, onError } = this.#options;
    while (this.#active >= this.#limit && !this.#isStopping && !received.hasEnded) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    // A message whose call has not started is returned: its lock ends, or the closing link releases it.
    if (this.#isStopping || received.hasEnded) return this.#waiting.shift()?.();
    const hasSucceeded = await this.#call(received);
    const autoComplete = binding['autoCompleteMessages'] ?? settings.autoCompleteMessages;
    // The lock ends by itself, and the message comes again.
    if (hasSucceeded && autoComplete === false) return;
    const outcome = hasSucceeded ? 'complete' : 'abandon';
    const settling = received.messages.map((message) =>
      received.settle(message, outcome).catch((error: unknown) => {
        // The lock is lost or the broker is away: the message is delivered again.
        onError(`cannot ${outcome} message ${message.messageId}: ${describeError(error)}`);
      }),
    );
    await Promise.all(settling);
  }

  /** Runs the function as one of the concurrent calls. Resolves to whether it succeeded. */
  async #call({ messages, keepLocked }: Received): Promise<boolean> {
    const { retry, functionTimeout, run, onError } = this.#options;
    this.#count(1);
    const release = keepLocked();
    try {
      const request = this.#request(messages);
      await withRetries(retry, (retryContext) =>
        withTimeout(run({ ...request, ...(retryContext && { retryContext }) }, messages), functionTimeout),
      );
      return true;
    } catch (error) {
      const [first] = messages;
      const which = this.#isBatch ? `batch of ${messages.length} from message` : 'message';
      onError(`${which} ${first?.messageId}: ${describeError(error)}`);
      return false;
    } finally {
      release();
      this.#count(-1);
      this.#waiting.shift()?.();
    }
  }

  /** What the worker gets. @throws PermanentError for a body that the host cannot read */
  #request(messages: readonly ServiceBusReceivedMessage[]): InvocationRequest {
    const { binding } = this.#options;
    const { name, dataType } = binding;
    const { client } = this.#link;
    const [message] = messages;
    if (this.#isBatch || !message) {
      return {
        inputData: [{ name, data: batchData(messages, dataType) }],
        triggerMetadata: batchMetadata(messages, client),
        traceContext: traceContextOf(undefined),
      };
    }
    const data = bodyData(message, dataType);
    return {
      inputData: [{ name, data }],
      triggerMetadata: triggerMetadata(message, data, client),
      traceContext: traceContextOf(message.applicationProperties?.['Diagnostic-Id']),
    };
  }

  #count(change: number): void {
    this.#active += change;
    this.#lastChange = performance.now();
  }
}

/**
 * Rejects at the time-out. The real host then restarts the worker; here the function runs on, and its message is
 * abandoned.
 */
async function withTimeout(work: Promise<void>, ms: number): Promise<void> {
  if (ms === Number.POSITIVE_INFINITY) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      reject,
      Math.min(ms, 2 ** 31 - 1),
      new Error(`the function did not end within the functionTimeout of ${ms} ms`),
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
