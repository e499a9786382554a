/** The log of a delivery says what was done: nothing of what the broker did not take. */
import { expect, it } from 'vitest';
import { deliver } from '../../../shared/delivery/deliver.ts';
import { NotFoundError } from '../../../shared/errors.ts';
import type { Timer } from '../../../shared/timeout.ts';
import { away, definition, done, event, fail, HANDLER, worldOf } from '../../support/delivery-cases.ts';

const lost = new NotFoundError('no such deployment');
const brokenCopy = { ...event, data: {} };
const HANDLER_MS = 7_000;

/** The handler's own time never ends; the pause before a message goes back is over at once. */
const atOnce: Timer = (ms, callback) => {
  if (ms !== HANDLER_MS) callback();
  return () => {};
};

it.each([
  ['dead-lettered', fail(lost), event, ['deadLetter'], 'dead-lettered'],
  ['dead-lettered unread', done, brokenCopy, ['deadLetter'], 'dead-lettered'],
  ['scheduled again', fail(new Error('wait')), event, ['schedule'], 'retry scheduled'],
  ['scheduled again without a record', done, event, ['schedule', 'transact'], 'retry scheduled'],
])('an event that cannot be %s is not logged as that', async (_, handle, body, calls, message) => {
  const world = worldOf(handle);
  const ports = world.ports(away(calls, () => true));
  const options = { timer: atOnce, handlerTimeoutMs: HANDLER_MS };

  await expect(deliver({ definition, handle, body }, ports, options)).rejects.toThrow('away');

  const logged = world.log.lines.map((line) => line.message);
  expect(logged).not.toContain(message);
  expect(logged).toContain('message abandoned');
});

it('the reason of a failure is logged though nothing can follow from it', async () => {
  const world = worldOf(fail(lost));
  const ports = world.ports(away(['deadLetter'], () => true));
  const options = { timer: atOnce, handlerTimeoutMs: HANDLER_MS };

  await expect(deliver({ definition, handle: fail(lost), body: event }, ports, options)).rejects.toThrow('away');

  const fields = { reason: 'NotFound', error: 'no such deployment', attempt: 1 };
  expect(world.log.lines).toContainEqual({
    level: 'warn',
    message: 'attempt failed',
    fields: expect.objectContaining(fields),
  });
});

it.each([
  ['dead-lettered', fail(lost), event, 'dead-lettered'],
  ['dead-lettered unread', done, brokenCopy, 'dead-lettered'],
  ['scheduled again', fail(new Error('wait')), event, 'retry scheduled'],
])('an event that was %s is logged as that', async (_, handle, body, message) => {
  const world = worldOf(handle);

  await deliver({ definition, handle, body }, world.ports(), { timer: atOnce, handlerTimeoutMs: HANDLER_MS });

  expect(world.log.lines.map((line) => line.message)).toContain(message);
});

it('a wait for a lease that the broker does not take is not logged', async () => {
  const world = worldOf(done);
  const message = 'lease wait scheduled';
  const handle = () => new Promise<never>(() => {});
  const options = { timer: atOnce, handlerTimeoutMs: HANDLER_MS };
  void deliver({ definition, handle, body: event }, world.ports(), options);
  await new Promise(setImmediate);
  expect(await world.record(HANDLER, event)).toMatchObject({ status: 'in-progress' });

  const second = (gate = away([], () => false)): Promise<void> =>
    deliver({ definition, handle: done, body: event }, world.ports(gate), options);
  await expect(second(away(['schedule'], () => true))).rejects.toThrow('away');

  expect(world.log.lines.map((line) => line.message)).not.toContain(message);
  await second();
  expect(world.log.lines.map((line) => line.message)).toContain(message);
});
