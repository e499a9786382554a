/** Asks again while the app is busy or away. */
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '../errors.ts';

/** Makes up to three attempts, seconds apart, while the app is busy or away. */
export async function retried<T>(
  request: () => Promise<T>,
  wait: (ms: number) => Promise<void> = (ms) => pause(ms),
): Promise<T> {
  for (const waitMs of [500, 2_000]) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await wait(waitMs);
    }
  }
  return request();
}
