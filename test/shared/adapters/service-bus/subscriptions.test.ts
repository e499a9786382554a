/** Which subscriptions exist is asked once in a while, and never decided by a fault. */
import { ServiceBusError } from '@azure/service-bus';
import { expect, it } from 'vitest';
import { KnownSubscriptions } from '../../../../shared/adapters/service-bus/subscriptions.ts';
import type { Backlog } from '../../../../shared/ports/bus.ts';

const THERE: Backlog = { count: 0, oldestEnqueuedAt: undefined };

function known(look: () => Promise<Backlog | undefined>) {
  const asked: number[] = [];
  let now = 0;
  const subscriptions = new KnownSubscriptions(
    () => {
      asked.push(now);
      return look();
    },
    () => now,
  );
  const ask = async (at: number): Promise<boolean> => {
    now = at;
    return subscriptions.has('health-check');
  };
  return { asked, ask, subscriptions };
}

it('asks nothing that was just seen', async () => {
  const { asked, ask, subscriptions } = known(async () => THERE);

  subscriptions.learn('health-check', false);
  expect([await ask(0), await ask(4_999)]).toEqual([false, false]);
  subscriptions.learn('health-check', true);
  expect([await ask(5_000), await ask(64_000)]).toEqual([true, true]);

  expect(asked).toEqual([]);
});

it('asks once a minute for one that is there', async () => {
  const { asked, ask } = known(async () => THERE);

  for (const at of [0, 1, 59_999, 60_000, 60_001]) expect(await ask(at)).toBe(true);

  expect(asked).toEqual([0, 60_000]);
});

it('asks after five seconds for one that is missing, so that a new one is used at once', async () => {
  let isThere = false;
  const { asked, ask } = known(async () => (isThere ? THERE : undefined));

  expect([await ask(0), await ask(4_999)]).toEqual([false, false]);
  isThere = true;
  expect(await ask(5_000)).toBe(true);

  expect(asked).toEqual([0, 5_000]);
});

it('asks once for many that come at the same time', async () => {
  const { asked, ask } = known(async () => THERE);

  await Promise.all(Array.from({ length: 100 }, () => ask(0)));

  expect(asked).toEqual([0]);
});

it('takes a broker that does not answer for no answer, and asks again', async () => {
  let isAway = true;
  const { ask } = known(async () => {
    if (isAway) throw new ServiceBusError('no route', 'ServiceCommunicationProblem');
    return THERE;
  });

  await expect(ask(0)).rejects.toThrow('no route');
  isAway = false;

  expect(await ask(1)).toBe(true);
});

it('lets those send who have no right to look', async () => {
  const { ask } = known(async () => {
    throw new ServiceBusError("Unauthorized access. 'Listen' claim(s) are required", 'UnauthorizedAccess');
  });

  expect(await ask(0)).toBe(true);
});
