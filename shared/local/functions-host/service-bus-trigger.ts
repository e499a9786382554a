/**
 * Receives for one Service Bus trigger like the Functions host: in peek-lock mode, with one invocation per message,
 * which is completed when the function succeeds and abandoned at once when it fails.
 */

import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { describeError } from '../../describe-error.ts';
import { ConfigError } from '../../errors.ts';
import type { Binding, InvocationRequest } from './core-module.ts';
import { traceContextOf } from './invoke.ts';
import { bodyData, triggerMetadata } from './message-data.ts';
import { type HostSettings, resolveNames } from './settings.ts';
import { type LinkOptions, type Source, TriggerLink } from './trigger-link.ts';

/** The entity of a binding. @throws ConfigError for a binding that the local host does not support */
export function sourceOf(functionName: string, binding: Binding, settings: HostSettings): Source {
  const option = (name: string): string | undefined => {
    const value = binding[name];
    return typeof value === 'string' ? resolveNames(value, settings) : undefined;
  };
  if (binding['cardinality'] === 'many') {
    throw new ConfigError(`${functionName}: the local host supports only cardinality 'one', got 'many'`);
  }
  if (binding['isSessionsEnabled'] === true) {
    throw new ConfigError(`${functionName}: the local host does not support session triggers`);
  }
  const [topic, subscription, queue] = [option('topicName'), option('subscriptionName'), option('queueName')];
  if (topic !== undefined && subscription !== undefined) return { topic, subscription };
  if (queue !== undefined) return { queue };
  throw new ConfigError(`${functionName}: expected queueName, or topicName and subscriptionName, in the trigger`);
}

interface TriggerOptions extends Pick<LinkOptions, 'connect' | 'source' | 'settings' | 'openingMs' | 'silenceMs'> {
  readonly binding: Binding & { readonly name: string };
  /** In milliseconds. */
  readonly functionTimeout: number;
  /** Runs the function; rejects when it fails. */
  readonly run: (request: InvocationRequest, message: ServiceBusReceivedMessage) => Promise<void>;
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
  #link: TriggerLink;
  #reopening: NodeJS.Timeout | undefined;
  #failures = 0;
  #lastTrouble = 'connecting';
  #active = 0;
  #lastChange = performance.now();
  #isStopping = false;

  constructor(options: TriggerOptions) {
    this.#options = options;
    this.#link = this.#open();
  }

  /** Why no messages are received; undefined while they are. */
  get trouble(): string | undefined {
    if (!this.#link.isOpen) return `not receiving: ${this.#lastTrouble}`;
    const unchanged = performance.now() - this.#lastChange;
    if (this.#active < this.#options.settings.maxConcurrentCalls || unchanged < HANGING_MS) return undefined;
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

  #open(): TriggerLink {
    const { connect, source, settings, onError, openingMs, silenceMs } = this.#options;
    const link: TriggerLink = new TriggerLink({
      ...{ connect, source, settings, onError },
      ...(openingMs !== undefined && { openingMs }),
      ...(silenceMs !== undefined && { silenceMs }),
      onMessage: (message) => {
        this.#failures = 0;
        return this.#track(this.#process(message, link));
      },
      onEnd: (reason) => this.#replace(reason),
    });
    return link;
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

  async #process(message: ServiceBusReceivedMessage, link: TriggerLink): Promise<void> {
    const { settings, onError } = this.#options;
    while (this.#active >= settings.maxConcurrentCalls && !this.#isStopping && !link.hasEnded) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    // A message whose call has not started is returned: its lock ends, or the closing link releases it.
    if (this.#isStopping || link.hasEnded) return this.#waiting.shift()?.();
    const hasSucceeded = await this.#call(message);
    if (hasSucceeded && !settings.autoCompleteMessages) return;
    const outcome = hasSucceeded ? 'complete' : 'abandon';
    await link.settle(message, outcome).catch((error: unknown) => {
      // The lock is lost or the broker is away: the message is delivered again.
      onError(`cannot ${outcome} message ${message.messageId}: ${describeError(error)}`);
    });
  }

  /** Runs the function as one of the concurrent calls. Resolves to whether it succeeded. */
  async #call(message: ServiceBusReceivedMessage): Promise<boolean> {
    const { binding, functionTimeout, run, onError } = this.#options;
    this.#count(1);
    try {
      const data = bodyData(message, binding['dataType']);
      const request = {
        inputData: [{ name: binding.name, data }],
        triggerMetadata: triggerMetadata(message, data),
        traceContext: traceContextOf(message.applicationProperties?.['Diagnostic-Id']),
      };
      await withTimeout(run(request, message), functionTimeout);
      return true;
    } catch (error) {
      onError(`message ${message.messageId}: ${describeError(error)}`);
      return false;
    } finally {
      this.#count(-1);
      this.#waiting.shift()?.();
    }
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
