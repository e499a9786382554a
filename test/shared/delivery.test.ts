/** What becomes of a message: the table of the delivery contract, on the broker's own semantics in virtual time. */
import { describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { type Handler, recheck } from '../../shared/ports.ts';
import { createWorld, type World, type WorldOptions } from '../support/delivery.ts';
import { sampleData } from '../support/events.ts';

const request = newEvent(DeploymentRequested, { id: 'request', source: '/ci', data: sampleData.DeploymentRequested });
const TOPIC = 'deployment-events';

function worldOf(handle: Handler<never>, options: Partial<WorldOptions> = {}): World {
  return createWorld({ handlers: { DeploymentRequested: handle }, ...options });
}

/** A message as any sender may send it, with the label that leads to the handler under test. */
function sendRaw({ bus }: World, body: string | object, messageId = 'raw'): void {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const message = { messageId, subject: 'DeploymentRequested', body: bytes, sizeBytes: bytes.length };
  bus.broker.send(TOPIC, [{ ...message, applicationProperties: {} }]);
}

const unexpected: Handler<never> = async () => {
  throw new Error('the handler must not run');
};

describe('a message that is no event for this handler', () => {
  it('is parked with every issue when it is invalid', async () => {
    const world = worldOf(unexpected);
    sendRaw(world, { ...request, data: { namespace: 'Not A Label', deployment: 'web', replicas: -1 } });
    await world.bus.advance('1m');

    const [error, ...others] = world.bus.errors();
    expect(others).toEqual([]);
    expect(error).toMatchObject({ reason: 'InvalidEvent', subscription: 'deployment-requested' });
    for (const path of ['data.namespace', 'data.image', 'data.replicas']) expect(error?.description).toContain(path);
    expect(JSON.parse(error?.body ?? '')).toMatchObject({ id: 'request' });
    expect(world.pending()).toBe(0);
  });

  it('is parked as it is when it is not even JSON', async () => {
    const world = worldOf(unexpected);
    sendRaw(world, '{"id": ');
    await world.bus.advance('1m');

    expect(world.bus.errors()).toMatchObject([{ reason: 'InvalidEvent', body: '{"id": ' }]);
  });

  it.each([
    ['of an unknown type', { type: 'DeploymentDreamt' }],
    ['of a newer version', { dataversion: 99 }],
  ])('is tried again and then parked when it is %s', async (_, attributes) => {
    const world = worldOf(unexpected);
    sendRaw(world, { ...request, ...attributes });
    await world.bus.settled();
    expect(world.bus.errors()).toEqual([]);

    await world.bus.advance('3h');

    expect(world.bus.errors()).toMatchObject([{ reason: 'UnknownEvent', subscription: 'deployment-requested' }]);
    expect(world.pending()).toBe(0);
  });

  it('is parked when its label lies', async () => {
    const world = worldOf(unexpected);
    sendRaw(world, { ...request, type: 'ClusterCreated', data: sampleData.ClusterCreated });
    await world.bus.settled();

    expect(world.bus.errors()).toMatchObject([{ reason: 'Misdirected', type: 'ClusterCreated' }]);
  });
});

describe('a handler that fails', () => {
  it('is not asked again after a permanent error; its description is cut at 4 KiB', async () => {
    let runs = 0;
    const world = worldOf(async () => {
      runs++;
      throw new PermanentError(`refused ${'ü'.repeat(5_000)}`);
    });
    await world.bus.publish(request);
    await world.bus.advance('3h');

    const [error] = world.bus.errors();
    expect(world.bus.errors()).toHaveLength(1);
    expect(error).toMatchObject({ reason: 'Permanent', description: expect.stringMatching(/^refused ü+\.\.\.$/) });
    expect(Buffer.byteLength(error?.description ?? '')).toBeLessThanOrEqual(4_096);
    expect(runs).toBe(1);
    expect(await world.records()).toMatchObject([{ status: 'parked', tries: 1, reason: 'Permanent' }]);
  });

  it.each([
    ['a transient error', new TransientError('busy'), 'Transient'],
    ['an error of any kind', new RangeError('oops'), 'RangeError'],
  ])('is run twelve times with growing waits after %s, then parked', async (_, error, reason) => {
    const times: number[] = [];
    const world: World = worldOf(
      async () => {
        times.push(world.bus.clock.now());
        throw error;
      },
      { random: spread() },
    );
    await world.bus.publish(request);
    await world.bus.advance('3h');

    const waits = times.slice(1).map((time, n) => time - (times[n] ?? 0));
    expect(times).toHaveLength(12);
    expect(waits.every((wait, n) => wait >= 1_000 && wait <= Math.min(300_000, 1_000 * 3 ** n))).toBe(true);
    expect(Math.max(...waits)).toBeGreaterThan(60_000);
    expect(world.bus.errors()).toMatchObject([{ reason, description: error.message }]);
    expect(await world.records()).toMatchObject([{ status: 'parked', tries: 12, runs: 12 }]);
    expect(world.pending()).toBe(0);
  });

  it('is not asked before the service wants to be asked again', async () => {
    const times: number[] = [];
    const world: World = worldOf(async () => {
      times.push(world.bus.clock.now());
      if (times.length === 1) throw new TransientError('busy', { retryAfterMs: 240_000 });
    });
    await world.bus.publish(request);
    await world.bus.advance('3h');

    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(240_000);
    expect(await world.records()).toMatchObject([{ status: 'finished' }]);
  });

  it('publishes nothing, and keeps the failure on record until the next try', async () => {
    const world = worldOf(async () => {
      throw new TransientError('busy');
    });
    await world.bus.publish(request);
    await world.bus.settled();

    expect(await world.records()).toMatchObject([{ status: 'waiting', copy: 1, tries: 1, error: 'busy' }]);
    expect(world.bus.events()).toHaveLength(1);
  });
});

it('counts no try for a look that is to be taken again', async () => {
  let looks = 0;
  const world = worldOf(async () => (++looks < 40 ? recheck(2_000) : undefined));
  await world.bus.publish(request);
  await world.bus.advance('3m');

  expect(looks).toBe(40);
  expect(await world.records()).toMatchObject([{ status: 'finished', tries: 0, runs: 40 }]);
  expect(world.bus.errors()).toEqual([]);
});

describe('an event that comes again', () => {
  it('has no effect once it is finished', async () => {
    let runs = 0;
    const world = worldOf(async () => void runs++);
    await world.bus.publish(request);
    await world.bus.settled();
    sendRaw(world, request, 'another id');
    await world.bus.advance('1h');

    expect(runs).toBe(1);
    expect(world.pending()).toBe(0);
  });

  it('waits for the lease while it is being handled', async () => {
    let runs = 0;
    let end = (): void => {};
    const world = worldOf(() => {
      runs++;
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    await world.bus.publish(request);
    await world.bus.settled();
    sendRaw(world, request, 'another id');
    await world.bus.settled();
    expect(runs).toBe(1);
    expect(world.log.lines.filter(({ message }) => message.startsWith('somebody else'))).toHaveLength(1);

    end();
    await world.bus.advance('1m');

    expect(runs).toBe(1);
    expect(await world.records()).toMatchObject([{ status: 'finished', runs: 1 }]);
    expect(world.pending()).toBe(0);
  });

  it('runs again with fresh tries when it is a replay of a parked one', async () => {
    let isMended = false;
    let runs = 0;
    const world = worldOf(async () => {
      runs++;
      if (!isMended) throw new TransientError('busy');
    });
    await world.bus.publish(request);
    await world.bus.advance('3h');
    expect(await world.records()).toMatchObject([{ status: 'parked', copy: 11 }]);

    sendRaw(world, { ...request, copy: 11 }, 'the parked copy itself');
    await world.bus.advance('1m');
    expect(runs).toBe(12);

    isMended = true;
    const messageId = 'replay';
    const at = world.bus.clock.now();
    await world.bus.schedule({ event: request, at, to: 'deployment-requested', copy: 12, messageId });
    await world.bus.advance('1m');

    expect(await world.records()).toMatchObject([{ status: 'finished', copy: 12, tries: 0, runs: 13 }]);
  });
});

describe('when the broker or the store does not answer', () => {
  it('goes back to the broker when it can neither be put off nor parked, and is dead-lettered at last', async () => {
    const world = worldOf(unexpected, {
      before: (call) => {
        if (call.startsWith('bus.')) throw new TransientError('the broker is away');
      },
    });
    await world.bus.publish(request);
    await world.bus.advance('3h');

    expect(world.rejections()).toBe(10);
    expect(world.bus.errors()).toMatchObject([{ subscription: 'deployment-requested', type: 'DeploymentRequested' }]);
    expect(world.pending()).toBe(0);
  });

  it('is carried to its end when they answer again', async () => {
    let runs = 0;
    const world: World = worldOf(async () => void runs++, {
      before: () => {
        if (world.bus.clock.now() < Date.parse('2026-01-01T00:00:20Z')) throw new TransientError('away');
      },
    });
    await world.bus.publish(request);
    await world.bus.advance('1h');

    expect(world.rejections()).toBeGreaterThan(1);
    expect(runs).toBe(1);
    expect(await world.records()).toMatchObject([{ status: 'finished' }]);
    expect(world.bus.errors()).toEqual([]);
  });

  it('is put off without a record, and parked at last, when the store stays away', async () => {
    const world = worldOf(unexpected, {
      before: (call) => {
        if (call.startsWith('state.')) throw new TransientError('the store is away');
      },
    });
    await world.bus.publish(request);
    await world.bus.advance('3h');

    expect(world.rejections()).toBe(0);
    expect(world.bus.errors()).toMatchObject([{ reason: 'Transient', description: 'the store is away' }]);
    expect(world.pending()).toBe(0);
  });
});

/** Random numbers that come near both ends. */
function spread(): () => number {
  let n = 0;
  return () => (n++ * 0.618034) % 1;
}
