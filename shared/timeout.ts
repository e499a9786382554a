/** Waiting no longer than a time. */
import { TransientError } from './errors.ts';

/** Calls back after so many milliseconds, unless the returned function is called before. */
export type Timer = (ms: number, callback: () => void) => () => void;

export const systemTimer: Timer = (ms, callback) => {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
};

/** Rejects when the work has not ended in that time; it goes on all the same. */
export function within<T>(
  ms: number,
  timer: Timer,
  work: Promise<T>,
  lateness = (): Error => new TransientError(`no answer within ${ms} ms`),
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timer(ms, () => reject(lateness()));
    work.then(resolve, reject).then(cancel);
  });
}
