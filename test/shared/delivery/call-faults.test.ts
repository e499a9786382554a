/** One call of a port fails while the process lives: the event comes to the same end, once, and nothing is lost. */
import { describe, expect, it } from 'vitest';
import type { DeliveryOptions } from '../../../shared/delivery/deliver.ts';
import { Isolation } from '../../../shared/delivery/isolation.ts';
import { NotReplayableError, replay } from '../../../shared/delivery/replay.ts';
import { ConflictError, PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../../shared/ports/handler.ts';
import { failEachCall, runTogether, type Watch } from '../../support/call-faults.ts';
import { away } from '../../support/delivery-cases.ts';
import { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import type { Gate } from '../../support/process.ts';

const REQUESTED = 'deployment-requested';
const STARTED = 'deployment-started';
const START = new DeliveryWorld([]).clock.now();

const requestOf = (id: string): PlatformEvent =>
  newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });
const event = requestOf('request-1');

/** What the handlers did, and how the world looks in the end. */
interface Ending {
  readonly statuses: readonly string[];
  /** Each child by its id. */
  readonly children: readonly string[];
  readonly effects: readonly string[];
  /** The reasons; messages of one id count as one. */
  readonly deadLetters: readonly string[];
  readonly notified: readonly string[];
  /** Begins of a handler for an event that had ended. */
  readonly begunAfterEnd: number;
  readonly isIdle: boolean;
  /** Compared by bounds: one fault costs one more run at most, and no day of waiting. */
  readonly runs: number;
  readonly tookMs: number;
}

type Behave = (event: PlatformEvent, ports: HandlerPorts, elapsedMs: number) => ReturnType<Handler>;

interface Scenario {
  readonly behave: Behave;
  /** What is sent; one event unless said. */
  readonly send?: (world: DeliveryWorld) => Promise<void>;
  /** What happened before the calls that fail one by one. */
  readonly before?: (world: DeliveryWorld) => Promise<void>;
  /** What is done with it; all that is to come unless said. */
  readonly act?: (world: DeliveryWorld, watch: Watch) => Promise<void>;
  readonly notify?: (world: DeliveryWorld, elapsedMs: number) => void;
  readonly inner?: (world: () => DeliveryWorld) => Gate;
  readonly options?: () => DeliveryOptions;
  /** Whether its entry in the errors queue may be there twice, under two ids. */
  readonly isRepeatable?: true;
  readonly expected: Partial<Ending>;
}

/** Applied once per event, as a reconciling adapter does it. */
async function applyEffect({ id }: PlatformEvent, { state }: HandlerPorts): Promise<void> {
  await state.insert('effects', id, {}).catch((error: unknown) => {
    if (!(error instanceof ConflictError)) throw error;
  });
}

const start = (ports: HandlerPorts): void => ports.publish(DeploymentStarted, sampleData.DeploymentStarted);

const tell = ({ id }: PlatformEvent, { notifier }: HandlerPorts): Promise<void> =>
  notifier.notify({ key: `${id}/told`, severity: 'info', title: 'look', text: 'now', event });

const applyAndStart: Behave = async (one, ports) => {
  await applyEffect(one, ports);
  start(ports);
};

/** A process takes what is there, and is gone before its handler's end is on record: in its n-th `put`. */
async function vanish(world: DeliveryWorld, atPut: number): Promise<void> {
  let puts = 0;
  const gate: Gate = (call, name) => {
    if (name === 'put') puts++;
    return puts >= atPut ? new Promise(() => {}) : call();
  };
  world.take(gate);
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  world.returnLocks();
}

async function replayed(world: DeliveryWorld, watch: Watch): Promise<void> {
  // Somebody who is told that it did not work tries again.
  for (let attempts = 0; attempts < 3 && world.bus.errors().length > 0; attempts++) {
    const [entry] = world.bus.errors();
    try {
      await replay(entry?.sequenceNumber ?? '', world.ports(watch.gate()));
    } catch (error) {
      if (error instanceof NotReplayableError) throw error;
    }
  }
  await runTogether(world, watch);
}

const completed = { statuses: [`${REQUESTED} completed`, `${STARTED} completed`], deadLetters: [] };

const scenarios: Readonly<Record<string, Scenario>> = {
  'is handled at once, and has a child': { behave: applyAndStart, expected: completed },
  'is looked at again before it ends': {
    behave: async (one, ports, elapsedMs) => {
      await applyEffect(one, ports);
      if (elapsedMs < 5_000) return requeueAfter(2_000);
      start(ports);
    },
    expected: completed,
  },
  'has a child while it is still looked at': {
    behave: async (one, ports, elapsedMs) => {
      await applyAndStart(one, ports, elapsedMs);
      return elapsedMs < 5_000 ? requeueAfter(2_000) : undefined;
    },
    expected: completed,
  },
  'fails for a while': {
    behave: async (one, ports, elapsedMs) => {
      if (elapsedMs < 5_000) throw new TransientError('wait', { retryAfterMs: 3_000 });
      await applyAndStart(one, ports, elapsedMs);
    },
    expected: completed,
  },
  'fails for good': {
    behave: async (one, ports) => {
      await applyEffect(one, ports);
      throw new PermanentError('refused');
    },
    expected: { statuses: [`${REQUESTED} dead-lettered`], deadLetters: ['Permanent'] },
  },
  'never stops failing': {
    behave: async () => {
      throw new Error('no idea');
    },
    expected: { statuses: [`${REQUESTED} dead-lettered`], deadLetters: ['Error'] },
  },
  'is told of after an outage of the channel': {
    behave: async (one, ports, elapsedMs) => {
      await tell(one, ports);
      await applyAndStart(one, ports, elapsedMs);
    },
    notify: (_, elapsedMs) => {
      if (elapsedMs < 5_000) throw new TransientError('answered 503', { retryAfterMs: 3_000 });
    },
    expected: { ...completed, notified: ['request-1/told'] },
  },
  'is told of on no channel': {
    behave: async (one, ports, elapsedMs) => {
      await tell(one, ports);
      await applyAndStart(one, ports, elapsedMs);
    },
    notify: () => {
      throw new PermanentError('answered 404');
    },
    // A run whose notice may be there or not is repeated as the next redelivery, which its id names.
    isRepeatable: true,
    expected: { ...completed, deadLetters: ['NotificationFailed'], notified: [] },
  },
  'is taken over from a run that vanished': {
    behave: applyAndStart,
    before: (world) => vanish(world, 1),
    expected: completed,
  },
  'is taken over once the process is old enough': {
    behave: applyAndStart,
    before: (world) => vanish(world, 1),
    options: () => ({ isolation: new Isolation(START + 60_000) }),
    expected: completed,
  },
  'comes while the store is away': {
    behave: applyAndStart,
    inner: (world) => away(['get', 'insert', 'put', 'delete', 'transact'], () => world().clock.now() < START + 3_000),
    expected: completed,
  },
  'comes while the broker takes nothing': {
    behave: async (one, ports, elapsedMs) => {
      await applyEffect(one, ports);
      if (elapsedMs < 2_000) return requeueAfter(2_000);
      start(ports);
    },
    inner: () => {
      let refusals = 2;
      return (call, name) => {
        const isAway = (name === 'schedule' || name === 'publishAll') && refusals-- > 0;
        return isAway ? Promise.reject(new TransientError(`${name} away`)) : call();
      };
    },
    expected: completed,
  },
  'is of a type that this build does not know': {
    behave: async () => {},
    send: async ({ bus }) => {
      const body = Buffer.from(JSON.stringify({ ...event, dataversion: 2 }));
      bus.broker.send('deployment-requested', [
        { messageId: 'newer', subject: 'DeploymentRequested', body, sizeBytes: body.length },
      ]);
    },
    expected: { statuses: [], deadLetters: ['UnknownEvent'] },
  },
  'is not valid': {
    behave: async () => {},
    send: async ({ bus }) => {
      const body = Buffer.from('not JSON');
      bus.broker.send('deployment-requested', [
        { messageId: 'invalid', subject: 'DeploymentRequested', body, sizeBytes: body.length },
      ]);
    },
    expected: { statuses: [], deadLetters: ['InvalidEvent'] },
  },
  'is replayed when its cause is mended': {
    behave: async (one, ports, elapsedMs) => {
      if ((await ports.state.get('mended', 'yes')) === undefined) throw new PermanentError('refused');
      await applyAndStart(one, ports, elapsedMs);
    },
    before: async (world) => {
      await world.run();
      await world.state.insert('mended', 'yes', {});
    },
    act: replayed,
    expected: completed,
  },
  'comes together with another': {
    behave: applyAndStart,
    send: async ({ bus }) => {
      for (const one of [event, requestOf('request-2')]) await bus.publish(one);
    },
    expected: { statuses: [REQUESTED, REQUESTED, STARTED, STARTED].map((one) => `${one} completed`), deadLetters: [] },
  },
  'comes twice at once': {
    behave: applyAndStart,
    send: (world) => world.publishTwice(event),
    expected: completed,
  },
};

async function play(scenario: Scenario, watch: Watch, onWorld: (world: DeliveryWorld) => void): Promise<Ending> {
  let begunAfterEnd = 0;
  const notified = new Set<string>();
  const noteBegin = async (handler: string, one: PlatformEvent): Promise<void> => {
    const status = (await world.record(handler, one))?.status;
    if (status === 'completed' || status === 'dead-lettered') begunAfterEnd++;
  };
  const elapsed = (): number => world.clock.now() - START;
  const handlings = {
    requested: async (one: PlatformEvent, ports: HandlerPorts) => {
      await noteBegin(REQUESTED, one);
      return scenario.behave(one, ports, elapsed());
    },
    started: async (one: PlatformEvent, ports: HandlerPorts) => {
      await noteBegin(STARTED, one);
      await applyEffect(one, ports);
    },
  };
  const world: DeliveryWorld = new DeliveryWorld([
    { definition: DeploymentRequested, handle: handlings.requested as Handler<never> },
    { definition: DeploymentStarted, handle: handlings.started as Handler<never> },
  ]);
  world.notify = async ({ key }) => {
    scenario.notify?.(world, elapsed());
    notified.add(key);
  };
  onWorld(world);
  const { send = ({ bus }) => bus.publish(event), options } = scenario;
  const { isRepeatable = false, act = () => runTogether(world, watch, options?.()) } = scenario;
  await send(world);
  await scenario.before?.(world);

  await act(world, watch);

  const records = await world.records();
  const effects: string[] = [];
  for await (const { key } of world.state.query('effects')) effects.push(key);
  return {
    statuses: records.map(({ handler, status }) => `${handler} ${status}`).sort(),
    children: world.bus
      .events({ type: 'DeploymentStarted' })
      .map(({ id }) => id)
      .sort(),
    effects,
    deadLetters: [
      ...new Map(
        world.bus.errors().map(({ messageId, reason }) => [isRepeatable ? reason : messageId, reason]),
      ).values(),
    ],
    notified: [...notified].sort(),
    begunAfterEnd,
    isIdle: world.isIdle,
    runs: records.reduce((sum, { runs }) => sum + runs, 0),
    tookMs: elapsed(),
  };
}

/** Tells of an event with each call failing once, and holds every ending against the undisturbed one. */
async function expectSameEnd(scenario: Scenario): Promise<void> {
  let world = new DeliveryWorld([]);
  const tellIt = (watch: Watch): Promise<Ending> =>
    play(scenario, watch, (made) => {
      world = made;
    });
  const check = (ending: Ending, { runs, tookMs, ...same }: Ending, note: string): void => {
    expect(ending, note).toMatchObject(same);
    expect(ending.runs, `${note}: runs`).toBeLessThanOrEqual(runs + 1);
    expect(ending.tookMs, `${note}: time`).toBeLessThanOrEqual(tookMs + 10 * 60_000);
  };
  const { inner } = scenario;

  const undisturbed = await failEachCall(tellIt, check, inner && (() => inner(() => world)));

  expect(undisturbed).toMatchObject({ begunAfterEnd: 0, isIdle: true, ...scenario.expected });
}

describe('whichever call fails once, an event comes to the same end that', () => {
  it.each(Object.entries(scenarios))('%s', (_, scenario) => expectSameEnd(scenario));
});

// When the record cannot be written after the entry, the message says that its run ended, and the event is run again.
it('whichever call fails once, an event is not run again that is given up after three runs that vanished', () =>
  expectSameEnd({
    behave: async () => {},
    before: async (world) => {
      await vanish(world, 1);
      while (((await world.record(REQUESTED, event))?.runs ?? 0) < 3) {
        // A take-over begins with a `put` of its own.
        await vanish(world, 2);
        world.clock.runNext(Number.POSITIVE_INFINITY);
      }
    },
    expected: { statuses: [`${REQUESTED} dead-lettered`], deadLetters: ['WorkerCrashed'] },
  }));
