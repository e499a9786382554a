/**
 * The credits of a namespace: every operation costs some, and when none are left the next ones are refused until the
 * period is over.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
 */
import { SECOND_MS } from '../../../../duration.ts';
import { BrokerError } from '../broker-error.ts';
import type { ScheduledCall, TimerClock } from '../clock.ts';

const PERIOD_MS = SECOND_MS;
/** What a call of the administration costs; a message that is sent, received, peeked at or filtered costs 1. */
export const ADMINISTRATION_CREDITS = 10;

export class Throttle {
  readonly #clock: TimerClock;
  readonly #creditsPerSecond: number;
  #endsAt = 0;
  #left = 0;

  constructor(clock: TimerClock, creditsPerSecond: number) {
    this.#clock = clock;
    this.#creditsPerSecond = creditsPerSecond;
  }

  /** The operation that spends the last credit may cost more than is left. @throws BrokerError when none are left */
  spend(credits: number): void {
    if (this.isExhausted) {
      throw new BrokerError(
        'com.microsoft:server-busy',
        'The request was terminated because the entity is being throttled. Error code: 50009. Please wait 2 seconds and try again.',
      );
    }
    this.#left -= credits;
  }

  /** Counts what was checked before. */
  take(credits: number): void {
    this.#left -= credits;
  }

  get isExhausted(): boolean {
    const now = this.#clock.now();
    if (now >= this.#endsAt) {
      this.#endsAt = now + PERIOD_MS;
      this.#left = this.#creditsPerSecond;
    }
    return this.#left <= 0;
  }

  /** Runs something when the next period begins. */
  onRefill(run: () => void): ScheduledCall {
    return this.#clock.at(this.#endsAt, run);
  }
}
