/** Replaying what lies in the errors queue: by whom it was put there, what became of it since, and what dies in between. */
import { describe, expect, it } from 'vitest';
import { redeliveryMessage } from '../../../shared/delivery/bus-message.ts';
import { NotReplayableError, replay } from '../../../shared/delivery/replay.ts';
import { PermanentError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
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
const TOPIC = 'deployment-events';
const HANDLER = 'deployment-requested';

type World = DeliveryWorld & { readonly handled: () => number };

/** A handler that refuses for good so many times, and counts what it did. */
function worldRefusing(times: number): World {
  let left = times;
  let handled = 0;
  const world = worldOf(async () => {
    if (left-- > 0) throw new PermanentError('the cluster refuses');
    handled++;
  });
  return Object.assign(world, { handled: () => handled });
}

/** Ports whose bus does some things otherwise. */
function withBus(ports: Ports, { schedule, takeDeadLetter }: Partial<EventBus>): Ports {
  const { publisher, deadLetterQueue } = ports;
  const other: Partial<EventBus> = {
    deadLetters: (...args) => deadLetterQueue.deadLetters(...args),
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
function send({ bus }: World, body: unknown, properties: { subject?: string; to?: string; messageId?: string } = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  bus.broker.send(TOPIC, [
    { messageId: 'm', subject: 'DeploymentRequested', ...properties, body: bytes, sizeBytes: 1 },
  ]);
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
    await expect(replay(sequenceNumber, world.ports())).rejects.toThrow(/has handled the event/);

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
    const queue = world.bus.broker.resolve(`${TOPIC}/Subscriptions/deployment-started`);
    await world.bus.publish(started);
    for (const one of queue.receive(1)) queue.deadLetter(one, 'MaxDeliveryCountExceeded', 'ten times');
    expect(onlyEntry(world)).toMatchObject({ subscription: 'deployment-started', redelivery: undefined });

    await replay(onlyEntry(world).sequenceNumber, world.ports());
    await world.bus.settled();

    expect(world.bus.errors()).toEqual([]);
    expect(queue.peek(0, 10)).toMatchObject([{ content: { to: 'deployment-started', subject: 'DeploymentStarted' } }]);
  });

  it.each([
    ['has a subject that nobody takes', { subject: 'Unheard' }],
    ['is addressed to nobody', { to: 'nobody' }],
  ])('goes where its type belongs when it %s', async (_, properties) => {
    const world = worldRefusing(0);
    send(world, event, properties);
    await world.bus.settled();
    expect(onlyEntry(world).reason).toBe('Unrouted');

    await replay(onlyEntry(world).sequenceNumber, world.ports());
    await world.run();

    expect(world.handled()).toBe(1);
  });
});

describe('what cannot be replayed stays, and says why', () => {
  const refusal = async (world: World, entry: DeadLetterEntry): Promise<string> => {
    const error = await replay(entry.sequenceNumber, world.ports()).catch((found: unknown) => found);
    expect(error).toBeInstanceOf(NotReplayableError);
    expect(world.bus.errors()).toContainEqual(entry);
    return (error as Error).message;
  };

  it.each([
    ['no JSON', 'hello'],
    ['no CloudEvent', { hello: 'world' }],
    ['an id that is no text', { id: 7, type: 'DeploymentRequested' }],
  ])('a body that is %s', async (_, body) => {
    const world = worldRefusing(0);
    send(world, body);
    await world.run();

    expect(await refusal(world, onlyEntry(world))).toMatch(/no CloudEvent/);
  });

  it('a type that no handler of this build takes', async () => {
    const world = worldRefusing(0);
    send(world, { ...event, type: 'Novelty' }, { subject: 'Novelty' });
    await world.bus.settled();

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

  const watching = withBus(world.ports(), { schedule: async (redelivery) => void sent.push(redelivery) });
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
