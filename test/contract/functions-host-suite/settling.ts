/** What becomes of a message when its function has ended. */
import { expect } from 'vitest';
import type { HostBench } from '../functions-host.ts';

export function settling({ test, send, calls, dead, waiting }: HostBench): void {
  test('a function that fails gives the message back at once, until the broker gives it up', [], async () => {
    await send('failing', { body: Buffer.from('f') });

    expect(await dead('failing', 1)).toEqual(['f']);
    const counts = (await calls('failing', 3)).map(({ metadata }) => metadata['deliveryCount']);
    expect(counts).toEqual([1, 2, 3]);
  });

  test('a retry policy acts in process: three attempts of each of three deliveries', [], async () => {
    await send('retried', { body: Buffer.from('r') });

    await dead('retried', 1);

    const got = await calls('retried', 9);
    expect(got).toHaveLength(9);
    expect(got.map(({ metadata }) => metadata['deliveryCount'])).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3]);
    expect(got.slice(0, 3).map(({ retry }) => retry)).toEqual([
      { retryCount: 0, maxRetryCount: 2 },
      { retryCount: 1, maxRetryCount: 2, exception: expect.objectContaining({ message: expect.any(String) }) },
      { retryCount: 2, maxRetryCount: 2, exception: expect.anything() },
    ]);
  });

  test('without auto-complete a success leaves the lock to end, and the message comes again', [], async () => {
    await send('manual', { body: Buffer.from('m') });
    await calls('manual', 1);

    expect(await waiting('manual')).toEqual(['m']);
    const counts = (await calls('manual', 2)).map(({ metadata }) => metadata['deliveryCount']);
    expect(counts).toEqual([1, 2]);
  });
}
