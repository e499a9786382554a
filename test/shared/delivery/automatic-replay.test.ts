/**
 * A Functions host without a worker fails every delivery, and the broker gives up on good events. They come back by
 * themselves, in virtual time; what a handler refused, what cannot be read and what is finished does not.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as readQueuesByTimer } from '../../../functions/timer/read-queues.ts';
import { handle as replayByTimer } from '../../../functions/timer/replay-unjudged.ts';
import { replayUnjudged, unjudgedIn, waitsForPerson } from '../../../shared/delivery/automatic-replay.ts';
import { replay } from '../../../shared/delivery/replay.ts';
import { DAY_MS, MINUTE_MS } from '../../../shared/duration.ts';
import { PermanentError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { DeadLetterEntry } from '../../../shared/ports/bus.ts';
import type { Handler, Ports } from '../../../shared/ports/handler.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { lastReading } from '../../../shared/status/queue-reading.ts';
import { DeliveryWorld, type Locked } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import { FAILING_DELIVERY_MS } from '../../support/worker-loss.ts';

const HANDLER = 'deployment-requested';
const CONCURRENT_CALLS = 16;

let world: DeliveryWorld;
let handled: string[];
let handler: Handler;
/** Whether the host has a worker for the handlers, and another for the timers. */
let isUp: boolean;
let areTimersUp: boolean;
/** The most entries that anybody was called for. */
let mostWaiting: number;

beforeEach(() => {
  handled = [];
  handler = async ({ id }) => void handled.push(id);
  isUp = true;
  areTimersUp = true;
  mostWaiting = 0;
  world = new DeliveryWorld([{ definition: DeploymentRequested, handle: (event, ports) => handler(event, ports) }]);
  world.serve(CONCURRENT_CALLS, runInWorker);
  everyMinute();
});

async function runInWorker(message: Locked): Promise<void> {
  if (isUp) return message.deliver((call) => call(), { timer: world.timer });
  await new Promise<void>((resolve) => void world.timer(FAILING_DELIVERY_MS, resolve));
  message.abandon();
}

function everyMinute(): void {
  world.timer(MINUTE_MS, () => {
    everyMinute();
    if (!areTimersUp) return;
    const ports = world.ports();
    void replayByTimer(ports)
      .then(() => readQueuesByTimer(ports))
      .then(async () => {
        const { waiting = 0 } = (await lastReading(world.state))?.errors ?? {};
        mostWaiting = Math.max(mostWaiting, waiting);
      });
  });
}

const requested = (id: string) =>
  newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });

/** To a host that has no worker. */
async function publish(count: number): Promise<string[]> {
  isUp = false;
  const events = Array.from({ length: count }, (_, n) => requested(`e-${n}`));
  await world.bus.publishAll(events);
  return events.map(({ id }) => id).sort();
}

/** The host has no worker from now on for so long. */
async function lose(by: string, timersToo = true): Promise<void> {
  isUp = false;
  areTimersUp = !timersToo;
  await world.bus.advance(by);
  isUp = true;
  areTimersUp = true;
}

const idOf = ({ body }: DeadLetterEntry): unknown => JSON.parse(body).id;
const idsInErrors = (): unknown[] => world.bus.errors().map(idOf).sort();

describe('800 events', () => {
  it('are all finished though their host had no worker for ten seconds, and nobody is called', async () => {
    const ids = await publish(800);

    await lose('10s');
    const given = world.bus.errors().length;
    await world.bus.advance('5m');

    // Else this shows nothing.
    expect(given).toBeGreaterThan(16);
    expect(handled.sort()).toEqual(ids);
    expect(world.bus.errors()).toEqual([]);
    expect(mostWaiting).toBe(0);
  });

  it('are all finished though it had none for an hour, whether timers ran or not', { timeout: 60_000 }, async () => {
    const ids = await publish(800);

    await lose('30m');
    await lose('30m', false);
    const given = idsInErrors();
    expect([...given, ...handled].sort()).toEqual(ids);
    await world.bus.advance('3h');

    expect(given.length).toBeGreaterThan(700);
    expect(handled.sort()).toEqual(ids);
    expect(world.bus.errors()).toEqual([]);
  });
});

describe('an outage longer than all replays', () => {
  it('loses nothing: what stays says why, waits for a person, and can be replayed', { timeout: 60_000 }, async () => {
    const ids = await publish(20);

    await lose('4h', false);

    expect(idsInErrors()).toEqual(ids);
    expect(world.bus.errors().map(unjudgedIn)).toEqual(ids.map(() => ({ automaticReplays: 4, returnsAt: undefined })));
    for (const { reason } of world.bus.errors()) expect(reason).toBe('MaxDeliveryCountExceeded');
    expect((await lastReading(world.state))?.errors).toMatchObject({ waiting: 20, returning: 0 });
    await world.bus.advance('4h');
    expect(handled).toEqual([]);
    for (const { sequenceNumber } of world.bus.errors()) await replay(sequenceNumber, world.ports());
    await world.bus.advance('1m');
    expect(handled.sort()).toEqual(ids);
    expect(world.bus.errors()).toEqual([]);
  });

  it('is waited out after 1, 5, 30 and 120 minutes', async () => {
    const begun = world.clock.now();
    const seen: number[] = [];

    await publish(1);
    for (let minute = 0; minute < 240; minute++) {
      await world.bus.advance('1m');
      const [entry] = world.bus.errors();
      if (entry) seen.push(Math.floor((entry.deadLetteredAt - begun) / MINUTE_MS));
    }

    // The timer comes once a minute, so a replay is up to a minute late.
    expect([...new Set(seen)]).toEqual([0, 2, 8, 39, 160]);
  });

  it('begins anew after a replay by a person', async () => {
    await publish(1);
    await lose('4h', false);

    isUp = false;
    await replay(world.bus.errors()[0]?.sequenceNumber ?? '', world.ports());
    await world.bus.advance('10s');

    expect(world.bus.errors().map(unjudgedIn)).toMatchObject([{ automaticReplays: 0 }]);
  });
});

describe('what does not come back by itself', () => {
  /** Whatever a sender may put on the topic, given up by the broker. */
  async function giveUp(body: unknown, properties: Record<string, unknown> = {}): Promise<void> {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    world.bus.broker.send(HANDLER, [{ messageId: 'm', ...properties, body: bytes, sizeBytes: bytes.length }]);
    await lose('10s');
  }

  const check = newEvent(HealthCheck, { source: '/probe', data: sampleData.HealthCheck });

  it.each([
    ['no JSON', 'x'],
    ['no event', { a: 1 }],
    ['an invalid event', { ...requested('bad'), data: { namespace: 'Shop' } }],
    ['an event of an unknown type', { ...requested('new'), type: 'DeploymentPaused' }],
    ['an event of a newer version', { ...requested('newer'), dataversion: 99 }],
    ['an event of another topic', check],
  ])('is %s', async (_, body) => {
    await giveUp(body);
    expect(world.bus.errors()).toMatchObject([{ reason: 'MaxDeliveryCountExceeded', subscription: HANDLER }]);

    await world.bus.advance('3h');

    expect(world.bus.errors()).toHaveLength(1);
    expect(mostWaiting).toBe(1);
    expect(handled).toEqual([]);
  });

  it('is what its handler refused', async () => {
    handler = async () => {
      throw new PermanentError('never');
    };
    await world.bus.publish(requested('refused'));

    await world.bus.advance('3h');

    expect(world.bus.errors()).toMatchObject([{ reason: 'Permanent', attempts: 1 }]);
    expect((await lastReading(world.state))?.errors).toMatchObject({ waiting: 1, returning: 0 });
  });

  it('is another message of what its handler refused: it waits beside the refusal', async () => {
    let runs = 0;
    handler = async () => {
      runs++;
      throw new PermanentError('never');
    };
    await world.bus.publish(requested('refused'));
    await world.bus.advance('1m');

    await giveUp(requested('refused'), { messageId: 'again' });
    await world.bus.advance('3h');

    expect(runs).toBe(1);
    // Not once a minute for as long as it lies there.
    expect(world.log.lines.filter(({ message }) => message === 'not replayed').length).toBeLessThan(20);
    expect(world.bus.errors().map(({ reason }) => reason)).toEqual(['Permanent', 'MaxDeliveryCountExceeded']);
    expect((await lastReading(world.state))?.errors).toMatchObject({ waiting: 2, returning: 0 });
  });

  it('is what is finished: that is discarded, and nobody is called', async () => {
    await world.bus.publish(requested('finished'));
    await world.bus.advance('1m');

    await giveUp(requested('finished'), { messageId: 'again' });
    expect(world.bus.errors()).toHaveLength(1);
    await world.bus.advance('3m');

    expect(world.bus.errors()).toEqual([]);
    expect(handled).toEqual(['finished']);
    expect(mostWaiting).toBe(0);
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ message: 'dead letter of a completed event discarded' }),
    );
  });

  it('is what a person replayed while the host was away, until its handler has judged that', async () => {
    handler = async () => {
      throw new PermanentError('not yet');
    };
    await world.bus.publish(requested('mended'));
    await world.bus.advance('1m');
    handler = async ({ id }) => void handled.push(id);
    isUp = false;
    await replay(world.bus.errors()[0]?.sequenceNumber ?? '', world.ports());
    // No handler has judged the replay.
    await lose('10s');
    expect(world.bus.errors()).toMatchObject([{ reason: 'MaxDeliveryCountExceeded' }]);

    await world.bus.advance('3m');

    expect(handled).toEqual(['mended']);
    expect(world.bus.errors()).toEqual([]);
  });
});

describe('a pass', () => {
  it('leaves to the next one what it cannot replay', async () => {
    const ids = await publish(3);
    await lose('10s');
    await world.bus.advance('59s');
    // The record is all that a replay asks the store for.
    const away = { get: () => Promise.reject(new Error('the store is away')) } as unknown as StateStore;

    const pass = await replayUnjudged({ ...world.ports(), state: away });

    expect(pass).toEqual({ replayed: 0, discarded: 0 });
    expect(idsInErrors()).toEqual(ids);
    expect(world.log.lines.filter(({ message }) => message === 'replay failed')).toHaveLength(3);
    await world.bus.advance('1m');
    expect(handled.sort()).toEqual(ids);
  });

  it('ends within the time of a function, and the next one goes on', async () => {
    const ids = await publish(50);
    await lose('30s');
    await world.bus.advance('50s');
    const before = idsInErrors().length;
    const ports = world.ports();
    let slow = 0;
    const clock = { now: () => world.clock.now() + slow };
    const deadLetterQueue = {
      deadLetters: (from: string, count: number) => world.bus.deadLetters(from, count),
      findDeadLetter: (number: string) => world.bus.findDeadLetter(number),
      takeDeadLetter: (number: string, work?: () => Promise<void>) => {
        slow += 3_000;
        return world.bus.takeDeadLetter(number, work);
      },
    };

    const { replayed } = await replayUnjudged({
      ...{ ...ports, clock },
      deadLetterQueue: { ...ports.deadLetterQueue, ...deadLetterQueue },
    });
    expect(before).toBeGreaterThan(30);
    expect(replayed).toBeGreaterThanOrEqual(20);
    expect(replayed).toBeLessThan(before);
    await world.bus.advance('10m');

    expect(handled.sort()).toEqual(ids);
  });

  it('takes effect once when it dies before the entry is taken out, or runs twice at once', async () => {
    const ids = await publish(20);
    await lose('30s');
    await world.bus.advance('50s');
    const ports = world.ports();
    const dying = {
      ...ports,
      deadLetterQueue: {
        ...ports.deadLetterQueue,
        deadLetters: (from: string, count: number) => world.bus.deadLetters(from, count),
        findDeadLetter: (number: string) => world.bus.findDeadLetter(number),
        takeDeadLetter: async (_: string, before = async () => {}): Promise<boolean> => {
          await before();
          throw new Error('the process died');
        },
      },
    };

    await replayUnjudged(dying);
    await Promise.all([replayUnjudged(ports), replayUnjudged(ports)]);
    await world.bus.advance('10m');

    expect(handled.sort()).toEqual(ids);
    expect(world.bus.errors()).toEqual([]);
  });
});

describe('the account of a pass', () => {
  const entryOf = (number: number, id: string): DeadLetterEntry =>
    ({
      ...{ sequenceNumber: String(number), messageId: id, reason: 'MaxDeliveryCountExceeded', subscription: HANDLER },
      ...{ body: JSON.stringify(requested(id)), applicationProperties: {}, isCut: false, attempts: undefined },
      ...{ deadLetteredAt: world.clock.now() - MINUTE_MS, redelivery: undefined },
    }) as unknown as DeadLetterEntry;

  /** A queue of these; one that was taken is taken by this process unless said otherwise. */
  function queueOf(entries: readonly DeadLetterEntry[], take = async () => true) {
    const taken: string[] = [];
    const lists: string[] = [];
    const numberOf = ({ sequenceNumber }: DeadLetterEntry): number => Number(sequenceNumber);
    const deadLetterQueue: Ports['deadLetterQueue'] = {
      ...world.ports().deadLetterQueue,
      deadLetter: async () => {},
      deadLetters: async (from, count) => {
        lists.push(from);
        const after = Number.parseInt(from, 10);
        return entries.filter((entry) => numberOf(entry) >= after).slice(0, count);
      },
      findDeadLetter: async (number) => entries.find(({ sequenceNumber }) => sequenceNumber === number),
      takeDeadLetter: async (number, before) => {
        await before?.();
        if (!(await take())) return false;
        taken.push(number);
        return true;
      },
    };
    return { taken, lists, deadLetterQueue };
  }

  const linesOf = (message: string) => world.log.lines.filter((line) => line.message === message);

  it('counts what is replayed as of now, and what is discarded because it is finished', async () => {
    await world.bus.publish(requested('finished'));
    await world.bus.advance('1s');
    const later = { ...entryOf(3, 'later'), deadLetteredAt: world.clock.now() - MINUTE_MS + 1 };
    const { taken, deadLetterQueue } = queueOf([entryOf(1, 'due'), entryOf(2, 'finished'), later]);

    expect(await replayUnjudged({ ...world.ports(), deadLetterQueue })).toEqual({ replayed: 1, discarded: 1 });

    expect(taken.sort()).toEqual(['1', '2']);
    expect(linesOf('replayed').map(({ fields }) => fields)).toMatchObject([
      { sequenceNumber: '1', automaticReplays: 1 },
    ]);
    expect(linesOf('dead letter of a completed event discarded')).toMatchObject([
      { level: 'info', fields: { sequenceNumber: '2' } },
    ]);
  });

  it('does not count what another process takes', async () => {
    await world.bus.publish(requested('finished'));
    await world.bus.advance('1s');
    const { deadLetterQueue } = queueOf([entryOf(1, 'due'), entryOf(2, 'finished')], async () => false);

    expect(await replayUnjudged({ ...world.ports(), deadLetterQueue })).toEqual({ replayed: 0, discarded: 0 });
    expect(linesOf('dead letter of a completed event discarded')).toEqual([]);
  });

  it('says what could not be replayed, and why', async () => {
    const take = () => Promise.reject(new Error('the broker is away'));
    const { deadLetterQueue } = queueOf([entryOf(1, 'due')], take);

    await replayUnjudged({ ...world.ports(), deadLetterQueue });

    expect(linesOf('replay failed')).toMatchObject([
      { level: 'warn', fields: { sequenceNumber: '1', error: 'the broker is away' } },
    ]);
  });

  it('is of 5,000 entries at most, read a hundred at a time and replayed eight at a time', async () => {
    let underWay = 0;
    let most = 0;
    const entries = Array.from({ length: 5_200 }, (_, n) => ({
      ...entryOf(n + 1, `e-${n}`),
      // All but a few are for a person.
      ...(n % 100 !== 0 && { reason: 'Permanent' }),
    }));
    const take = async (): Promise<boolean> => {
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
      return true;
    };
    const { taken, lists, deadLetterQueue } = queueOf(entries, take);

    expect(await replayUnjudged({ ...world.ports(), deadLetterQueue })).toEqual({ replayed: 50, discarded: 0 });

    expect([taken.length, lists.length, most]).toEqual([50, 50, 8]);
  });

  it('replays what it has read in half a minute, however long the queue is', async () => {
    const entries = Array.from({ length: 5_200 }, (_, n) => entryOf(n + 1, `e-${n}`));
    const { taken, deadLetterQueue } = queueOf(entries, async () => true);
    const ports = world.ports();
    let slow = 0;
    const clock = { now: () => ports.clock.now() + slow };
    const deadLetters = (from: string, count: number) => {
      slow += 10_000;
      return deadLetterQueue.deadLetters(from, count);
    };

    await replayUnjudged({ ...ports, clock, deadLetterQueue: { ...deadLetterQueue, deadLetters } });

    expect([taken.length, slow]).toEqual([300, 30_000]);
  });
});

describe('an entry', () => {
  const entry = {
    reason: 'MaxDeliveryCountExceeded',
    subscription: HANDLER,
    body: JSON.stringify(requested('r')),
    applicationProperties: {},
    deadLetteredAt: DAY_MS,
    isCut: false,
  } as unknown as DeadLetterEntry;

  it('that is overdue waits for a person: nobody replays it', () => {
    const { returnsAt } = unjudgedIn(entry) ?? {};

    expect(returnsAt).toBe(DAY_MS + MINUTE_MS);
    expect(waitsForPerson({ returnsAt }, DAY_MS + 16 * MINUTE_MS)).toBe(false);
    expect(waitsForPerson({ returnsAt }, DAY_MS + 16 * MINUTE_MS + 1)).toBe(true);
  });

  it.each([
    ['was refused', { reason: 'InvalidEvent' }],
    ['expired', { reason: 'TTLExpiredException' }],
    ['has no source', { subscription: undefined }],
    ['is on the topic of another type', { subscription: 'health-check' }],
    ['is on no topic of ours', { subscription: 'elsewhere' }],
    ['is not whole', { isCut: true }],
    ['is a gzip', { gzipped: Buffer.from('') }],
  ])('that %s waits for a person', (_, change) => {
    expect(unjudgedIn({ ...entry, ...change } as DeadLetterEntry)).toBeUndefined();
    expect(waitsForPerson({}, 0)).toBe(true);
  });
});
