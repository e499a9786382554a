import { describe, expect, it } from 'vitest';
import { newEvent } from '../../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../../shared/events/deployment.ts';
import { eventKey } from '../../../../shared/events/identity.ts';
import { VirtualClock } from '../../../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../../../shared/local/testing/in-memory-event-bus.ts';
import type { ReceivedMessage } from '../../../../shared/ports/bus.ts';

function request(deployment: string) {
  return newEvent(DeploymentRequested, {
    source: '/test',
    data: { namespace: 'shop', deployment, image: 'registry.example.com/shop/web:1' },
  });
}

const TOPIC = 'deployment-requested';
const HANDLER = 'deployment-requested';

describe('InMemoryEventBus', () => {
  it('delivers what was published, once per id, and keeps it for looking at', async () => {
    const bus = new InMemoryEventBus();
    const seen: string[] = [];
    bus.subscribe(TOPIC, HANDLER, async ({ messageId }) => void seen.push(messageId));
    const [a, b] = [request('a'), request('b')];

    await bus.publishAll([a, b]);
    await bus.publish(a);
    await bus.settled();

    expect(seen).toEqual([eventKey(a), eventKey(b)]);
    expect(bus.events({ type: 'DeploymentRequested' })).toEqual([b, a]);
    expect(bus.events({ limit: 1 })).toEqual([b]);
    expect(bus.events({ type: 'HealthCheck' })).toEqual([]);
  });

  it('keeps no more events than its capacity', async () => {
    const bus = new InMemoryEventBus({ capacity: 2 });
    const [a, b, c] = [request('a'), request('b'), request('c')];

    await bus.publishAll([a, b, c]);

    expect(bus.events()).toEqual([c, b]);
  });

  it('delivers again what a subscriber rejects, and dead-letters it after the last delivery', async () => {
    const bus = new InMemoryEventBus();
    const attempts: number[] = [];
    bus.subscribe(TOPIC, HANDLER, async ({ deliveryCount }) => {
      attempts.push(deliveryCount);
      throw new Error('no');
    });

    await bus.publish(request('a'));
    await bus.settled();

    expect(attempts).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(bus.errors()).toMatchObject([{ reason: 'MaxDeliveryCountExceeded', subscription: HANDLER }]);
  });

  it('delivers a scheduled redelivery to its one subscription when virtual time comes to it', async () => {
    const bus = new InMemoryEventBus();
    const seen: [number, string][] = [];
    bus.subscribe(TOPIC, HANDLER, async ({ messageId }) => void seen.push([bus.clock.now(), messageId]));
    const event = request('a');
    const start = bus.clock.now();
    const later = { event, to: HANDLER, redelivery: 1, unrecordedAttempts: 0, awaitedRunId: undefined };

    await bus.schedule({ ...later, at: start + 60_000, messageId: `${event.id}:1` });
    await bus.schedule({ ...later, at: start + 30_000, messageId: `${event.id}:1` });
    await bus.advance('5m');

    expect(seen).toEqual([[start + 60_000, `${event.id}:1`]]);
    expect(bus.clock.now()).toBe(start + 300_000);
  });

  it('hands out copies: what one receiver does to a body no other receiver sees', async () => {
    const bus = new InMemoryEventBus();
    const bodies: string[] = [];
    let isFirst = true;
    bus.subscribe(TOPIC, HANDLER, async ({ body }: ReceivedMessage) => {
      if (!Buffer.isBuffer(body)) throw new Error('expected bytes');
      bodies.push(body.toString());
      body.fill(0);
      if (isFirst) {
        isFirst = false;
        throw new Error('again');
      }
    });
    const event = request('a');

    await bus.publish(event);
    await bus.settled();

    expect(bodies).toEqual([JSON.stringify(event), JSON.stringify(event)]);
    expect(bus.events()).toEqual([event]);
  });

  it('renews the lock of a subscriber that takes long', async () => {
    const clock = new VirtualClock();
    const bus = new InMemoryEventBus({ clock });
    let finish = (): void => {};
    let runs = 0;
    bus.subscribe(TOPIC, HANDLER, () => {
      runs++;
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    await bus.publish(request('a'));
    await Promise.resolve();

    // Not by advance(), which would wait for the handler.
    clock.runTo(clock.now() + 600_000);
    finish();
    await bus.settled();

    expect(runs).toBe(1);
    expect(bus.broker.getSubscription(TOPIC, HANDLER).counts.totalMessageCount).toBe(0);
  });

  it('stops when asked, after the last callback ended', async () => {
    const bus = new InMemoryEventBus();
    const log: string[] = [];
    const stop = bus.subscribe(TOPIC, HANDLER, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      log.push('handled');
    });
    await bus.publish(request('a'));
    await Promise.resolve();

    await stop();
    log.push('stopped');
    await bus.publish(request('b'));
    await bus.settled();

    expect(log).toEqual(['handled', 'stopped']);
  });
});

describe('faults', () => {
  const handled = async (bus: InMemoryEventBus): Promise<string[]> => {
    const seen: string[] = [];
    bus.subscribe(TOPIC, HANDLER, async ({ messageId }) => void seen.push(messageId));
    await bus.settled();
    return seen;
  };

  it('fails the nth publish, as a fault that may pass', async () => {
    const bus = new InMemoryEventBus();
    bus.faults.add({ on: 'send', nth: 2, effect: 'fail' });
    const [a, b] = [request('a'), request('b')];

    await bus.publish(a);
    await expect(bus.publish(b)).rejects.toMatchObject({ isTransient: true, reason: 'ServiceBusy' });
    await bus.publish(b);

    expect(await handled(bus)).toEqual([eventKey(a), eventKey(b)]);
  });

  it('delivers twice, late, or out of order', async () => {
    const bus = new InMemoryEventBus();
    const [a, b, c, d] = [request('a'), request('b'), request('c'), request('d')];
    bus.faults.add({ on: 'send', nth: 1, effect: 'duplicate' });
    bus.faults.add({ on: 'send', nth: 2, effect: 'reorder' });
    bus.faults.add({ on: 'send', nth: 4, effect: 'delay', delayMs: 60_000 });
    const seen = await handled(bus);

    for (const event of [a, b, c, d]) await bus.publish(event);
    await bus.settled();
    const before = [...seen];
    await bus.advance('1m');

    expect(before).toEqual([eventKey(a), eventKey(a), eventKey(c), eventKey(b)]);
    expect(seen).toEqual([...before, eventKey(d)]);
  });

  it('loses a lock just before the completion: the message comes again', async () => {
    const bus = new InMemoryEventBus();
    const event = request('a');
    bus.faults.add({ on: 'complete', path: `${TOPIC}/Subscriptions/${HANDLER}`, effect: 'lose-lock' });
    const seen = await handled(bus);

    await bus.publish(event);
    await bus.settled();

    expect(seen).toEqual([eventKey(event), eventKey(event)]);
  });

  it('cuts the connection: the publish was done, but the publisher cannot know', async () => {
    const bus = new InMemoryEventBus();
    const event = request('a');
    bus.faults.add({ on: 'send', effect: 'cut-connection' });

    await expect(bus.publish(event)).rejects.toMatchObject({ isTransient: true });
    await bus.publish(event);

    expect(await handled(bus)).toEqual([eventKey(event)]);
  });
});
