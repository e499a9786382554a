/**
 * Receives for one Service Bus trigger: peek-lock, one invocation a message, completed when it succeeds and abandoned
 * at once when it fails, as the Functions host does.
 */
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { ConfigError } from '../../errors.ts';
import type { Binding, InvocationRequest } from './core-module.ts';
import { childTrace } from './invoke.ts';
import { bodyData, triggerMetadata } from './message-data.ts';
import { type HostSettings, resolveNames } from './settings.ts';
import { type LinkOptions, type Source, TriggerLink } from './trigger-link.ts';

/** The entity that a binding names. @throws ConfigError for what the local host cannot run */
export function sourceOf(functionName: string, binding: Binding, settings: HostSettings): Source {
  const option = (name: string): string | undefined => {
    const value = binding[name];
    return typeof value === 'string' ? resolveNames(value, settings) : undefined;
  };
  if (binding['cardinality'] === 'many') {
    throw new ConfigError(`${functionName}: the local host runs cardinality 'one' alone, got 'many'`);
  }
  if (binding['isSessionsEnabled'] === true) {
    throw new ConfigError(`${functionName}: the local host does not run session triggers`);
  }
  const [topic, subscription, queue] = [option('topicName'), option('subscriptionName'), option('queueName')];
  if (topic !== undefined && subscription !== undefined) return { topic, subscription };
  if (queue !== undefined) return { queue };
  throw new ConfigError(`${functionName}: expected queueName, or topicName and subscriptionName, in the trigger`);
}

interface TriggerOptions extends Pick<LinkOptions, 'connect' | 'source' | 'settings' | 'openingMs' | 'silenceMs'> {
  readonly binding: Binding & { readonly name: string };
  /** Milliseconds. */
  readonly functionTimeout: number;
  /** Runs the function; rejects when it fails. */
  readonly run: (request: InvocationRequest, message: ServiceBusReceivedMessage) => Promise<void>;
  /** What went wrong outside the function: connection, lock, settlement. */
  readonly onError: (message: string) => void;
}

/** The wait before connecting again doubles from the first to the last while nothing answers. */
const REOPEN_MS = [100, 2_000] as const;
/** Functions come back later rather than wait, so calls that have all run for so long hang. */
const HANGING_MS = 60_000;

/**
 * A trigger that receives until it is stopped. The function's calls are counted here, whatever link their message came
 * on; what waits for the broker's answer is the link's own, and gone with it.
 */
export class ServiceBusTrigger {
  readonly #options: TriggerOptions;
  readonly #processing = new Set<Promise<void>>();
  /** Messages wait here, locked, for one of the concurrent calls. */
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

  /** Why nothing is received just now; undefined while it is. */
  get trouble(): string | undefined {
    if (!this.#link.isOpen) return `not receiving: ${this.#lastTrouble}`;
    const unchanged = performance.now() - this.#lastChange;
    if (this.#active < this.#options.settings.maxConcurrentCalls || unchanged < HANGING_MS) return undefined;
    return `not receiving: all ${this.#active} calls have been running for ${Math.round(unchanged / 1_000)} s`;
  }

  /** Takes no more messages, and resolves when those being handled are settled and the connection is closed. */
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

  /** What was received on the old link has lost its lock with it, and comes again. */
  #replace(reason: string): void {
    this.#wakeAll();
    if (this.#isStopping) return;
    this.#lastTrouble = reason;
    this.#options.onError(`receive: ${reason}; connecting anew`);
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
    // A message that was not begun goes back as it came: its lock runs out, or the closing link returns it.
    if (this.#isStopping || link.hasEnded) return this.#waiting.shift()?.();
    const hasSucceeded = await this.#call(message);
    if (hasSucceeded && !settings.autoCompleteMessages) return;
    const [outcome, what] = hasSucceeded ? (['complete', 'completing'] as const) : (['abandon', 'abandoning'] as const);
    await link.settle(message, outcome).catch((error: unknown) => {
      // The lock is lost or the broker away: the message comes again.
      onError(`${what} message ${message.messageId}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  /** Runs the function in one of the concurrent calls. Resolves to whether it succeeded. */
  async #call(message: ServiceBusReceivedMessage): Promise<boolean> {
    const { binding, functionTimeout, run, onError } = this.#options;
    this.#count(1);
    try {
      const data = bodyData(message, binding['dataType']);
      const request = {
        inputData: [{ name: binding.name, data }],
        triggerMetadata: triggerMetadata(message, data),
        traceContext: childTrace(message.applicationProperties?.['Diagnostic-Id']),
      };
      await withTimeout(run(request, message), functionTimeout);
      return true;
    } catch (error) {
      onError(`message ${message.messageId}: ${error instanceof Error ? error.message : String(error)}`);
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

/** The real host restarts the worker at this point; here the function runs on, but its message is given back. */
async function withTimeout(work: Promise<void>, ms: number): Promise<void> {
  if (ms === Number.POSITIVE_INFINITY) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, Math.min(ms, 2 ** 31 - 1), new Error(`no end within the functionTimeout of ${ms} ms`));
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
