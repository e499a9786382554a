/** What must be done before what: every call is answered late, and the next may not begin before it is. */
import { expect, it } from 'vitest';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { Isolation } from '../../../shared/delivery/isolation.ts';
import { replay } from '../../../shared/delivery/replay.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { DeploymentStarted } from '../../../shared/events/deployment.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import { type Expectation, requeueAfter } from '../../../shared/ports/handler.ts';
import {
  away,
  type Behaviour,
  deadFrom,
  definition,
  done,
  event,
  fail,
  worldOf,
} from '../../support/delivery-cases.ts';
import type { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import type { Gate } from '../../support/process.ts';

const tellAndStart: Behaviour = async (_, { notifier, publish }) => {
  publish(DeploymentStarted, sampleData.DeploymentStarted);
  await notifier.notify({ key: 'k', severity: 'info', title: 'look', text: 'now', event });
};
const refused = new PermanentError('refused');
const noStore = away(['transact', 'get', 'put'], () => true);

/** Answers calls late, and writes them down in the order of their answers; one that begins too early, as such. */
function lateGate(calls: string[], inner: Gate): Gate {
  const open: string[] = [];
  return async (call, name, args) => {
    if (open.length > 0) calls.push(`${name} begins beside ${open.join()}`);
    open.push(name);
    try {
      for (let turn = 0; turn < 3; turn++) await flushPromises();
      return await inner(call, name, args);
    } finally {
      open.splice(open.indexOf(name), 1);
      calls.push(name);
    }
  };
}

/** The calls that were made for one message; `done` is the delivery itself. */
async function callsOf(world: DeliveryWorld, handle: Behaviour, { inner = (call) => call(), ...parts }: Parts = {}) {
  const calls: string[] = [];
  const { body = event, isolation = new Isolation(0), expectation } = parts;
  const options = { timer: () => () => {}, isolation };
  const delivery = { definition, handle: handle as never, body, expectation };
  await deliver(delivery, world.ports(lateGate(calls, inner)), options);
  return [...calls, 'done'];
}

interface Parts {
  readonly inner?: Gate;
  readonly body?: unknown;
  readonly isolation?: Isolation;
  readonly expectation?: Expectation<never>;
}

async function afterDeath(): Promise<DeliveryWorld> {
  const world = worldOf(done);
  void deliver({ definition, handle: done as never, body: event }, world.ports(deadFrom('put')));
  for (let turn = 0; turn < 5; turn++) await flushPromises();
  return world;
}

it.each<[string, Behaviour, Parts, string[]]>([
  ['children are sent before the event is at its end', tellAndStart, {}, ['transact', 'notify', 'publishAll', 'put']],
  [
    'a look is on record before the next is scheduled',
    async () => requeueAfter(1),
    {},
    ['transact', 'put', 'schedule'],
  ],
  ['a failure is on record before the retry', fail(new TransientError('wait')), {}, ['transact', 'put', 'schedule']],
  ['the entry is in the errors queue before the record says so', fail(refused), {}, ['transact', 'deadLetter', 'put']],
  [
    'a failed notification is in the errors queue before the event is at its end, and after its children are sent',
    tellAndStart,
    { inner: (call, name) => (name === 'notify' ? Promise.reject(refused) : call()) },
    ['transact', 'notify', 'publishAll', 'deadLetter', 'put'],
  ],
  [
    'a fact that nobody expects is in the errors queue',
    done,
    { expectation: { foundInstead: async () => 'nothing', sharesReads: false } },
    ['get', 'deadLetter'],
  ],
  ['what cannot be read is in the errors queue', done, { body: 'no event' }, ['deadLetter']],
  ['an event of a newer build is scheduled again', done, { body: { ...event, dataversion: 2 } }, ['schedule']],
  ['an event is scheduled again while the store is away', done, { inner: noStore }, ['transact', 'schedule']],
  [
    'an event is in the errors queue when the store was away for too long',
    done,
    { inner: noStore, body: { ...event, unrecordedattempts: 11 } },
    ['transact', 'deadLetter'],
  ],
])('%s', async (_, handle, parts, expected) => {
  expect(await callsOf(worldOf(handle), handle, parts)).toEqual([...expected, 'done']);
});

it('whoever waits for a lease has scheduled when the message is done', async () => {
  expect(await callsOf(await afterDeath(), done)).toEqual(['transact', 'get', 'schedule', 'done']);
});

it('whoever waits until the process is older has scheduled when the message is done', async () => {
  const world = await afterDeath();
  const { runId } = (await world.record('deployment-requested', event)) ?? {};
  const isolation = new Isolation(world.clock.now());

  const calls = await callsOf(world, done, { isolation, body: { ...event, awaitedrun: runId } });

  expect(calls).toEqual(['transact', 'get', 'schedule', 'done']);
});

it('an awaited message is sent again before an earlier one is done', async () => {
  const world = worldOf(done);
  await callsOf(world, async () => requeueAfter(1));

  expect(await callsOf(world, done)).toEqual(['transact', 'get', 'schedule', 'done']);
});

it('a run that the errors queue did not take is on record as no vanished one, before the message goes back', async () => {
  const world = worldOf(done);
  const calls: string[] = [];
  const watched = lateGate(
    calls,
    away(['deadLetter'], () => true),
  );
  const back = deliver({ definition, handle: fail(refused) as never, body: event }, world.ports(watched), {
    isolation: new Isolation(0),
    timer: (ms, callback) => {
      if (ms === 500) calls.push('pause');
      if (ms === 500) callback();
      return () => {};
    },
  });

  await expect(back).rejects.toThrow('deadLetter away');
  expect(calls).toEqual(['transact', 'deadLetter', 'put', 'pause']);
  expect(await world.record('deployment-requested', event)).toMatchObject({
    ...{ status: 'in-progress', vanished: 0, leaseUntil: world.clock.now() },
  });
});

it('a replay is sent before its entry leaves the errors queue', async () => {
  const world = worldOf(done);
  await callsOf(world, fail(refused));
  const calls: string[] = [];

  await replay(world.bus.errors()[0]?.sequenceNumber ?? '', world.ports(lateGate(calls, (call) => call())));

  expect(calls).toEqual([
    'findDeadLetter',
    'get',
    'schedule begins beside takeDeadLetter',
    'schedule',
    'takeDeadLetter',
  ]);
  expect(world.bus.errors()).toEqual([]);
});

it('a replay that the broker does not take leaves its entry in the errors queue', async () => {
  const world = worldOf(done);
  await callsOf(world, fail(refused));
  const gate = lateGate(
    [],
    away(['schedule'], () => true),
  );

  const replaying = replay(world.bus.errors()[0]?.sequenceNumber ?? '', world.ports(gate));

  await expect(replaying).rejects.toThrow('schedule away');
  expect(world.bus.errors()).toHaveLength(1);
});
