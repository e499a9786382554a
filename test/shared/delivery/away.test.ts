/** What becomes of an event while the store, the broker or a channel is away. */
import { describe, expect, it } from 'vitest';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { MAX_ATTEMPTS } from '../../../shared/delivery/retry-policy.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { DeploymentStarted } from '../../../shared/events/deployment.ts';
import { requeueAfter } from '../../../shared/ports/handler.ts';
import {
  away,
  type Behaviour,
  counting,
  deadFrom,
  definition,
  deliverNext,
  done,
  event,
  HANDLER,
  worldOf,
} from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';

describe('what the delivery stands on', () => {
  it('may lose the store for a while: the message is scheduled again, and nothing is dead-lettered', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    const back = world.clock.now() + 10_000;
    const gate = away(['get', 'transact', 'put', 'query'], () => world.clock.now() < back);

    while ((await world.record(HANDLER, event))?.status !== 'completed') await deliverNext(world, gate);
    await world.run();

    expect(handle.runs).toBe(1);
    expect(world.bus.errors()).toEqual([]);
  });

  it('may lose the store while a handler runs', async () => {
    const handle = counting(async (_, { publish }) => publish(DeploymentStarted, sampleData.DeploymentStarted));
    const world = worldOf(handle);
    await world.bus.publish(event);
    const back = world.clock.now() + 10_000;

    await deliverNext(
      world,
      away(['put'], () => world.clock.now() < back),
    );
    await world.run();

    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', runs: 2 });
    expect(world.bus.events({ type: 'DeploymentStarted' })).toHaveLength(1);
    expect(world.bus.errors()).toEqual([]);
  });

  it('dead-letters what the store could not be asked about for half an hour', async () => {
    const world = worldOf(done);
    await world.bus.publish(event);
    const gate = away(['get', 'transact', 'put'], () => true);

    while (world.bus.errors().length === 0) await deliverNext(world, gate);

    expect(world.bus.errors()).toMatchObject([{ reason: 'Transient', description: 'transact away' }]);
    expect(world.isIdle).toBe(true);
  });

  it('may lose the broker: the message goes back to it, after a pause that grows', async () => {
    const pauses: number[] = [];
    const handle = counting(async () => requeueAfter(1_000), done);
    const world = worldOf(handle);
    const ports = world.ports(away(['schedule'], () => true));
    const timer = (ms: number, callback: () => void): (() => void) => {
      if (ms < 7_000) pauses.push(ms);
      if (ms !== 7_000) callback();
      return () => {};
    };

    for (const deliveryCount of [1, 2, 3]) {
      const delivery = { definition, handle, body: event, deliveryCount };
      await expect(deliver(delivery, ports, { timer, handlerTimeoutMs: 7_000 })).rejects.toThrow('schedule away');
    }

    expect(pauses).toEqual([500, 1_000, 2_000]);
    expect((await world.record(HANDLER, event))?.status).toBe('waiting');
    await world.bus.publish(event); // it comes again
    await world.run();
    expect((await world.record(HANDLER, event))?.status).toBe('completed');
  });
});

describe('a notification that no channel takes', () => {
  const notice = { key: 'k', severity: 'warning', title: 'look at it', text: 'now', event } as const;
  const tell: Behaviour = async (_, { notifier, publish }) => {
    await notifier.notify(notice);
    publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: event.id });
  };
  const refusal = new PermanentError('notifications.channels.0 (MAIN): answered 404');
  const outage = new TransientError('notifications.channels.0 (MAIN): answered 503', { retryAfterMs: 60_000 });

  async function failing(error: Error, handle = tell): Promise<DeliveryWorld> {
    const world = worldOf(handle);
    world.notify = () => Promise.reject(error);
    await world.bus.publish(event);
    return world;
  }

  it.each([refusal, outage])('costs the event none of its work: $message', async (error) => {
    const world = await failing(error);

    await deliverNext(world);

    expect(world.bus.events({ type: 'DeploymentStarted' })).toHaveLength(1);
  });

  it.each([
    [refusal, undefined],
    [new TypeError('a bug'), expect.stringMatching(/^ {4}at .*away\.test\.ts/)],
  ])('is logged with its stack where it is a bug: $message', async (error, stack) => {
    const world = await failing(error);

    await deliverNext(world);

    const lines = world.log.lines.filter(({ message }) => message === 'notification failed');
    const fields = { error: error.message, stack, handler: HANDLER, eventId: event.id };
    expect(lines).toMatchObject(stack ? [{ level: 'error', fields }] : []);
  });

  it('is named with every other that none took', async () => {
    const tellTwice: Behaviour = async (_, { notifier }) => {
      for (const title of ['one', 'two']) await notifier.notify({ ...notice, title });
    };
    const world = await failing(refusal, tellTwice);

    await world.run();

    const failure = (title: string) => `notification '${title}' failed: ${refusal.message}`;
    expect(world.bus.errors()).toMatchObject([{ description: `${failure('one')}; ${failure('two')}` }]);
  });

  it('is retried after the delay that the channel asks for, and the event completes once it is sent', async () => {
    const world = await failing(outage);
    await deliverNext(world);
    expect(await world.record(HANDLER, event)).toMatchObject({
      ...{ status: 'waiting', reason: 'NotificationFailed', dueAt: world.clock.now() + 60_000 },
      error: `notification 'look at it' failed: ${outage.message}`,
    });

    world.notify = async () => {};
    await world.run();

    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', runs: 2 });
    expect(world.bus.errors()).toEqual([]);
    expect(world.bus.events({ type: 'DeploymentStarted' })).toHaveLength(1);
  });

  it.each([
    ['an outage, after the last attempt', outage, MAX_ATTEMPTS],
    ['a refusal, at once', refusal, 1],
  ])('is in the errors queue, and the event is completed: %s', async (_, error, runs) => {
    const world = await failing(error);

    await world.run();

    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', runs });
    expect(world.bus.errors()).toMatchObject([
      {
        ...{ reason: 'NotificationFailed', subscription: HANDLER },
        description: `notification 'look at it' failed: ${error.message}`,
      },
    ]);
    expect(world.bus.events({ type: 'DeploymentStarted' })).toHaveLength(1);
  });

  it.each([refusal, outage])(
    'is in the errors queue once when the event is not yet completed: $message',
    async (error) => {
      const notifyAndWait: Behaviour = async (...args) => {
        await tell(...args);
        return requeueAfter(1_000);
      };
      // The first run dies before the entry is in the queue, and is done again.
      const handle = counting(notifyAndWait, notifyAndWait, done);
      const world = await failing(error, handle);

      world.take(deadFrom('deadLetter'));
      await world.run();

      expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', runs: 3 });
      expect(world.bus.errors()).toHaveLength(1);
    },
  );
});
