/**
 * Runs one timer trigger like the Functions host: at each occurrence of its schedule, and at the start when an occurrence
 * was missed or `runOnStartup` is set. A run never begins before the last one has ended; occurrences that pass meanwhile
 * are made up for by one run right after it.
 *
 * Where it differs: the real host takes a lease on a blob, so that a timer runs on one instance of the app alone, and this is
 * one process; it runs a timer's `retry` policy, and reads schedules in the zone of WEBSITE_TIME_ZONE where the plan has it.
 */
import { describeError } from '../../describe-error.ts';
import { DAY_MS, MINUTE_MS } from '../../duration.ts';
import { systemTimer, type Timer, within } from '../../timeout.ts';
import type { Binding, InvocationRequest } from './core-module.ts';
import { traceContextOf } from './invoke.ts';
import { type ScheduleMonitor, type ScheduleStatus, statusJson } from './schedule-monitor.ts';
import { type HostSettings, resolveNames } from './settings.ts';
import { parseSchedule, type TimerSchedule } from './timer-schedule.ts';

interface TimerTriggerOptions {
  readonly functionName: string;
  readonly binding: Binding & { readonly name: string };
  readonly settings: HostSettings;
  readonly monitor: ScheduleMonitor;
  /** In milliseconds. */
  readonly functionTimeout: number;
  /** Runs the function; rejects when it fails. */
  readonly run: (request: InvocationRequest) => Promise<unknown>;
  /** Takes errors of the function, and of the monitor. */
  readonly onError: (message: string) => void;
  readonly now?: () => number;
  readonly timer?: Timer;
}

/** Why a run begins outside the schedule. */
type Startup = 'past-due' | 'run-on-startup';

/** A longer wait is cut into pieces: `setTimeout` counts in 31 bits. */
const MAX_WAIT_MS = 24 * DAY_MS;

export class TimerTrigger {
  readonly schedule: TimerSchedule;
  readonly #options: TimerTriggerOptions;
  readonly #now: () => number;
  readonly #timer: Timer;
  /** Undefined where the schedule is not monitored. */
  readonly #monitor: ScheduleMonitor | undefined;
  #status: ScheduleStatus;
  #cancelWait: () => void = () => {};
  #running: Promise<void> | undefined;
  #isStopped = false;

  /** @throws ConfigError for a schedule that the host cannot read */
  constructor(options: TimerTriggerOptions) {
    const { functionName, binding, settings, monitor, now = () => Date.now(), timer = systemTimer } = options;
    this.#options = options;
    this.#now = now;
    this.#timer = timer;
    const written = binding['schedule'];
    const schedule = typeof written === 'string' ? resolveNames(written, settings) : written;
    this.schedule = parseSchedule(functionName, schedule);
    const first = this.schedule.nextAfter(now());
    const isFrequent = this.schedule.nextAfter(first) < now() + MINUTE_MS;
    this.#monitor = binding['useMonitor'] === false || isFrequent ? undefined : monitor;
    this.#status = { last: undefined, next: first, lastUpdated: now() };
  }

  /** Begins with what was missed. */
  async start(): Promise<void> {
    const isPastDue = this.#monitor !== undefined && (await this.#readStatus(this.#monitor));
    const startup = isPastDue
      ? 'past-due'
      : this.#options.binding['runOnStartup'] === true
        ? 'run-on-startup'
        : undefined;
    this.#waitUntil(startup ? this.#now() : this.#status.next, startup);
  }

  /** Begins no further run. Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelWait();
    await this.#running;
  }

  /** @returns whether an occurrence was missed */
  async #readStatus(monitor: ScheduleMonitor): Promise<boolean> {
    const now = this.#now();
    const stored = await monitor.read(this.#options.functionName);
    if (!stored) {
      // So that the first occurrence of a new timer is not missed either.
      await this.#writeStatus();
      return false;
    }
    const from = stored.last ?? stored.lastUpdated;
    let next = this.schedule.nextAfter(from);
    this.#status = { ...stored, next };
    if (stored.next !== next) {
      // Another schedule than the one that it was written for: what passed of the new one was not missed.
      if (now > next) next = this.schedule.nextAfter(now);
      this.#status = { last: undefined, next, lastUpdated: now > this.#status.next ? now : from };
      await this.#writeStatus();
    }
    return now > next;
  }

  #waitUntil(time: number, startup?: Startup): void {
    if (this.#isStopped) return;
    const left = Math.max(0, time - this.#now());
    this.#cancelWait = this.#timer(Math.min(left, MAX_WAIT_MS), () => {
      if (left > MAX_WAIT_MS) return this.#waitUntil(time, startup);
      this.#running = this.#invoke(startup).finally(() => {
        this.#running = undefined;
        this.#waitUntil(this.#status.next);
      });
    });
  }

  async #invoke(startup: Startup | undefined): Promise<void> {
    const { binding, functionTimeout, run, onError } = this.#options;
    const now = this.#now();
    const timerInfo = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: this.#monitor ? statusJson(this.#status) : null,
      IsPastDue: startup === 'past-due',
    };
    const running = run({
      inputData: [{ name: binding.name, data: { json: JSON.stringify(timerInfo) } }],
      triggerMetadata: {},
      traceContext: traceContextOf(undefined),
    });
    const late = (): Error => new Error(`the function did not end within the functionTimeout of ${functionTimeout} ms`);
    const limited =
      functionTimeout === Number.POSITIVE_INFINITY ? running : within(functionTimeout, this.#timer, running, late);
    await limited.catch((error: unknown) => onError(describeError(error)));
    // The real host ends the worker of a function that is late; this one goes on, and the next run waits for it.
    await running.catch(() => {});
    // A timer may fire a little early: then the occurrence that it was for must not come again.
    const last = startup === undefined ? Math.max(now, this.#status.next) : now;
    this.#status = { last, next: this.schedule.nextAfter(last), lastUpdated: last };
    if (this.#monitor) await this.#writeStatus();
  }

  async #writeStatus(): Promise<void> {
    const { monitor, functionName, onError } = this.#options;
    await monitor
      .write(functionName, this.#status)
      .catch((error: unknown) => onError(`cannot write the status of its schedule: ${describeError(error)}`));
  }
}
