/** The timers of this process, each with its schedule. */
import type { Ports } from '../ports/handler.ts';

/**
 * Does what is due. Runs on one instance at a time, but may be run again after a failure, or twice when an instance dies
 * on the way: what it does must stand that.
 */
export type TimerHandler = (ports: Ports) => Promise<void>;

export interface TimerFunction {
  /** The function's name. */
  readonly name: string;
  /** NCRONTAB, in UTC: `{second} {minute} {hour} {day} {month} {day of week}`. */
  readonly schedule: string;
}

interface TimerRegistration extends TimerFunction {
  readonly handle: TimerHandler;
}

const registrations = new Map<string, TimerRegistration>();

/** Every timer registered in this process, by name. */
export function registeredTimers(): ReadonlyMap<string, TimerRegistration> {
  return registrations;
}

/** @throws TypeError when there is a timer of that name */
export function registerTimer(timer: TimerFunction, handle: TimerHandler): void {
  if (registrations.has(timer.name)) throw new TypeError(`there is a timer '${timer.name}' already`);
  registrations.set(timer.name, { ...timer, handle });
}
