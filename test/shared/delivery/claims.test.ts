/** What a message does about a record that it finds, and when the event of a run that vanished is run again. */
import { describe, expect, it } from 'vitest';
import { type Delivery, type DeliveryOptions, deliver } from '../../../shared/delivery/deliver.ts';
import { firstRecord } from '../../../shared/delivery/event-record.ts';
import { insertRecord } from '../../../shared/delivery/history.ts';
import { Isolation } from '../../../shared/delivery/isolation.ts';
import { ConflictError } from '../../../shared/errors.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import type { Timer } from '../../../shared/timeout.ts';
import {
  away,
  type Behaviour,
  counting,
  definition,
  done,
  event,
  HANDLER,
  worldOf,
} from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import type { Gate } from '../../support/process.ts';

const GONE = 'gone';

/** A run that died, after so many before it; its lease is over. */
async function leaveRecord(world: DeliveryWorld, vanished = 0): Promise<void> {
  const now = world.clock.now();
  const lease = { redelivery: 0, runId: GONE, now, leaseMs: 0 };
  await insertRecord(world.state, { ...firstRecord({ handler: HANDLER, event, summary: undefined }, lease), vanished });
}

function deliverTo(world: DeliveryWorld, handle: Behaviour, { gate, isolation, ...parts }: Parts = {}): Promise<void> {
  const options: DeliveryOptions = { isolation: isolation ?? new Isolation(0), timer: world.timer, random: () => 0 };
  return deliver({ definition, handle: handle as never, body: event, ...parts }, world.ports(gate), options);
}

interface Parts extends Partial<Pick<Delivery, 'body' | 'expectation'>> {
  readonly gate?: Gate;
  readonly isolation?: Isolation;
}

/** The pause before a message goes back is over at once. */
const soon: Timer = (_, callback) => {
  callback();
  return () => {};
};

const lineOf = ({ log }: DeliveryWorld, message: string) => log.lines.find((line) => line.message === message);

describe('the event of a run that vanished', () => {
  it.each([
    ['for the first time is run beside others', 0, 1, 1],
    ['twice is run when the others are done', 1, 0, 1],
    ['three times is not run, and keeps nobody waiting', 2, 0, 0],
  ])('%s', async (_, vanished, runsBeside, runs) => {
    const handle = counting(done);
    const world = worldOf(handle);
    await leaveRecord(world, vanished);
    const isolation = new Isolation(0);
    const other = await isolation.enter(world.timer, world.clock.now());

    const delivering = deliverTo(world, handle, { isolation });
    for (let turn = 0; turn < 10; turn++) await flushPromises();
    const errorsBeside = world.bus.errors().length;
    expect(handle.runs).toBe(runsBeside);
    other.leave();
    await delivering;

    expect(handle.runs).toBe(runs);
    expect(world.bus.errors().map(({ reason }) => reason)).toEqual(runs === 0 ? ['WorkerCrashed'] : []);
    expect(errorsBeside).toBe(1 - runs);
    expect(lineOf(world, 'previous run vanished')).toMatchObject({
      level: 'warn',
      fields: { eventId: event.id, vanished: vanished + 1, redelivery: 0 },
    });
  });

  it('three times is not forgotten while the errors queue does not take it', async () => {
    const world = worldOf(done);
    await leaveRecord(world, 2);
    const ports = world.ports(away(['deadLetter'], () => true));
    const options = { isolation: new Isolation(0), timer: soon };

    await expect(deliver({ definition, handle: done, body: event }, ports, options)).rejects.toThrow('deadLetter away');

    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'in-progress', vanished: 3 });
  });

  it.each([
    ['waits until that is older', 0, 11, 'in-progress'],
    ['is run when it has waited often enough', 0, 12, 'completed'],
    ['is given up at once when it is not to be run', 2, 0, 'dead-lettered'],
  ])('in a young process %s', async (_, vanished, unrecordedattempts, status) => {
    const world = worldOf(done);
    await leaveRecord(world, vanished);
    const isolation = new Isolation(world.clock.now());

    await deliverTo(world, done, { isolation, body: { ...event, unrecordedattempts } });

    expect(await world.record(HANDLER, event)).toMatchObject({ status });
  });
});

it('an event that is at its end is left alone, and the log says so', async () => {
  const handle = counting(done);
  const world = worldOf(handle);
  await deliverTo(world, handle);

  await deliverTo(world, handle, { body: { ...event, redelivery: 3 } });

  expect(handle.runs).toBe(1);
  expect(lineOf(world, 'message ignored')).toEqual({
    ...{ level: 'info', message: 'message ignored' },
    fields: {
      ...{ handler: HANDLER, eventId: event.id, correlationId: event.correlationid },
      ...{ status: 'completed', redelivery: 3 },
    },
  });
});

it('a run that claimed the event without hearing so goes on, and counts once', async () => {
  const handle = counting(done);
  const world = worldOf(handle);
  const gate: Gate = async (call, name) => {
    const answer = await call();
    if (name === 'transact') throw new ConflictError('the answer was lost, and the second attempt found the record');
    return answer;
  };

  await deliverTo(world, handle, { gate });

  expect(await world.record(HANDLER, event)).toMatchObject({ status: 'completed', runs: 1, vanished: 0 });
  expect(handle.runs).toBe(1);
  expect(lineOf(world, 'previous run vanished')).toBeUndefined();
});

describe('the store of a handler', () => {
  const read = async ({ state }: Pick<Parameters<Behaviour>[1], 'state'>) => (await state.get('d', 'd'))?.value;

  it('shows what changed since its event was expected, when a run was there before', async () => {
    const seen: unknown[] = [];
    const handle: Behaviour = async (_, ports) => void seen.push(await read(ports));
    const world = worldOf(handle);
    await world.state.put('d', 'd', 'before', '*');
    await leaveRecord(world);
    const foundInstead = async (_: never, state: Parameters<typeof read>[0]['state']) => {
      seen.push(await read({ state }));
      return undefined;
    };
    const gate: Gate = async (call, name) => {
      if (name === 'transact') await world.state.put('d', 'd', 'after', '*');
      return call();
    };

    await deliverTo(world, handle, { gate, expectation: { foundInstead, sharesReads: true } });

    expect(seen).toEqual(['before', 'after']);
  });

  it('shows what others write meanwhile, unless the expectation shares what it read', async () => {
    const seen: unknown[] = [];
    const handle: Behaviour = async (_, ports) => {
      seen.push(await read(ports));
      await world.state.put('d', 'd', 'after', '*');
      seen.push(await read(ports));
    };
    const world = worldOf(handle);
    await world.state.put('d', 'd', 'before', '*');
    await leaveRecord(world);

    await deliverTo(world, handle, { expectation: { foundInstead: async () => undefined, sharesReads: false } });

    expect(seen).toEqual(['before', 'after']);
  });
});
