/** A process dies at every point of a delivery, and the broker redelivers: nothing is lost, nothing happens twice. */
import { describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../../shared/ports/handler.ts';
import { DeliveryWorld, type Gate } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';

const REQUESTED = 'deployment-requested';
const event = newEvent(DeploymentRequested, { id: 'request-1', source: '/ci', data: sampleData.DeploymentRequested });

/** What a handler keeps for itself; it outlives the process. */
interface Ledger {
  /** Begins of the handler, by whether the event had been ended by then. */
  begunAfterEnd: number;
  /** What an adapter applied, by what the change is called: applying it again changes nothing. */
  readonly applied: Map<string, number>;
}

type Behaviour = (looks: number, ports: HandlerPorts) => ReturnType<Handler>;

/** A handler that counts its looks in the store and applies one change before its first. */
function handlerOf(world: () => DeliveryWorld, ledger: Ledger, behave: Behaviour): Handler<never> {
  return async ({ id }: { id: string }, ports) => {
    await noteBegin(world(), ledger, REQUESTED, id);
    const looks = await ports.state.get<{ n: number }>('looks', id);
    if (!looks) {
      ledger.applied.set(id, ledger.applied.get(id) ?? 1);
      await ports.state.insert('looks', id, { n: 1 });
    } else await ports.state.put('looks', id, { n: looks.value.n + 1 }, looks.etag);
    return behave((looks?.value.n ?? 0) + 1, ports);
  };
}

async function noteBegin(world: DeliveryWorld, ledger: Ledger, handler: string, id: string): Promise<void> {
  const status = (await world.record(handler, id))?.status;
  if (status === 'completed' || status === 'dead-lettered') ledger.begunAfterEnd++;
}

const start = (ports: HandlerPorts): void => ports.publish(DeploymentStarted, sampleData.DeploymentStarted);

const behaviours: readonly [string, 'completed' | 'dead-lettered', Behaviour][] = [
  ['ends at once', 'completed', async (_, ports) => start(ports)],
  [
    'looks three times before it ends',
    'completed',
    async (looks, ports) => (looks < 3 ? requeueAfter(2_000) : start(ports)),
  ],
  [
    'publishes while it still looks',
    'completed',
    async (looks, ports) => {
      start(ports);
      return looks < 2 ? requeueAfter(2_000) : undefined;
    },
  ],
  [
    'fails twice before it ends',
    'completed',
    async (looks, ports) => {
      if (looks < 3) throw new TransientError('wait', { retryAfterMs: 7_000 });
      start(ports);
    },
  ],
  [
    'fails for good',
    'dead-lettered',
    async (looks) => {
      if (looks < 2) return requeueAfter(1_000);
      throw new PermanentError('refused');
    },
  ],
  [
    'never stops failing',
    'dead-lettered',
    async () => {
      throw new Error('no idea');
    },
  ],
];

class Death extends Error {}

/** Dies at the n-th call, before or after its effect; every later call of that process fails without one. */
function mortal(
  dieAt: number,
  when: 'before' | 'after',
): Gate & { readonly calls: () => number; isDead: () => boolean } {
  let calls = 0;
  const gate: Gate = async (call) => {
    calls++;
    if (calls > dieAt || (calls === dieAt && when === 'before')) throw new Death();
    const result = await call();
    if (calls >= dieAt) throw new Death();
    return result;
  };
  return Object.assign(gate, { calls: () => calls, isDead: () => calls >= dieAt });
}

interface Trial {
  readonly world: DeliveryWorld;
  readonly ledger: Ledger;
  readonly startedIds: Set<string>;
}

function trial(behave: Behaviour): Trial {
  const ledger: Ledger = { begunAfterEnd: 0, applied: new Map() };
  const startedIds = new Set<string>();
  const world: DeliveryWorld = new DeliveryWorld([
    { definition: DeploymentRequested, handle: handlerOf(() => world, ledger, behave) },
    {
      definition: DeploymentStarted,
      handle: async ({ id }: { id: string }) => {
        await noteBegin(world, ledger, 'deployment-started', id);
        startedIds.add(id);
      },
    },
  ]);
  return { world, ledger, startedIds };
}

/** One process lives until it dies; what it had taken stays locked. @returns whether it died */
async function liveAndDie({ world }: Trial, gate: ReturnType<typeof mortal>): Promise<boolean> {
  for (let idle = 0; idle < 200; idle++) {
    const taken = world.take(gate);
    if (taken) {
      // A dead process settles nothing; its abandon is as dead as it is.
      await taken.done.catch((error) => {
        if (!(error instanceof Death)) throw error;
      });
    } else if (world.isIdle || !world.clock.runNext(Number.POSITIVE_INFINITY)) return false;
    if (gate.isDead()) return true;
  }
  throw new Error('the process neither ends nor dies');
}

async function expectEnding(
  { world, ledger, startedIds }: Trial,
  status: 'completed' | 'dead-lettered',
): Promise<void> {
  expect(world.isIdle, 'no message is left').toBe(true);
  expect((await world.record(REQUESTED, event.id))?.status).toBe(status);
  expect(ledger.begunAfterEnd, 'begins after the end').toBe(0);
  expect([...ledger.applied.values()]).toEqual([1]);
  expect(startedIds.size, 'children').toBe(status === 'completed' ? 1 : 0);
  // A death between the queue and the record makes two messages; they bear one id, so that they count as one.
  const errors = new Set(world.bus.errors().map(({ messageId }) => messageId));
  expect(errors.size).toBe(status === 'dead-lettered' ? 1 : 0);
}

describe.each(behaviours)('a handler that %s', (_, status, behave) => {
  it('comes to its end undisturbed', async () => {
    const undisturbed = trial(behave);
    await undisturbed.world.bus.publish(event);

    await undisturbed.world.run();

    await expectEnding(undisturbed, status);
  });

  it.each([
    ['before', 'expire'],
    ['after', 'come back at once'],
  ] as const)(
    'comes to the same end when its process dies %s any of its calls, and its locks %s',
    async (when, locks) => {
      let deaths = 0;
      for (let dieAt = 1; ; dieAt += dieAt < 40 ? 1 : 6) {
        const disturbed = trial(behave);
        await disturbed.world.bus.publish(event);

        if (!(await liveAndDie(disturbed, mortal(dieAt, when)))) break;
        deaths++;
        if (locks === 'come back at once') disturbed.world.returnLocks();
        await disturbed.world.run();

        await expectEnding(disturbed, status);
      }
      expect(deaths).toBeGreaterThan(5);
    },
  );

  it('comes to the same end when it is delivered twice and dies anywhere', async () => {
    for (let dieAt = 1; ; dieAt += dieAt < 40 ? 1 : 6) {
      const disturbed = trial(behave);
      await disturbed.world.publishTwice(event);

      if (!(await liveAndDie(disturbed, mortal(dieAt, 'after')))) break;
      await disturbed.world.run();

      await expectEnding(disturbed, status);
    }
  });

  it('comes to the same end when it dies again at each of the calls after the first death', async () => {
    for (let first = 2; first < 8; first += 2) {
      for (let second = 1; second < 10; second++) {
        const disturbed = trial(behave);
        await disturbed.world.bus.publish(event);

        await liveAndDie(disturbed, mortal(first, 'after'));
        await liveAndDie(disturbed, mortal(second, second % 2 === 0 ? 'before' : 'after'));
        await disturbed.world.run();

        await expectEnding(disturbed, status);
      }
    }
  });
});
