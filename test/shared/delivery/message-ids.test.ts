/** The ids of the messages that a delivery sends: the broker drops what bears the id of another, so each is pinned. */
import { createHash } from 'node:crypto';
import { v5 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { type DeliveryOptions, deliver } from '../../../shared/delivery/deliver.ts';
import { Isolation } from '../../../shared/delivery/isolation.ts';
import { replay } from '../../../shared/delivery/replay.ts';
import { ConflictError, PermanentError, TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentStarted } from '../../../shared/events/deployment.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import type { DeadLetter, Redelivery } from '../../../shared/ports/bus.ts';
import { requeueAfter } from '../../../shared/ports/handler.ts';
import {
  away,
  type Behaviour,
  counting,
  deadFrom,
  definition,
  done,
  event,
  fail,
  HANDLER,
  worldOf,
} from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import type { Gate } from '../../support/process.ts';

/** What was sent, in this order. */
/** What every id begins with. */
const KEY = eventKey(event);

interface Sent {
  readonly scheduled: Redelivery[];
  readonly deadLetters: DeadLetter[];
  readonly gate: Gate;
}

function recorded(inner: Gate = (call) => call()): Sent {
  const scheduled: Redelivery[] = [];
  const deadLetters: DeadLetter[] = [];
  const gate: Gate = (call, name, args) => {
    // The ports have these as their only arguments.
    if (name === 'schedule') scheduled.push(args[0] as Redelivery);
    if (name === 'deadLetter') deadLetters.push(args[0] as DeadLetter);
    return inner(call, name, args);
  };
  return { scheduled, deadLetters, gate };
}

/** Delivers the event, or this body, once, whatever the broker holds. */
async function deliverTo(world: DeliveryWorld, handle: Behaviour, gate: Gate, parts: Parts = {}): Promise<void> {
  const { body = event, skewMs = 0, ...options } = parts;
  const whole: DeliveryOptions = { timer: () => () => {}, isolation: new Isolation(0), ...options };
  await deliver({ definition, handle: handle as never, body }, world.ports(gate, skewMs), whole);
}

interface Parts extends DeliveryOptions {
  readonly body?: unknown;
  readonly skewMs?: number;
}

/** A run that died before its end was on record. @returns the run's id */
async function vanishedRun(world: DeliveryWorld): Promise<string> {
  void deliverTo(world, done, deadFrom('put'));
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  const runId = (await world.record(HANDLER, event))?.runId;
  if (runId === undefined) throw new Error('no run began');
  return runId;
}

describe('the message of the next run', () => {
  const run = async (handle: Behaviour, body: unknown = event): Promise<{ sent: Sent; runId: string | undefined }> => {
    const world = worldOf(handle);
    const sent = recorded();
    await deliverTo(world, handle, sent.gate, { body });
    return { sent, runId: (await world.record(HANDLER, event))?.runId };
  };

  it.each([
    ['after a look', async () => requeueAfter(2_000)],
    ['after a failure', fail(new TransientError('wait'))],
  ])('is named after event, redelivery and run: %s', async (_, handle: Behaviour) => {
    const { sent, runId } = await run(handle);

    expect(sent.scheduled).toEqual([
      { event, at: expect.any(Number), to: HANDLER, redelivery: 1, messageId: `${KEY}:1:${runId}` },
    ]);
    expect(runId).toMatch(/^[0-9a-z]{1,6}-[0-9a-z]{1,6}$/);
  });

  it('counts on from the redelivery that was run', async () => {
    const { sent, runId } = await run(async () => requeueAfter(2_000), { ...event, redelivery: 7 });

    expect(sent.scheduled).toMatchObject([{ redelivery: 8, messageId: `${KEY}:8:${runId}` }]);
  });

  it('is named after the run on record, and due as recorded, when an earlier message makes sure of it', async () => {
    const world = worldOf(done);
    const first = recorded();
    await deliverTo(world, async () => requeueAfter(2_000), first.gate);
    world.clock.runNext(Number.POSITIVE_INFINITY);
    const second = recorded();
    await deliverTo(world, done, second.gate);

    expect(second.scheduled).toEqual(first.scheduled);
  });

  it('of two runs of one event have two names, though random numbers repeat within a second', async () => {
    const draws = [0.1, 0.2, 0.3, 0.4];
    const world = worldOf(done);
    const sent = recorded();
    const random = (): number => draws.shift() ?? 0;
    await deliverTo(world, async () => requeueAfter(1), sent.gate, { random });
    await deliverTo(world, async () => requeueAfter(1), sent.gate, { random, body: { ...event, redelivery: 1 } });

    const [first = '', second = ''] = sent.scheduled.map(({ messageId }) => messageId);
    expect(first).toBe(`${KEY}:1:${Math.floor(0.1 * 2 ** 30).toString(36)}-${Math.floor(0.2 * 2 ** 30).toString(36)}`);
    expect(second).toBe(`${KEY}:2:${Math.floor(0.3 * 2 ** 30).toString(36)}-${Math.floor(0.4 * 2 ** 30).toString(36)}`);
  });
});

describe('the message that waits for a lease', () => {
  it('names the run that has it, and says for whom it waited', async () => {
    const world = worldOf(done);
    const holder = await vanishedRun(world);
    const { leaseUntil } = (await world.record(HANDLER, event)) ?? {};
    const sent = recorded();

    await deliverTo(world, done, sent.gate);

    expect(sent.scheduled).toEqual([
      {
        ...{ event, at: leaseUntil, to: HANDLER, redelivery: 0, unrecordedAttempts: undefined },
        ...{ awaitedRunId: holder, messageId: `${KEY}:0@${holder}+0` },
      },
    ]);
    expect(leaseUntil).toBe(world.clock.now() + 30_000);
  });

  it('has another name when it was scheduled without a record before', async () => {
    const world = worldOf(done);
    const holder = await vanishedRun(world);
    const sent = recorded();

    await deliverTo(world, done, sent.gate, { body: { ...event, unrecordedattempts: 3 } });

    expect(sent.scheduled).toMatchObject([{ unrecordedAttempts: 3, messageId: `${KEY}:0@${holder}+3` }]);
  });

  it('names the run whose turn it waits for, and its own attempt, while the process is young', async () => {
    const world = worldOf(done);
    const holder = await vanishedRun(world);
    const sent = recorded();
    const isolation = new Isolation(world.clock.now() + 60_000);

    await deliverTo(world, done, sent.gate, { isolation, skewMs: 60_000, random: () => 0 });

    expect(sent.scheduled).toEqual([
      {
        ...{ event, at: world.clock.now() + 60_000 + 10_000 + 1_000, to: HANDLER, redelivery: 0 },
        ...{ unrecordedAttempts: 1, awaitedRunId: holder, messageId: `${KEY}:0@${holder}+1` },
      },
    ]);
  });
});

describe('the message of another attempt without a record', () => {
  const noStore = away(['transact', 'get', 'put'], () => true);

  it.each([
    [{}, 1],
    [{ unrecordedattempts: 4 }, 5],
  ])('names event, redelivery and attempt: %j', async (marks, attempt) => {
    const world = worldOf(done);
    const sent = recorded(noStore);

    await deliverTo(world, done, sent.gate, { body: { ...event, redelivery: 2, ...marks }, random: () => 0 });

    expect(sent.scheduled).toMatchObject([
      { event, to: HANDLER, redelivery: 2, unrecordedAttempts: attempt, messageId: `${KEY}:2+${attempt}` },
    ]);
    expect(sent.scheduled[0]).toMatchObject({ awaitedRunId: undefined, endedRunId: undefined });
    expect(sent.scheduled[0]?.at).toBe(world.clock.now() + 1_000);
  });

  it('keeps whom it has waited for, and which run has ended', async () => {
    const world = worldOf(done);
    const sent = recorded(noStore);

    await deliverTo(world, done, sent.gate, { body: { ...event, awaitedrun: 'awaited', endedrun: 'ended' } });

    expect(sent.scheduled).toMatchObject([{ awaitedRunId: 'awaited', endedRunId: 'ended' }]);
  });

  it('names the run that could not say how it ended', async () => {
    const world = worldOf(done);
    const sent = recorded(away(['put'], () => true));

    await deliverTo(world, done, sent.gate);

    const runId = (await world.record(HANDLER, event))?.runId;
    expect(sent.scheduled).toMatchObject([{ endedRunId: runId, messageId: `${KEY}:0+1` }]);
  });

  it('is that of an event newer than this build too', async () => {
    const world = worldOf(done);
    const sent = recorded();
    const body = { ...event, dataversion: 2, unrecordedattempts: 1 };

    await deliverTo(world, done, sent.gate, { body });

    expect(sent.scheduled).toMatchObject([{ unrecordedAttempts: 2, messageId: `${KEY}:0+2`, to: HANDLER }]);
  });

  it('comes after as many rounds as the record changed under it, and those are bounded', async () => {
    const world = worldOf(done);
    let calls = 0;
    // A record that is there for those who insert it, and for nobody who reads it.
    const sent = recorded((call, name) => {
      if (++calls > 100) return new Promise(() => {});
      return name === 'transact' ? Promise.reject(new ConflictError('exists')) : call();
    });

    const delivering = deliverTo(world, done, sent.gate).then(() => 'done');
    const hung = (async () => {
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
      return `no end after ${calls} calls`;
    })();

    expect(await Promise.race([delivering, hung])).toBe('done');
    expect(calls).toBe(5 * 3 + 1);
    expect(sent.scheduled).toMatchObject([{ messageId: `${KEY}:0+1` }]);
  });
});

describe('the entry in the errors queue', () => {
  it('of an event names event, handler and redelivery', async () => {
    const world = worldOf(done);
    const sent = recorded();

    await deliverTo(world, fail(new PermanentError('refused')), sent.gate, { body: { ...event, redelivery: 3 } });

    expect(sent.deadLetters).toEqual([
      {
        ...{ messageId: `${KEY}:${HANDLER}:3`, body: event, type: event.type, subscription: HANDLER },
        ...{ correlationId: event.correlationid, traceparent: undefined, attempts: 1, redelivery: 3 },
        ...{ reason: 'Permanent', description: 'refused' },
      },
    ]);
  });

  it('of an event that was never recorded has the same name', async () => {
    const world = worldOf(done);
    const sent = recorded(away(['transact', 'get', 'put'], () => true));
    const body = { ...event, redelivery: 3, unrecordedattempts: 11 };

    await deliverTo(world, done, sent.gate, { body });

    expect(sent.deadLetters).toMatchObject([
      { messageId: `${KEY}:${HANDLER}:3`, reason: 'Transient', attempts: 12, redelivery: 3 },
    ]);
  });

  it('of a failed notification is another one', async () => {
    const tell: Behaviour = (_, { notifier }) =>
      notifier.notify({ key: 'k', severity: 'info', title: 'look', text: 'now', event });
    const world = worldOf(tell);
    world.notify = () => Promise.reject(new PermanentError('answered 404'));
    const sent = recorded();

    await deliverTo(world, tell, sent.gate, { body: { ...event, redelivery: 3 } });

    expect(sent.deadLetters).toMatchObject([
      {
        ...{ messageId: `${KEY}:${HANDLER}:3:notification`, reason: 'NotificationFailed', subscription: HANDLER },
        ...{ attempts: 1, redelivery: 3, description: "notification 'look' failed: answered 404" },
      },
    ]);
  });

  const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

  it.each([
    ['no JSON', 'hello', `${HANDLER}:${digestOf('hello')}`],
    ['no event', { id: 'x', hello: 1 }, `${HANDLER}:${digestOf('{"id":"x","hello":1}')}`],
  ])('of a message that is %s names the handler and what it holds', async (_, body, messageId) => {
    const world = worldOf(done);
    const sent = recorded();

    await deliverTo(world, done, sent.gate, { body });

    expect(sent.deadLetters).toMatchObject([
      { messageId, subscription: HANDLER, reason: 'InvalidEvent', attempts: 1, redelivery: 0 },
    ]);
    expect(sent.deadLetters[0]).toMatchObject({ correlationId: undefined, traceparent: undefined });
  });

  it('of an event of another handler names what it holds, and which redelivery it was', async () => {
    const other = newEvent(DeploymentStarted, { id: 's', source: '/x', data: sampleData.DeploymentStarted });
    const world = worldOf(done);
    const sent = recorded();

    await deliverTo(world, done, sent.gate, { body: { ...other, redelivery: 2 } });

    const messageId = `${HANDLER}:${digestOf(JSON.stringify(other))}`;
    expect(sent.deadLetters).toMatchObject([{ messageId, type: other.type, reason: 'Misdirected', redelivery: 2 }]);
  });
});

it('a replay names event, redelivery and entry', async () => {
  const world = worldOf(fail(new PermanentError('refused')));
  await deliverTo(world, fail(new PermanentError('refused')), (call) => call());
  const { sequenceNumber = '' } = world.bus.errors()[0] ?? {};
  const sent = recorded();

  await replay(sequenceNumber, world.ports(sent.gate));

  expect(sent.scheduled).toMatchObject([
    { to: HANDLER, redelivery: 1, at: world.clock.now(), messageId: `${KEY}:1:replay-${sequenceNumber}` },
  ]);
  expect(sent.scheduled[0]?.event).toEqual(JSON.parse(JSON.stringify(event)));
});

/** The namespace of derived ids. */
const CHILD_IDS = '5d0f6c39-6f83-5a53-9b3e-0a5c1a1f6d0e';

describe('children of one run', () => {
  it('have ids that are derived from the event, their type, the handler and their key', async () => {
    const handle: Behaviour = async (_, { publish }) => {
      publish(DeploymentStarted, sampleData.DeploymentStarted);
      publish(DeploymentStarted, sampleData.DeploymentStarted, { key: 'availability' });
      publish(DeploymentStarted, sampleData.DeploymentStarted, { key: 'latency' });
    };
    const world = worldOf(counting(handle));

    await deliverTo(world, handle, (call) => call());

    const idOf = (...parts: string[]): string => v5(JSON.stringify(parts), CHILD_IDS);
    const parts = [KEY, 'DeploymentStarted', HANDLER];
    expect(new Set(world.bus.events({ type: 'DeploymentStarted' }).map(({ id }) => id))).toEqual(
      new Set([idOf(...parts), idOf(...parts, 'availability'), idOf(...parts, 'latency')]),
    );
  });

  it.each([
    ['that may pass', new TransientError('the broker is away'), 'waiting'],
    ['for good', new PermanentError('no topic carries it'), 'dead-lettered'],
  ])('that the broker refuses are a failure of the run: %s', async (_, error, status) => {
    const handle: Behaviour = async (_event, { publish }) => publish(DeploymentStarted, sampleData.DeploymentStarted);
    const world = worldOf(handle);

    await deliverTo(world, handle, (call, name) => (name === 'publishAll' ? Promise.reject(error) : call()));

    expect(await world.record(HANDLER, event)).toMatchObject({ status, error: error.message, attempts: 1 });
  });
});
