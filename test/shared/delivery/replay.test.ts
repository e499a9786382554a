/** Replaying what lies in the errors queue: by whom it was put there, what became of it since, and what dies in between. */
import { describe, expect, it } from 'vitest';
import { redeliveryMessage } from '../../../shared/delivery/bus-message.ts';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { NotReplayableError, replay } from '../../../shared/delivery/replay.ts';
import { PermanentError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { DeadLetterEntry, EventBus, Redelivery } from '../../../shared/ports/bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { worldOf } from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';

const event: PlatformEvent = newEvent(DeploymentRequested, {
  id: 'r-1',
  source: '/ci',
  data: sampleData.DeploymentRequested,
});
const HANDLER = 'deployment-requested';

type World = Pick<DeliveryWorld, 'bus' | 'state' | 'log'> & { readonly handled: () => number };

/** A handler that refuses for good so many times, and counts what it did. */
function worldRefusing(times: number): DeliveryWorld & { readonly handled: () => number } {
  let left = times;
  let handled = 0;
  const world = worldOf(async () => {
    if (left-- > 0) throw new PermanentError('the cluster refuses');
    handled++;
  });
  return Object.assign(world, { handled: () => handled });
}

function portsOf({ bus, state, log }: World): Ports {
  // A replay needs no more than these.
  return { publisher: bus, deadLetterQueue: bus, state, clock: bus.clock, log } as unknown as Ports;
}

/** Ports whose bus does some things otherwise. */
function withBus(ports: Ports, { schedule, takeDeadLetter }: Partial<EventBus>): Ports {
  const { publisher, deadLetterQueue } = ports;
  const other: Partial<EventBus> = {
    findDeadLetter: (...args) => deadLetterQueue.findDeadLetter(...args),
    schedule: schedule ?? ((redelivery) => publisher.schedule(redelivery)),
    takeDeadLetter: takeDeadLetter ?? ((...args) => deadLetterQueue.takeDeadLetter(...args)),
  };
  return { ...ports, publisher: other as EventBus, deadLetterQueue: other as EventBus };
}

function onlyEntry({ bus }: World): DeadLetterEntry {
  const [entry, ...others] = bus.errors();
  if (!entry || others.length > 0) throw new Error(`expected one entry, got ${others.length + (entry ? 1 : 0)}`);
  return entry;
}

/** What a client that knows nothing of our marks sends to a topic. */
function send({ bus }: World, body: unknown, { topic = HANDLER, ...properties }: Sent = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  bus.broker.send(topic, [{ messageId: 'm', ...properties, body: bytes, sizeBytes: 1 }]);
}

interface Sent {
  readonly topic?: string;
  readonly subject?: string;
  readonly timeToLiveMs?: number;
  readonly applicationProperties?: Record<string, string | number>;
}

describe('an event that its handler refused', () => {
  it('is handled when its cause is mended, once, and leaves the queue', async () => {
    const world = worldRefusing(1);
    await world.bus.publish(event);
    await world.run();
    const { sequenceNumber } = onlyEntry(world);

    const sent = await replay(sequenceNumber, world.ports());
    await world.run();

    expect(sent).toEqual({ eventId: 'r-1', type: 'DeploymentRequested', subscription: HANDLER });
    expect(world.log.lines).toContainEqual({
      ...{ level: 'info', message: 'replayed' },
      fields: { eventId: 'r-1', handler: HANDLER, redelivery: 1, sequenceNumber },
    });
    expect(world.handled()).toBe(1);
    expect(world.bus.errors()).toEqual([]);
    expect(await world.records()).toMatchObject([{ status: 'completed', redelivery: 1 }]);
    expect(await replay(sequenceNumber, world.ports())).toBeUndefined();
  });

  it('comes back as a new entry when it is refused again, and can be replayed from there', async () => {
    const world = worldRefusing(2);
    await world.bus.publish(event);
    await world.run();

    const first = onlyEntry(world);
    await replay(first.sequenceNumber, world.ports());
    await world.run();
    const second = onlyEntry(world);
    await replay(second.sequenceNumber, world.ports());
    await world.run();

    expect([first.redelivery, second.redelivery]).toEqual([0, 1]);
    expect(world.handled()).toBe(1);
    expect(world.bus.errors()).toEqual([]);
  });

  it('takes effect once when the replay dies before its entry is taken out', async () => {
    const world = worldRefusing(1);
    await world.bus.publish(event);
    await world.run();
    const { sequenceNumber } = onlyEntry(world);
    const dying = withBus(world.ports(), {
      takeDeadLetter: (number, before) =>
        world.bus.takeDeadLetter(number, async () => {
          await before?.();
          throw new Error('killed');
        }),
    });

    await expect(replay(sequenceNumber, dying)).rejects.toThrow('killed');
    await world.run();
    await expect(replay(sequenceNumber, world.ports())).rejects.toThrow(
      'deployment-requested has handled the event: this is no longer of use; discard it',
    );

    expect(world.handled()).toBe(1);
  });

  it('is one message to the broker, however often it is sent', async () => {
    const world = worldRefusing(1);
    await world.bus.publish(event);
    await world.run();
    const { sequenceNumber } = onlyEntry(world);
    const sent: Redelivery[] = [];
    const watching = withBus(world.ports(), {
      schedule: async (redelivery) => void sent.push(redelivery),
      takeDeadLetter: async (_, work) => {
        await work?.();
        return true;
      },
    });

    await replay(sequenceNumber, watching);
    await replay(sequenceNumber, watching);

    expect(sent.map(({ messageId }) => messageId)).toEqual([sent[0]?.messageId, sent[0]?.messageId]);
  });

  it('goes on from its record when the broker gave up another message of it; by itself it stays', async () => {
    const world = worldRefusing(1);
    await world.bus.publish(event);
    await world.run();
    const given = { ...onlyEntry(world), redelivery: undefined };
    const sent: Redelivery[] = [];
    const ports = withBus(world.ports(), {
      schedule: async (redelivery) => void sent.push(redelivery),
      takeDeadLetter: async (_, work) => {
        await work?.();
        return true;
      },
    });
    Object.assign(ports.deadLetterQueue, { findDeadLetter: async () => given });

    await expect(replay(given.sequenceNumber, ports, 1)).rejects.toThrow('it was replayed before');
    expect(sent).toEqual([]);
    await replay(given.sequenceNumber, ports);
    expect(sent).toMatchObject([{ redelivery: 1, automaticReplays: 0 }]);
  });

  it('stays when the broker will never take it, and says why', async () => {
    const world = worldRefusing(1);
    await world.bus.publish(event);
    await world.run();
    const cause = new PermanentError('too large');
    const ports = withBus(world.ports(), { schedule: () => Promise.reject(cause) });

    const replaying = replay(onlyEntry(world).sequenceNumber, ports);

    await expect(replaying).rejects.toMatchObject({ reason: 'NotReplayable', message: 'too large', cause });
    expect(world.bus.errors()).toHaveLength(1);
  });

  it('is not replayed from an old entry once it failed again', async () => {
    const world = worldRefusing(5);
    await world.bus.publish(event);
    await world.run();
    const old = onlyEntry(world);
    await replay(old.sequenceNumber, world.ports());
    await world.run();
    // As a death between sending and taking out leaves it.
    await world.bus.deadLetter({
      ...old,
      body: event,
      type: event.type,
      traceparent: undefined,
      messageId: 'old',
    } as never);
    const redelivery = world.bus.errors().find(({ messageId }) => messageId === 'old');

    await expect(replay(redelivery?.sequenceNumber ?? '', world.ports())).rejects.toThrow(/replayed before/);
    expect(world.bus.errors()).toHaveLength(2);
  });
});

describe('a message that the broker gave up', () => {
  it('goes back to the subscription that it came from', async () => {
    const world = worldRefusing(0);
    const started = newEvent(DeploymentStarted, { source: '/ci', data: sampleData.DeploymentStarted });
    const queue = world.bus.broker.resolve('deployment-started/Subscriptions/deployment-started');
    await world.bus.publish(started);
    for (const one of queue.receive(1)) queue.deadLetter(one, 'MaxDeliveryCountExceeded', 'ten times');
    expect(onlyEntry(world)).toMatchObject({ subscription: 'deployment-started', redelivery: undefined });

    await replay(onlyEntry(world).sequenceNumber, world.ports());
    await world.bus.settled();

    expect(world.bus.errors()).toEqual([]);
    expect(queue.peek(0, 10)).toMatchObject([
      { content: { to: 'only:deployment-started', subject: 'DeploymentStarted' } },
    ]);
  });

  it('goes back although the time to live that its sender gave it ended, in the errors queue too', async () => {
    // As when no host runs: nobody subscribes.
    const bus = new InMemoryEventBus();
    const world = { ...worldRefusing(0), bus };
    send(world, event, { timeToLiveMs: 6_000 });
    await bus.advance('1m');
    expect(onlyEntry(world)).toMatchObject({
      sequenceNumber: 'd1',
      reason: 'TTLExpiredException',
      subscription: HANDLER,
    });

    const sent = await replay('d1', portsOf(world));

    expect(sent).toEqual({ eventId: 'r-1', type: 'DeploymentRequested', subscription: HANDLER });
    expect(bus.errors()).toEqual([]);
    expect(bus.broker.resolve(`${HANDLER}/Subscriptions/${HANDLER}`).activeCount).toBe(1);
  });
});

/** Who may send on one topic alone has no way to another one by the errors queue. */
describe('an event on the topic of another type', () => {
  const refused = async (world: World): Promise<string> => {
    const entry = onlyEntry(world);
    const error = await replay(entry.sequenceNumber, portsOf(world)).catch((found: unknown) => found);
    await world.bus.settled();
    expect(error).toBeInstanceOf(NotReplayableError);
    expect(world.handled()).toBe(0);
    expect(world.bus.errors()).toEqual([entry]);
    return (error as Error).message;
  };
  const forged = { Subscription: HANDLER, Attempts: 1, Redelivery: 0, DeadLetterReason: 'ClusterError' };
  const WHY =
    "the event is a DeploymentRequested and came on the topic 'health-check', which carries HealthCheck alone; publish it to the topic 'deployment-requested', and discard this";

  it('is not replayed when its handler refused it', async () => {
    const world = worldRefusing(0);
    await deliver({ definition: HealthCheck, handle: async () => {}, body: event }, portsOf(world));

    expect(await refused(world)).toBe(WHY);
  });

  it.each([6_000, 60_000])(
    'is not replayed when the broker gave it up, whatever it says of itself (%i ms)',
    async (ms) => {
      const bus = new InMemoryEventBus();
      const world = { ...worldRefusing(0), bus };
      send(world, event, { topic: 'health-check', timeToLiveMs: ms, applicationProperties: forged });
      await bus.advance('90s');
      expect(onlyEntry(world)).toMatchObject({
        subscription: 'health-check',
        attempts: undefined,
        redelivery: undefined,
      });

      expect(await refused(world)).toBe(WHY);
    },
  );

  it('is not replayed when its envelope is in the properties', async () => {
    const bus = new InMemoryEventBus();
    const world = { ...worldRefusing(0), bus };
    const { data, ...attributes } = event;
    const names = Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, String(value)]);
    const applicationProperties = Object.fromEntries(names);
    send(world, data, { topic: 'health-check', timeToLiveMs: 6_000, applicationProperties });
    await bus.advance('1m');

    expect(await refused(world)).toBe(WHY);
  });

  it('is not replayed from a subscription that is no handler’s', async () => {
    const bus = new InMemoryEventBus();
    const world = { ...worldRefusing(0), bus };
    bus.broker.createSubscription('health-check', HANDLER, {
      deadLetteringOnMessageExpiration: true,
      forwardDeadLetteredMessagesTo: 'errors',
    });
    send(world, event, { topic: 'health-check', timeToLiveMs: 6_000 });
    await bus.advance('1s');
    for (const one of bus.broker.resolve('health-check/Subscriptions/health-check').receive(1)) {
      bus.broker.resolve('health-check/Subscriptions/health-check').complete(one);
    }
    await bus.advance('1m');

    expect(await refused(world)).toMatch(/came from 'health-check\/Subscriptions\/deployment-requested'/);
  });
});

describe('what cannot be replayed stays, and says why', () => {
  const refusal = async (world: World, entry: DeadLetterEntry): Promise<string> => {
    const error = await replay(entry.sequenceNumber, portsOf(world)).catch((found: unknown) => found);
    expect(error).toBeInstanceOf(NotReplayableError);
    expect(world.bus.errors()).toContainEqual(entry);
    return (error as Error).message;
  };

  it.each([
    ['no JSON', 'hello'],
    ['no CloudEvent', { hello: 'world' }],
    ['an id that is no text', { ...event, id: 7 }],
    ['an empty id', { ...event, id: '' }],
    ['no source', { ...event, source: undefined }],
    ['null', 'null'],
    ['a list', [7]],
  ])('a body that is %s', async (_, body) => {
    const world = worldRefusing(0);
    send(world, body);
    await world.run();

    expect(await refusal(world, onlyEntry(world))).toMatch(/no CloudEvent/);
  });

  it('a type that no handler of this build takes', async () => {
    const world = worldRefusing(0);
    send(world, { ...event, type: 'Novelty' });
    await world.run();

    expect(await refusal(world, onlyEntry(world))).toMatch(/no handler of this build takes 'Novelty'/);
  });

  it('a notification that failed, of an event that is handled', async () => {
    const world = worldRefusing(0);
    await world.bus.publish(event);
    await world.run();
    await world.bus.deadLetter({
      messageId: 'notification',
      body: event,
      type: event.type,
      correlationId: event.correlationid,
      traceparent: undefined,
      reason: 'NotificationFailed',
      description: 'nobody was told',
      subscription: HANDLER,
      attempts: 12,
      redelivery: 0,
    });

    expect(await refusal(world, onlyEntry(world))).toMatch(/its notification alone failed/);
  });

  it('what has been there for longer than entries are kept', async () => {
    const bus = new InMemoryEventBus();
    const world = { ...worldRefusing(0), bus };
    send(world, event, { timeToLiveMs: 6_000 });
    await bus.advance('15d');

    expect(await refusal(world, onlyEntry(world))).toMatch(/longer than entries are kept/);
  });

  it('what lies in the dead-letter queue of the errors queue without a source, whatever it says of itself', async () => {
    const world = worldRefusing(0);
    const applicationProperties = { Subscription: HANDLER, Attempts: 1, Redelivery: 0 };
    const body = Buffer.from(JSON.stringify(event));
    world.bus.broker.send('errors', [{ body, sizeBytes: 1, timeToLiveMs: 1_000, applicationProperties }]);
    await world.bus.advance('1m');

    expect(await refusal(world, onlyEntry(world))).toMatch(/came from nobody knows where/);
  });

  it('a message that was cut', async () => {
    const world = worldRefusing(0);
    world.bus.broker.send('errors', [
      {
        messageId: 'cut',
        body: Buffer.from('{"id":'),
        sizeBytes: 1,
        applicationProperties: { BodyWasCutFrom: 400_000, Subscription: HANDLER },
      },
    ]);

    expect(await refusal(world, onlyEntry(world))).toMatch(/too large to be kept whole/);
  });
});

it('drops what an earlier message said of itself, so that it has all its attempts', async () => {
  const world = worldRefusing(0);
  await world.bus.deadLetter({
    messageId: 'p',
    body: { ...event, redelivery: 7, unrecordedattempts: 11, awaitedrun: 'someone' },
    type: event.type,
    correlationId: undefined,
    traceparent: undefined,
    reason: 'UnknownEvent',
    description: '',
    subscription: HANDLER,
    attempts: 12,
    redelivery: 7,
  });
  const sent: unknown[] = [];

  const watching = withBus(portsOf(world), { schedule: async (redelivery) => void sent.push(redelivery) });
  await replay(onlyEntry(world).sequenceNumber, watching);

  expect(sent).toMatchObject([{ redelivery: 8, to: HANDLER, event: { id: 'r-1' } }]);
  expect(sent[0]).not.toHaveProperty('unrecordedAttempts');
  expect(sent[0]).not.toMatchObject({ event: { unrecordedattempts: 11 } });
});

it('replays a number that JavaScript cannot hold with the digits that came', async () => {
  const world = worldRefusing(1);
  send(world, JSON.stringify(event).replace('"data":{', '"data":{"build":4603086877212508601,'));
  await world.run();
  const entry = onlyEntry(world);
  const sent: string[] = [];
  const ports = withBus(world.ports(), {
    schedule: async (redelivery) => void sent.push(redeliveryMessage(redelivery).body.toString()),
  });

  await replay(entry.sequenceNumber, ports);

  expect(entry.body).toContain('"build":4603086877212508601');
  expect(sent).toEqual([expect.stringContaining('"build":4603086877212508601')]);
});
