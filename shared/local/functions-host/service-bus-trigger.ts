/**
 * Receives for one Service Bus trigger: peek-lock, one invocation a message, completed when it succeeds and abandoned
 * at once when it fails, as the Functions host does.
 */
import type {
  ProcessErrorArgs,
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
} from '@azure/service-bus';
import { ConfigError, faultOf } from '../../errors.ts';
import type { Binding, InvocationRequest } from './core-module.ts';
import type { HostJson } from './host-json.ts';
import { childTrace } from './invoke.ts';
import { bodyData, triggerMetadata } from './message-data.ts';
import { resolveNames, type Settings } from './settings.ts';

/** Where a trigger receives from. */
export interface Source {
  readonly topic?: string;
  readonly subscription?: string;
  readonly queue?: string;
}

/** The entity that a binding names. @throws ConfigError for what the local host cannot run */
export function sourceOf(functionName: string, binding: Binding, settings: Settings): Source {
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

export interface TriggerOptions {
  /** A client of the trigger's own, which it closes: a connection that is stuck must not hold up the other triggers. */
  readonly connect: () => ServiceBusClient;
  readonly source: Source;
  readonly binding: Binding & { readonly name: string };
  readonly settings: HostJson['extensions']['serviceBus'];
  /** Milliseconds. */
  readonly functionTimeout: number;
  /** Runs the function; rejects when it fails. */
  readonly run: (request: InvocationRequest, message: ServiceBusReceivedMessage) => Promise<void>;
  /** What went wrong outside the function: connection, lock, settlement. */
  readonly onError: (message: string) => void;
  readonly openingMs?: number;
}

/**
 * How long opening a link may take. When the connection dies meanwhile the SDK waits a minute for the answer that
 * cannot come, and says nothing.
 */
const OPENING_MS = 5_000;

/** One connection, and the receiver on it. */
interface Link {
  readonly client: ServiceBusClient;
  readonly receiver: ServiceBusReceiver;
  readonly subscription: { close(): Promise<void> };
  /** Ends the wait for the link to open. */
  readonly disarm: () => void;
}

/** A trigger that receives until it is stopped. */
export class ServiceBusTrigger {
  readonly #options: TriggerOptions;
  readonly #running = new Set<Promise<void>>();
  /** Prefetched messages wait here, locked, for one of the concurrent calls. */
  readonly #waiting: (() => void)[] = [];
  #link: Link;
  #active = 0;
  #isStopping = false;

  constructor(options: TriggerOptions) {
    this.#options = options;
    this.#link = this.#open();
  }

  /** Takes no more messages, and resolves when those being handled are settled and the connection is closed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const { subscription, client, disarm } = this.#link;
    disarm();
    for (const start of this.#waiting.splice(0)) start();
    await subscription.close();
    while (this.#running.size > 0) await Promise.all(this.#running);
    await client.close();
  }

  #open(): Link {
    const { connect, source, settings, onError, openingMs = OPENING_MS } = this.#options;
    const client = connect();
    const renewal = Math.min(settings.maxAutoLockRenewalDuration, 2 ** 31 - 1);
    // The text must reach the function as it was sent: the library parses it, not the SDK.
    const receiving = { maxAutoLockRenewalDurationInMs: renewal, skipParsingBodyAsJson: true };
    const receiver = source.queue
      ? client.createReceiver(source.queue, receiving)
      : client.createReceiver(source.topic ?? '', source.subscription ?? '', receiving);
    let watchdog: NodeJS.Timeout | undefined;
    const disarm = (): void => clearTimeout(watchdog);
    const handlers = {
      processMessage: (message: ServiceBusReceivedMessage) => this.#track(this.#process(message, receiver)),
      processError: async ({ error, errorSource }: ProcessErrorArgs) => {
        // It tries again by itself, and says so through `preInitialize`.
        disarm();
        // A try that was broken off by stopping is no trouble.
        if (!this.#isStopping) onError(`${errorSource}: ${faultOf(error)}`);
      },
      // Of these two the SDK tells its own callers alone; without them there would only be no watchdog.
      preInitialize: async () => {
        disarm();
        watchdog = setTimeout(() => this.#replace(client), openingMs);
      },
      postInitialize: async () => disarm(),
    };
    const subscription = receiver.subscribe(handlers, {
      autoCompleteMessages: false,
      maxConcurrentCalls: settings.maxConcurrentCalls + settings.prefetchCount,
    });
    return { client, receiver, subscription, disarm };
  }

  /** What was received on the old link has lost its lock with it, and comes again. */
  #replace(client: ServiceBusClient): void {
    if (this.#isStopping || this.#link.client !== client) return;
    this.#options.onError('receive: no answer while connecting; connecting anew');
    this.#link = this.#open();
    client.close().catch(() => {});
  }

  #track(work: Promise<void>): Promise<void> {
    this.#running.add(work);
    return work.finally(() => this.#running.delete(work));
  }

  async #process(message: ServiceBusReceivedMessage, receiver: ServiceBusReceiver): Promise<void> {
    while (this.#active >= this.#options.settings.maxConcurrentCalls && !this.#isStopping) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    // A message that was not begun goes back as it came: its lock runs out, or the closing link returns it.
    if (this.#isStopping) return;
    this.#active++;
    try {
      await this.#invokeAndSettle(message, receiver);
    } finally {
      this.#active--;
      this.#waiting.shift()?.();
    }
  }

  async #invokeAndSettle(message: ServiceBusReceivedMessage, receiver: ServiceBusReceiver): Promise<void> {
    const { binding, settings, functionTimeout, run, onError } = this.#options;
    let succeeded = false;
    try {
      const data = bodyData(message, binding['dataType']);
      const request = {
        inputData: [{ name: binding.name, data }],
        triggerMetadata: triggerMetadata(message, data),
        traceContext: childTrace(message.applicationProperties?.['Diagnostic-Id']),
      };
      await withTimeout(run(request, message), functionTimeout);
      succeeded = true;
    } catch (error) {
      onError(`message ${message.messageId}: ${error instanceof Error ? error.message : String(error)}`);
    }
    try {
      if (!succeeded) await receiver.abandonMessage(message);
      else if (settings.autoCompleteMessages) await receiver.completeMessage(message);
    } catch (error) {
      // The lock is lost or the broker away: the message comes again.
      const what = succeeded ? 'completing' : 'abandoning';
      onError(`${what} message ${message.messageId}: ${faultOf(error)}`);
    }
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
