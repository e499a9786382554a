/** What becomes of a message, case by case; that nothing is lost on the way is in the tests of crashes. */
import { describe, expect, it } from 'vitest';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { MAX_ATTEMPTS } from '../../../shared/delivery/retry-policy.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { type EventDefinition, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentStarted } from '../../../shared/events/deployment.ts';
import { eventReference } from '../../../shared/events/identity.ts';
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
  fail,
  HANDLER,
  worldOf,
} from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';

describe('a message that is no event of this handler', () => {
  const valid = { specversion: '1.0', id: 'x', source: '/ci', type: 'DeploymentRequested' };
  const deliverBody = async (body: unknown, applicationProperties = {}): Promise<DeliveryWorld> => {
    const world = worldOf(fail(new Error('must not run')));
    const timer = (_: number, callback: () => void): (() => void) => {
      callback();
      return () => {};
    };
    await deliver({ definition, handle: done, body, applicationProperties }, world.ports(), { timer });
    return world;
  };

  it.each([
    ['text that is not JSON', 'not JSON', /expected JSON, got "not JSON"/],
    ['JSON that is no object', 42, /expected a CloudEvent as a JSON object, got 42/],
    ['JSON that is no CloudEvent', { hello: 'world' }, /specversion.*id.*source.*type/s],
    ['an empty body', '', /an empty body/],
    [
      'data that fails its schema',
      { ...valid, data: { namespace: 'Shop!', image: '' } },
      /data\.namespace: expected a DNS-1123 label.*got "Shop!".*data\.deployment.*data\.image/s,
    ],
    ['no data', valid, /data: expected an object/],
    [
      'bytes that were no UTF-8',
      { ...valid, data: { ...sampleData.DeploymentRequested, notes: ['a\ufffdb'] } },
      /data\.notes\.0: expected text without .*U\+FFFD.*got "a\ufffdb"/,
    ],
  ])('goes to the errors queue with every issue: %s', async (_, body, description) => {
    const world = await deliverBody(body);

    expect(world.bus.errors()).toMatchObject([{ reason: 'InvalidEvent', subscription: HANDLER }]);
    expect(world.bus.errors()[0]?.description).toMatch(description);
    const sent = world.bus.errors()[0]?.body ?? '';
    expect(sent).toBe(typeof body === 'string' ? body : JSON.stringify(body));
  });

  it('keeps the attributes of a binary-mode event, which are not in its body', async () => {
    const properties = { 'cloudEvents:specversion': '1.0', 'cloudEvents:id': 'x', 'cloudEvents:type': definition.type };

    const world = await deliverBody({ namespace: 'shop' }, properties);

    expect(JSON.parse(world.bus.errors()[0]?.body ?? '')).toEqual({
      specversion: '1.0',
      id: 'x',
      type: 'DeploymentRequested',
      data: { namespace: 'shop' },
    });
  });

  it('keeps all of a body that is nested too deeply for JSON.stringify', async () => {
    const deep = `${'['.repeat(50_000)}{"b":0}${']'.repeat(50_000)}`;
    const text = `{"id":"x","data":[1,"\\"",null,true,{},[]],"more":{"a":${deep},"z":{"y":-1.5}}}`;

    const world = await deliverBody(JSON.parse(text));

    expect(world.bus.errors()).toMatchObject([{ reason: 'InvalidEvent', body: text }]);
    expect(world.bus.errors()[0]?.description).toContain('expected JSON of at most 64 levels');
  });

  it('keeps at most 4 KiB of a description', async () => {
    const attributes = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`bad${n}`, n]));

    const world = await deliverBody({ ...valid, id: 5, data: attributes, source: 'x y'.repeat(3_000) });

    expect(Buffer.byteLength(world.bus.errors()[0]?.description ?? '')).toBeLessThanOrEqual(4_096);
  });

  it('says so of another event that came on this topic, and names both', async () => {
    const other = newEvent(DeploymentStarted, { id: 's', source: '/x', data: sampleData.DeploymentStarted });

    const world = await deliverBody(other);

    expect(world.bus.errors()).toMatchObject([
      {
        reason: 'Misdirected',
        description:
          "expected DeploymentRequested, which the topic 'deployment-requested' carries alone, got DeploymentStarted s",
        subscription: 'deployment-requested',
        type: 'DeploymentStarted',
      },
    ]);
  });

  it('says so of another event in binary mode, and keeps it in one piece', async () => {
    const { data, ...attributes } = newEvent(DeploymentStarted, {
      id: 's',
      source: '/x',
      data: sampleData.DeploymentStarted,
    });
    const names = Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value]);
    const handle = counting(done);
    const world = worldOf(handle);

    const applicationProperties = Object.fromEntries(names);
    await deliver({ definition, handle, body: JSON.stringify(data), applicationProperties }, world.ports());

    expect(handle.runs).toBe(0);
    expect(world.bus.errors()).toMatchObject([
      {
        reason: 'Misdirected',
        description: expect.stringMatching(/expected DeploymentRequested.* got DeploymentStarted s$/),
      },
    ]);
    expect(JSON.parse(world.bus.errors()[0]?.body ?? '')).toMatchObject({ id: 's', type: 'DeploymentStarted', data });
  });

  it('names handler and topic after the event when the catalog does not have it', async () => {
    const stranger = { ...definition, type: 'LoadBalancerFailed' } as unknown as EventDefinition;
    const world = worldOf(done);
    for (const body of [event, 'no event']) {
      await deliver({ definition: stranger, handle: done, body }, world.ports());
    }

    expect(world.bus.errors()).toMatchObject([
      {
        subscription: 'load-balancer-failed',
        description: expect.stringContaining("which the topic 'load-balancer-failed' carries alone"),
      },
      { subscription: 'load-balancer-failed', reason: 'InvalidEvent' },
    ]);
  });

  it('is not blamed for a bug in reading it: it goes back', async () => {
    const world = worldOf(done);
    let reads = 0;
    const body = {
      ...event,
      get data() {
        if (++reads === 1) throw new TypeError('a bug');
        return {};
      },
    };
    const timer = (_: number, callback: () => void): (() => void) => {
      callback();
      return () => {};
    };

    await expect(deliver({ definition, handle: done, body }, world.ports(), { timer })).rejects.toThrow('a bug');

    expect(world.bus.errors()).toEqual([]);
  });

  it.each([
    ['type', { type: 'DeploymentPaused' }, "unknown event type 'DeploymentPaused'"],
    ['version', { dataversion: 2 }, /version 2 is newer than this build/],
  ])('is tried again for a while, unread, when its %s is newer than this build', async (_, newer, description) => {
    const handle = counting(done);
    const world = worldOf(handle);
    const body = { ...event, ...newer };
    await deliver({ definition, handle, body }, world.ports());
    expect(world.bus.errors()).toEqual([]);
    const begun = world.clock.now();

    await world.run();

    expect(handle.runs).toBe(0);
    expect(world.bus.errors()).toMatchObject([
      { reason: 'UnknownEvent', description: expect.stringMatching(description) },
    ]);
    expect(JSON.parse(world.bus.errors()[0]?.body ?? '')).toMatchObject(newer);
    expect(world.clock.now() - begun).toBeGreaterThan(5 * 60_000);
  });
});

describe('the handler', () => {
  it('runs once for an event, and its record says how it ended', async () => {
    const handle = counting(done);
    const world = worldOf(handle);
    await world.publishTwice(event);

    await world.run();

    expect(handle.runs).toBe(1);
    expect(await world.record(HANDLER, event)).toMatchObject({
      status: 'completed',
      type: 'DeploymentRequested',
      subject: 'default/shop/web',
      correlationId: event.correlationid,
      redelivery: 0,
      attempts: 0,
      runs: 1,
    });
  });

  it('publishes what it asked for after it ended, with ids that are the same on every run', async () => {
    let publishedDuring: number | undefined;
    const handle: Behaviour = async (_, { publish }) => {
      publish(DeploymentStarted, sampleData.DeploymentStarted);
      publish(DeploymentStarted, sampleData.DeploymentStarted, { key: 'second', correlationid: 'other' });
      publishedDuring ??= world.bus.events({ type: 'DeploymentStarted' }).length;
    };
    const world = worldOf(handle);
    const again = worldOf(handle);
    await world.bus.publish(event);
    await again.bus.publish(event);

    await world.run();
    await again.run();

    expect(publishedDuring).toBe(0);
    const children = world.bus.events({ type: 'DeploymentStarted' });
    expect(children.map(({ causationid, correlationid }) => ({ causationid, correlationid }))).toEqual([
      { causationid: eventReference(event), correlationid: 'other' },
      { causationid: eventReference(event), correlationid: event.correlationid },
    ]);
    expect(again.bus.events().map(({ id }) => id)).toEqual(world.bus.events().map(({ id }) => id));
  });

  it('publishes nothing of a run that fails', async () => {
    const handle = counting(async (_, { publish }) => {
      publish(DeploymentStarted, sampleData.DeploymentStarted);
      throw new TransientError('wait');
    }, done);
    const world = worldOf(handle);
    await world.bus.publish(event);

    await world.run();

    expect(handle.runs).toBe(2);
    expect(world.bus.events({ type: 'DeploymentStarted' })).toEqual([]);
  });

  it('cannot publish after its run', async () => {
    let late: (() => void) | undefined;
    const world = worldOf(async (_, { publish }) => {
      late = () => publish(DeploymentStarted, sampleData.DeploymentStarted);
    });
    await world.bus.publish(event);
    await world.run();

    expect(() => late?.()).toThrow('deployment-requested publishes DeploymentStarted after its run has ended');
  });

  it('logs with the ids of the event, its own name, the attempt and the redelivery', async () => {
    const handle = counting(fail(new TransientError('wait')), async (_, { log }) => log.info('here', { more: 1 }));
    const world = worldOf(handle);
    await world.bus.publish(event);

    await world.run();

    expect(world.log.lines.find(({ message }) => message === 'here')?.fields).toEqual({
      handler: HANDLER,
      eventId: event.id,
      correlationId: event.correlationid,
      attempt: 2,
      redelivery: 1,
      more: 1,
    });
  });

  it('fails when it takes too long, and what it does later is not heard', async () => {
    let end: (() => void) | undefined;
    const handle = counting(
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
      done,
    );
    const world = worldOf(handle);
    await world.bus.publish(event);
    const timer = (ms: number, callback: () => void): (() => void) => {
      if (ms === 5_000 && handle.runs === 1) callback();
      return () => {};
    };

    await world.run({ handlerTimeoutMs: 5_000, timer });
    end?.();

    expect(handle.runs).toBe(2);
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({
          reason: 'HandlerTimeout',
          error: 'deployment-requested has not ended after 5000 ms',
        }),
      }),
    );
    expect((await world.record(HANDLER, event))?.status).toBe('completed');
  });
});

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
    [new TypeError('a bug'), expect.stringMatching(/^ {4}at .*deliver\.test\.ts/)],
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
