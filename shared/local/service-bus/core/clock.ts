/** The broker's source of time and timers: the system's, or a virtual one that tests advance. */
import { parseDuration } from '../../../duration.ts';
import type { Clock } from '../../../ports/clock.ts';
import { AscendingQueue, type QueuePlace, TimedPlace } from './ascending-queue.ts';

/** A clock with timers. */
export interface TimerClock extends Clock {
  /**
   * Runs the callback once: at that time, or as soon as possible when it is past. Never runs it before `at` returns.
   */
  at(time: number, run: () => void): ScheduledCall;
}

export interface ScheduledCall {
  /** Keeps the callback from running. Cancelling twice is harmless. */
  cancel(): void;
}

/** The limit of setTimeout; a longer wait is cut into pieces. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Real time. Its timers do not keep a process alive. */
export class SystemClock implements TimerClock {
  now(): number {
    return Date.now();
  }

  at(time: number, run: () => void): ScheduledCall {
    let handle: NodeJS.Timeout;
    const wait = (): void => {
      const left = time - Date.now();
      handle = setTimeout(left > MAX_TIMEOUT_MS ? wait : wake, Math.min(Math.max(left, 0), MAX_TIMEOUT_MS));
      handle.unref();
    };
    // A timeout may fire up to a millisecond early by the wall clock. The callback must find its deadline passed.
    const wake = (): void => (Date.now() < time ? wait() : run());
    wait();
    return { cancel: () => clearTimeout(handle) };
  }
}

/** Lets all promises settle that wait for nothing outside the process. */
export function flushPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Time that stands still until it is advanced. Timers run in the order of their times, and equal ones in the order in
 * which they were set. Promises can settle after each timer.
 *
 * @example
 * const clock = new VirtualClock();
 * const broker = createBroker({ clock });
 * await clock.advance('5m');
 */
export class VirtualClock implements TimerClock {
  #now: number;
  readonly #timers = new AscendingQueue<VirtualTimer>();

  constructor(start: number | string = '2026-01-01T00:00:00Z') {
    this.#now = typeof start === 'number' ? start : Date.parse(start);
    if (!Number.isFinite(this.#now)) throw new RangeError(`expected a time to start at, got ${JSON.stringify(start)}`);
  }

  now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): ScheduledCall {
    const timer = new VirtualTimer(run);
    this.#timers.add(timer.place, time);
    return { cancel: () => this.#timers.remove(timer.place) };
  }

  /** When the next timer is due; undefined without timers. */
  get nextAt(): number | undefined {
    return this.#timers.size === 0 ? undefined : this.#timers.firstKey();
  }

  /**
   * Advances the time by milliseconds, or by a duration such as `5m`, and runs the timers that fall due. `settle` is
   * awaited before the first timer and after each one.
   */
  async advance(by: number | string, settle: () => Promise<void> = flushPromises): Promise<void> {
    const ms = typeof by === 'number' ? by : parseDuration(by);
    if (!(ms >= 0)) throw new RangeError(`expected a time to advance by, got ${ms} ms`);
    const time = this.#now + ms;
    await settle();
    while (this.runNext(time)) await settle();
    this.#now = Math.max(this.#now, time);
  }

  /** Advances the time to that moment, without letting promises settle on the way. */
  runTo(time: number): void {
    while (this.runNext(time));
    this.#now = Math.max(this.#now, time);
  }

  /** Advances the time to the next timer and runs it, when it is due by `until`. @returns whether a timer ran */
  runNext(until: number = this.#now): boolean {
    if (this.#timers.firstKey() > until) return false;
    const timer = this.#timers.shift();
    if (!timer) return false;
    this.#now = Math.max(this.#now, timer.place.key);
    timer.run();
    return true;
  }
}

class VirtualTimer {
  readonly run: () => void;
  readonly place: QueuePlace<VirtualTimer>;

  constructor(run: () => void) {
    this.run = run;
    this.place = new TimedPlace(this);
  }
}
