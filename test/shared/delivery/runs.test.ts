/** What becomes of a message while another run of its event is under way, or has vanished. */
import { describe, expect, it } from 'vitest';
import { replay } from '../../../shared/delivery/replay.ts';
import { MAX_ATTEMPTS } from '../../../shared/delivery/retry-policy.ts';
import { NotFoundError, TransientError } from '../../../shared/errors.ts';
import { DeploymentFailed, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { requeueAfter } from '../../../shared/ports/handler.ts';
import {
  away,
  type Behaviour,
  counting,
  deadFrom,
  deliverNext,
  done,
  event,
  fail,
  HANDLER,
  worldOf,
} from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import type { Gate } from '../../support/process.ts';

/** The store takes what it is given, and its answers are lost. */
const unheard: Gate = async (call, name) => {
  const answer = await call();
  if (name === 'transact' || name === 'put') throw new TransientError(`${name}: no answer`);
  return answer;
};

describe('another run', () => {
  it('comes after the delay that a handler asks for, as often as it asks', async () => {
    const times: number[] = [];
    const look: Behaviour = async () => {
      times.push(world.clock.now());
      return times.length < 20 ? requeueAfter(2_000) : undefined;
    };
    const world = worldOf(look);
    await world.bus.publish(event);

    await world.run();

    expect(times.slice(1).map((time, n) => time - (times[n] ?? 0))).toEqual(Array(19).fill(2_000));
    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', redelivery: 19, runs: 20 });
  });

  it('comes at once when a handler asks for no delay', async () => {
    const handle = counting(async () => requeueAfter(0), done);
    const world = worldOf(handle);
    const begun = world.clock.now();
    await world.bus.publish(event);

    await world.run();

    expect([handle.runs, world.clock.now() - begun]).toEqual([2, 0]);
    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', attempts: 0 });
  });

  it('counts what was published into its own chain, and twice only once', async () => {
    const publish =
      (...keys: string[]): Behaviour =>
      async (_, ports) => {
        for (const key of keys) ports.publish(DeploymentStarted, sampleData.DeploymentStarted, { key });
        ports.publish(DeploymentFailed, sampleData.DeploymentFailed, { correlationid: 'of another' });
        return requeueAfter(0);
      };
    const world = worldOf(counting(publish('a', 'b'), publish('a'), fail(new TransientError('x')), done));
    await world.bus.publish(event);

    await world.run();

    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', runs: 4, caused: 2 });
  });

  it('counts what was published by a run after which nobody could be notified', async () => {
    const world = worldOf(async (_, ports) => {
      ports.publish(DeploymentStarted, sampleData.DeploymentStarted);
      await ports.notifier.notify({ key: 'k', severity: 'info', title: 'look', text: 'now', event });
    });
    world.notify = fail(new TransientError('away')) as () => Promise<never>;
    await world.bus.publish(event);

    await deliverNext(world);

    // Whoever follows the chain does not wait for the notification, but for what it caused.
    expect(await world.record(HANDLER, event)).toMatchObject({
      status: 'waiting',
      reason: 'NotificationFailed',
      caused: 1,
    });
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('does not come after %d ms', async (ms) => {
    const world = worldOf(counting(async () => requeueAfter(ms), done));
    await world.bus.publish(event);

    await world.run();

    expect(world.log.lines.map(({ fields }) => fields['error'])).toContain(
      `deployment-requested asks to be requeued after ${ms} ms`,
    );
  });

  it('comes no earlier than a service asked for', async () => {
    const times: number[] = [];
    const world = worldOf(async () => {
      times.push(world.clock.now());
      if (times.length === 1) throw new TransientError('wait', { retryAfterMs: 90_000 });
    });
    await world.bus.publish(event);

    await world.run();

    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(90_000);
  });

  it('comes twelve times in a row at most, then the event is dead-lettered with the last error', async () => {
    const handle = counting(fail(new Error('no idea')));
    const world = worldOf(handle);
    await world.bus.publish(event);

    await world.run();

    expect(handle.runs).toBe(MAX_ATTEMPTS);
    expect(world.bus.errors()).toMatchObject([{ reason: 'Error', description: 'no idea', subscription: HANDLER }]);
    expect(await world.record(HANDLER, event)).toMatchObject({
      status: 'dead-lettered',
      attempts: MAX_ATTEMPTS,
      error: 'no idea',
    });
  });

  it('counts attempts anew after a run that asks to be requeued', async () => {
    const flaky = Array.from({ length: 60 }, (_, n) =>
      n % 2 === 0 ? fail(new Error('flaky')) : async () => requeueAfter(1),
    );
    const handle = counting(...flaky, done);
    const world = worldOf(handle);
    await world.bus.publish(event);

    await world.run();

    expect(handle.runs).toBe(61);
    expect(world.bus.errors()).toEqual([]);
  });

  it('does not come after a permanent error', async () => {
    const handle = counting(fail(new NotFoundError('no such deployment')));
    const world = worldOf(handle);
    await world.bus.publish(event);

    await world.run();

    expect(handle.runs).toBe(1);
    expect(world.bus.errors()).toMatchObject([{ reason: 'NotFound', description: 'no such deployment' }]);
    expect(JSON.parse(world.bus.errors()[0]?.body ?? '')).toEqual(event);
  });

  it('comes for a dead-lettered event that is replayed as its next redelivery, with fresh attempts', async () => {
    const handle = counting(...Array(MAX_ATTEMPTS).fill(fail(new Error('down'))), fail(new Error('still')), done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    await world.run();
    const redelivery = ((await world.record(HANDLER, event))?.redelivery ?? 0) + 1;

    await world.bus.schedule({ event, at: world.clock.now(), to: HANDLER, redelivery, messageId: 'replay-1' });
    await world.run();

    expect(handle.runs).toBe(MAX_ATTEMPTS + 2);
    expect((await world.record(HANDLER, event))?.status).toBe('completed');
  });
});

describe('a run that vanished', () => {
  it('leaves the event to the next when its lease is over, and counts as an attempt', async () => {
    const attempts: unknown[] = [];
    const world = worldOf(async (_, { log }) => log.info('run'));
    await world.bus.publish(event);
    void deliverNext(world, deadFrom('put'));
    await new Promise(setImmediate);
    const dead = await world.record(HANDLER, event);
    world.returnLocks();

    await deliverNext(world);
    expect(await world.record(HANDLER, event)).toEqual(dead);
    await world.run();

    for (const { message, fields } of world.log.lines) if (message === 'run') attempts.push(fields['attempt']);
    expect(attempts).toEqual([1, 2]);
    const ended = await world.record(HANDLER, event);
    expect(ended).toMatchObject({ status: 'completed', runs: 2 });
    expect(ended?.updatedAt).toBeGreaterThanOrEqual(dead?.leaseUntil ?? Number.POSITIVE_INFINITY);
  });

  it('is not waited for longer than a lease, whatever the clock of its machine said', async () => {
    const day = 24 * 3_600_000;
    const world = worldOf(done);
    await world.bus.publish(event);
    void deliverNext(world, deadFrom('put'), day);
    await new Promise(setImmediate);
    world.returnLocks();
    const begun = world.clock.now();

    await world.run();

    expect((await world.record(HANDLER, event))?.status).toBe('completed');
    expect(world.clock.now() - begun).toBeLessThan(5 * 60_000);
  });

  it('is waited for twice when the store is unavailable in between', async () => {
    const world = worldOf(done);
    await world.bus.publish(event);
    void deliverNext(world, deadFrom('put'), 24 * 3_600_000);
    await new Promise(setImmediate);
    world.returnLocks();
    await deliverNext(world); // waits for the lease
    await deliverNext(
      world,
      away(['get', 'transact'], () => true),
    ); // has waited; the store is away

    await world.run();

    expect((await world.record(HANDLER, event))?.status).toBe('completed');
  });

  /** Takes what comes next, and dies in writing down how the run of the handler ended. */
  async function vanish(world: DeliveryWorld, handle: { readonly runs: number }): Promise<void> {
    const { runs } = handle;
    while (handle.runs === runs) {
      const die: Gate = (call, name) => (handle.runs > runs && name === 'put' ? new Promise(() => {}) : call());
      await Promise.race([deliverNext(world, die), new Promise(setImmediate)]);
    }
    world.returnLocks();
  }

  it('dead-letters the event when it is the third in a row: it may be what ends the process', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    for (let crash = 1; crash <= 3; crash++) await vanish(world, handle);

    await world.run();

    expect(handle.runs).toBe(3);
    expect(world.bus.errors()).toMatchObject([{ reason: 'WorkerCrashed', subscription: HANDLER, attempts: 3 }]);
    expect(world.bus.errors()[0]?.description).toMatch(
      /^deployment-requested .* DeploymentRequested request-1.*worker/,
    );
    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'dead-lettered', reason: 'WorkerCrashed' });
  });

  it.each([
    ['fails', fail(new Error('wait'))],
    ['asks to be requeued', async () => requeueAfter(1)],
  ])('is the first of a new row after one that %s', async (_, end) => {
    const handle = counting(done, done, end, done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    for (let crash = 1; crash <= 2; crash++) await vanish(world, handle);
    while (handle.runs < 3) await deliverNext(world);
    for (let crash = 1; crash <= 2; crash++) await vanish(world, handle);

    await world.run();

    expect(handle.runs).toBe(6);
    expect((await world.record(HANDLER, event))?.status).toBe('completed');
    expect(world.bus.errors()).toEqual([]);
  });

  it('is forgotten when the event is replayed', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    for (let crash = 1; crash <= 3; crash++) await vanish(world, handle);
    await world.run();
    await replay(world.bus.errors()[0]?.sequenceNumber ?? '', world.ports());
    for (let crash = 1; crash <= 2; crash++) await vanish(world, handle);

    await world.run();

    expect(handle.runs).toBe(6);
    expect((await world.record(HANDLER, event))?.status).toBe('completed');
  });

  it('is not one that fails while the errors queue is full', async () => {
    const handle = counting(fail(new NotFoundError('no such deployment')));
    const world = worldOf(handle);
    await world.bus.publish(event);
    for (let n = 0; n < 5; n++)
      await deliverNext(
        world,
        away(['deadLetter'], () => true),
      );

    await world.run();

    expect(world.bus.errors()).toMatchObject([{ reason: 'NotFound', description: 'no such deployment' }]);
  });

  it('is not one that never heard that it had claimed the event', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    for (let n = 0; n < 6; n++) await deliverNext(world, unheard);

    await world.run();

    expect([handle.runs, (await world.record(HANDLER, event))?.runs]).toEqual([1, 1]);
    expect((await world.record(HANDLER, event))?.status).toBe('completed');
    expect(world.bus.errors()).toEqual([]);
  });

  it('stays one when the next did not hear that it had taken over', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    for (let crash = 1; crash <= 2; crash++) await vanish(world, handle);
    // It waits for the lease, and then takes over.
    await deliverNext(world);
    await deliverNext(world, unheard);
    await vanish(world, handle);

    await world.run();

    expect(handle.runs).toBe(3);
    expect(world.bus.errors()).toMatchObject([{ reason: 'WorkerCrashed' }]);
  });

  it('is not one that ends while the record cannot be written', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.bus.publish(event);
    while (handle.runs < 5) {
      const { runs } = handle;
      const gate = away(['put'], () => handle.runs > runs);
      await deliverNext(world, gate);
    }

    await world.run();

    expect((await world.record(HANDLER, event))?.status).toBe('completed');
    expect(world.bus.errors()).toEqual([]);
  });
});
