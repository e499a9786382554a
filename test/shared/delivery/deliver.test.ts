/** What becomes of a message, case by case; that nothing is lost on the way is in the tests of crashes. */
import { describe, expect, it } from 'vitest';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { TransientError } from '../../../shared/errors.ts';
import { type EventDefinition, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentStarted } from '../../../shared/events/deployment.ts';
import { eventReference } from '../../../shared/events/identity.ts';
import {
  type Behaviour,
  counting,
  definition,
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
