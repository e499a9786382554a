/** The app over HTTP, for other services: publishes events, and waits for what becomes of them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryEntry } from '../api/events.ts';
import { parseDuration } from '../duration.ts';
import { ConfigError } from '../errors.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { addressFault } from './app-address.ts';
import { AppClient } from './app-client.ts';
import type { Hints } from './app-request.ts';
import { type ChainEnd, follow } from './follow.ts';
import { retried } from './retried.ts';

export interface PlatformClientOptions {
  /** A function key, where the app asks for keys. */
  readonly key?: string | undefined;
  /** A bearer token, where the app has `HttpAuth=tokens`; a function is asked before every request. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Allows plain http to other machines than this one: the key would be sent unencrypted. */
  readonly allowInsecureHttp?: boolean | undefined;
}

const HINTS: Hints = {
  unreachable: 'is it running, and is this its address?',
  unauthenticated: "give a function key as the option 'key', or a token as 'token'",
  address: "give the app's own address",
};

/**
 * @example
 * const platform = new PlatformClient('https://events.example.com', { token });
 * await platform.publish(event);
 * const { ending, why } = await platform.waitForEnd(event);
 */
export class PlatformClient {
  readonly #url: string;
  readonly #options: PlatformClientOptions;

  /** @param url the app's address. @throws ConfigError for one that is none, or would get a key unencrypted */
  constructor(url: string, options: PlatformClientOptions = {}) {
    const wording = { key: "the option 'key'", allowing: "the option 'allowInsecureHttp'" };
    const wrong = addressFault(url, options.allowInsecureHttp ?? false, wording);
    if (wrong !== undefined) throw new ConfigError(`url: ${wrong}`);
    this.#url = url;
    this.#options = options;
  }

  /**
   * Resolves when the app has accepted all of them; they are handled later. Asked up to three times while the app is away:
   * none arrives twice.
   *
   * @throws PermanentError with the app's reasons, and then none is published @throws TransientError while it is away
   */
  async publish(events: PlatformEvent | readonly PlatformEvent[]): Promise<void> {
    if (Array.isArray(events) && events.length === 0) return;
    await retried(async () => void (await (await this.#app()).publish(events)));
  }

  /**
   * Follows an event and what it causes until the chain has ended, or the time is up. It may also have been published on
   * Service Bus.
   *
   * @throws PermanentError when the app refuses to tell @throws TransientError when it is away at the end of the time
   */
  async waitForEnd(event: CloudEvent, { timeout = '10m', onEntry = () => {} }: WaitOptions = {}): Promise<ChainEnd> {
    return follow({
      app: { history: async (filter) => (await this.#app()).history(filter) },
      event,
      correlationId: event.correlationid,
      timeoutMs: parseDuration(timeout),
      onEntry,
      now: () => performance.now(),
      pause: (ms) => pause(ms),
    });
  }

  async #app(): Promise<AppClient> {
    const { key, token } = this.#options;
    return new AppClient(this.#url, { key, token: typeof token === 'function' ? await token() : token }, HINTS);
  }
}

export interface WaitOptions {
  /** Such as `90s` or `10m`, which it is unless given. */
  readonly timeout?: string | undefined;
  /** Takes every event of the chain when it appears and when it changes. */
  readonly onEntry?: ((entry: HistoryEntry) => void) | undefined;
}
