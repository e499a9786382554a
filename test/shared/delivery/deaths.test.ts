/** A process that dies at any point of a delivery loses nothing and does nothing twice. */
import { describe, expect, it } from 'vitest';
import { ConflictError, PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import type { Handler, HandlerPorts } from '../../../shared/ports/handler.ts';
import { requeueAfter } from '../../../shared/ports/handler.ts';
import { carryThrough, createWorld, type Death, type World } from '../../support/delivery.ts';
import { sampleData } from '../../support/events.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

/** Applied once per event, as a reconciling adapter does it. */
async function applyEffect({ id }: PlatformEvent, { state }: HandlerPorts): Promise<void> {
  await state.insert('effects', id, {}).catch((error: unknown) => {
    if (!(error instanceof ConflictError)) throw error;
  });
}

const applyAndPublish: Handler = async (event, ports) => {
  await applyEffect(event, ports);
  ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: event.id });
};

const kinds: Record<string, Handler> = {
  finishes: applyAndPublish,
  'looks again first': async (event, ports) => {
    if (ports.clock.now() < START + 5_000) return requeueAfter(2_000);
    return applyAndPublish(event, ports);
  },
  'fails for a while': async (event, ports) => {
    await applyEffect(event, ports);
    if (ports.clock.now() < START + 5_000) throw new TransientError('the cluster is busy');
    return applyAndPublish(event, ports);
  },
  'is dead-lettered': async (event, ports) => {
    await applyEffect(event, ports);
    throw new PermanentError('refused');
  },
};

async function play(kind: string, deaths: readonly Death[]): Promise<World> {
  const request = newEvent(DeploymentRequested, { id: 'request', source: '/ci', data: sampleData.DeploymentRequested });
  const handle = kinds[kind];
  if (!handle) throw new TypeError(`no handler '${kind}'`);
  const world = createWorld({
    handlers: { DeploymentRequested: handle as Handler<never>, DeploymentStarted: applyEffect as Handler<never> },
    deaths,
    random: sequence(),
  });
  await carryThrough(world, '20m', request);
  return world;
}

/** Different names of runs, the same in every play. */
function sequence(): () => number {
  let n = 0;
  return () => (n++ * 0.618034) % 1;
}

async function expectEnd(kind: string, world: World, note: string): Promise<void> {
  const isParked = kind === 'is dead-lettered';
  const effects: string[] = [];
  for await (const { key } of world.state.query('effects')) effects.push(key);
  const children = world.bus.events({ type: 'DeploymentStarted' });
  const records = (await world.records()).map(({ handler, status }) => `${handler} ${status}`).sort();

  expect(world.pending(), `${note}: nothing is left over`).toBe(0);
  if (isParked) {
    expect(records, note).toEqual(['deployment-requested dead-lettered']);
    expect(new Set(world.bus.errors().map(({ messageId }) => messageId)).size, `${note}: is in errors`).toBe(1);
    expect(effects, note).toEqual(['request']);
    expect(children, note).toEqual([]);
    return;
  }
  expect(records, note).toEqual(['deployment-requested completed', 'deployment-started completed']);
  expect(world.bus.errors(), note).toEqual([]);
  expect(children, `${note}: one child`).toHaveLength(1);
  expect(effects.sort(), note).toEqual([children[0]?.id, 'request'].sort());
}

const whens = ['before', 'after'] as const;
const locks = ['abandoned', 'expires'] as const;

describe.each(Object.keys(kinds))('an event that %s', (kind) => {
  it('ends as it should undisturbed', async () => {
    await expectEnd(kind, await play(kind, []), 'undisturbed');
  });

  it('ends so wherever a process dies', async () => {
    const calls = (await play(kind, [])).calls();
    expect(calls).toBeGreaterThan(3);
    for (let call = 1; call <= calls; call++) {
      for (const when of whens) {
        for (const lock of locks) {
          const world = await play(kind, [{ call, when, lock }]);
          await expectEnd(kind, world, `death ${when} call ${call} of ${calls}, lock ${lock}`);
        }
      }
    }
  });

  it('ends so wherever the process that takes over dies too', async () => {
    const calls = (await play(kind, [])).calls();
    for (let call = 1; call <= calls; call++) {
      for (let next = call + 1; next <= call + 6; next++) {
        const deaths = [
          { call, when: 'after', lock: 'abandoned' },
          { call: next, when: 'after', lock: 'expires' },
        ] as const;
        await expectEnd(kind, await play(kind, deaths), `deaths after calls ${call} and ${next}`);
      }
    }
  });
});
