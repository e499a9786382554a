/** What is replayed has ids of its own: none of them is taken for a message that came before it. */
import { expect, it } from 'vitest';
import { replayUnjudged } from '../../../shared/delivery/automatic-replay.ts';
import { replay } from '../../../shared/delivery/replay.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import { away, counting, deliverNext, done, event, HANDLER, worldOf } from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';

const noStore = away(['transact', 'get', 'put', 'insert'], () => true);

/** The broker gives up what is there: no worker takes it. */
async function giveUp(world: DeliveryWorld): Promise<void> {
  const queue = world.bus.broker.resolve(`deployment-requested/Subscriptions/${HANDLER}`);
  while (queue.peek(0, 1).length === 0 && world.clock.runNext(Number.POSITIVE_INFINITY)) await flushPromises();
  for (let [held] = queue.receive(1); held; [held] = queue.receive(1)) queue.abandon(held);
}

it.each([
  ['by itself', (world: DeliveryWorld) => replayUnjudged(world.ports())],
  ['by a person', (world: DeliveryWorld) => replay(world.bus.errors()[0]?.sequenceNumber ?? '', world.ports())],
])('an event replayed %s is not lost while the store is away again', async (_, replayed) => {
  const handle = counting(done);
  const world = worldOf(handle);
  await world.bus.publish(event);
  await deliverNext(world, noStore);
  await giveUp(world);
  expect(world.bus.errors()).toMatchObject([{ reason: 'MaxDeliveryCountExceeded' }]);

  await world.clock.advance('1m');
  await replayed(world);
  expect(world.bus.errors()).toEqual([]);
  await deliverNext(world, noStore);
  await world.run();

  expect(handle.runs).toBe(1);
  expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed' });
});
