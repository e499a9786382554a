/** What the log says beside its words when a message is sent on: enough to find it again. */
import { expect, it } from 'vitest';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { Isolation } from '../../../shared/delivery/isolation.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { DeploymentStarted } from '../../../shared/events/deployment.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import type { Timer } from '../../../shared/timeout.ts';
import {
  away,
  type Behaviour,
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

const ids = { handler: HANDLER, eventId: event.id, correlationId: event.correlationid };
const straight: Gate = (call) => call();

async function linesOf(
  world: DeliveryWorld,
  handle: Behaviour = done,
  gate = straight,
  body: unknown = event,
  isolation?: Isolation,
) {
  const options = { timer: () => () => {}, isolation: isolation ?? new Isolation(0), random: () => 0 };
  await deliver({ definition, handle: handle as never, body }, world.ports(gate), options);
  expect(world.log.lines.every(({ message }) => /\w/.test(message))).toBe(true);
  return world.log.lines.map(({ level, fields: { stack, ...fields } }) => [level, fields]);
}

it('of an attempt without a record: which, why, and when the next is', async () => {
  const gate = away(['transact', 'get', 'put'], () => true);

  expect(await linesOf(worldOf(done), done, gate, { ...event, redelivery: 2 })).toEqual([
    ['warn', { ...ids, reason: 'Transient', error: 'get away', attempt: 1, redelivery: 2 }],
    ['info', { ...ids, attempt: 1, redelivery: 2, inMs: 1_000, isRecorded: false }],
  ]);
});

it('of an event in the errors queue: why, and after how many attempts', async () => {
  const lines = await linesOf(worldOf(done), fail(new PermanentError('refused')));

  expect(lines.at(-1)).toEqual([
    'error',
    { ...ids, reason: 'Permanent', error: 'refused', attempts: 1, redelivery: 0 },
  ]);
});

it('of an event that will be tried again: why, which attempt failed, and when the next is', async () => {
  expect(await linesOf(worldOf(done), fail(new TransientError('wait')), straight, { ...event, redelivery: 2 })).toEqual(
    [
      ['warn', { ...ids, reason: 'Transient', error: 'wait', attempt: 1, redelivery: 2 }],
      ['info', { ...ids, attempt: 1, redelivery: 2, inMs: 1_000 }],
    ],
  );
});

it('of an event that is done: how long it took, in how many runs, and how much followed from it', async () => {
  const world = worldOf(done);
  const handle: Behaviour = async (_, { publish }) => {
    await world.clock.advance('3s');
    publish(DeploymentStarted, sampleData.DeploymentStarted, { key: 'one' });
    publish(DeploymentStarted, sampleData.DeploymentStarted, { key: 'two' });
  };

  expect(await linesOf(world, handle)).toEqual([['info', { ...ids, ms: 3_000, runs: 1, published: 2 }]]);
});

it('of a message that goes back to the broker: how often it came, and why', async () => {
  const world = worldOf(done);
  const ports = world.ports(away(['transact', 'get', 'put', 'schedule'], () => true));
  const timer: Timer = (ms, callback) => {
    if (ms === 2_000) callback();
    return () => {};
  };
  const back = deliver({ definition, handle: done as never, body: event, deliveryCount: 3 }, ports, { timer });

  await expect(back).rejects.toThrow('schedule away');

  expect(world.log.lines.at(-1)).toMatchObject({
    ...{ level: 'error', message: 'message abandoned' },
    fields: { handler: HANDLER, deliveryCount: 3, reason: 'Transient', error: 'schedule away' },
  });
});

it('of a message that is no event: at which handler, and why', async () => {
  expect(await linesOf(worldOf(done), done, straight, 'no event')).toEqual([
    ['error', { handler: HANDLER, reason: 'InvalidEvent', error: expect.stringContaining('expected JSON') }],
  ]);
});

it.each([
  ['for a lease', new Isolation(0), {}, 30_000],
  ['until the process is older', undefined, { awaitedrun: 'holder' }, 11_000],
])('of a message that waits %s: for how long', async (_, isolation, marks, inMs) => {
  const world = worldOf(done);
  void deliver({ definition, handle: done as never, body: event }, world.ports(deadFrom('put')));
  for (let turn = 0; turn < 5; turn++) await flushPromises();
  const runId = (await world.record(HANDLER, event))?.runId;
  const body = { ...event, ...('awaitedrun' in marks && { awaitedrun: runId }) };
  const young = isolation ?? new Isolation(world.clock.now());

  expect(await linesOf(world, done, straight, body, young)).toEqual([['info', { ...ids, inMs, redelivery: 0 }]]);
});
