/** A process dies at every point of a delivery, and the broker redelivers: nothing is lost, nothing happens twice. */
import { describe, expect, it } from 'vitest';
import { ConflictError, PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { type Handler, type HandlerPorts, requeueAfter } from '../../../shared/ports/handler.ts';
import { event, HANDLER } from '../../support/delivery-cases.ts';
import { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import { dyingAt, type Process } from '../../support/process.ts';

type End = 'completed' | 'dead-lettered';
/** What the handler does at its n-th look, so long after the event was sent. */
type Behaviour = (look: number, ports: HandlerPorts, ageMs: number) => ReturnType<Handler>;

const start = (ports: HandlerPorts): void => {
  ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: event.id });
};

const behaviours: readonly [string, End, Behaviour][] = [
  ['ends at once', 'completed', async (_, ports) => start(ports)],
  [
    'looks three times before it ends',
    'completed',
    async (look, ports) => (look < 3 ? requeueAfter(2_000) : start(ports)),
  ],
  [
    'looks for five seconds before it ends',
    'completed',
    async (_, ports, ageMs) => (ageMs < 5_000 ? requeueAfter(2_000) : start(ports)),
  ],
  [
    'publishes while it still looks',
    'completed',
    async (look, ports) => {
      start(ports);
      return look < 2 ? requeueAfter(2_000) : undefined;
    },
  ],
  [
    'fails twice before it ends',
    'completed',
    async (look, ports) => {
      if (look < 3) throw new TransientError('wait', { retryAfterMs: 7_000 });
      start(ports);
    },
  ],
  [
    'fails for five seconds before it ends',
    'completed',
    async (_, ports, ageMs) => {
      if (ageMs < 5_000) throw new TransientError('the cluster is busy');
      start(ports);
    },
  ],
  [
    'fails for good',
    'dead-lettered',
    async () => {
      throw new PermanentError('refused');
    },
  ],
  [
    'fails for good at its second look',
    'dead-lettered',
    async (look) => {
      if (look < 2) return requeueAfter(1_000);
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

class Trial {
  readonly world: DeliveryWorld;
  /** Runs that begin when their event has ended. */
  begunAfterEnd = 0;

  constructor(behave: Behaviour) {
    const handle: Handler = async (handled, ports) => {
      await this.#begin(HANDLER, handled, ports);
      const { id } = handled;
      const looks = await ports.state.get<{ n: number }>('looks', id);
      if (looks) await ports.state.put('looks', id, { n: looks.value.n + 1 }, looks.etag);
      else await ports.state.insert('looks', id, { n: 1 });
      return behave((looks?.value.n ?? 0) + 1, ports, ports.clock.now() - sentAt);
    };
    const started: Handler = (handled, ports) => this.#begin('deployment-started', handled, ports);
    this.world = new DeliveryWorld([
      { definition: DeploymentRequested, handle },
      { definition: DeploymentStarted, handle: started },
    ]);
    const sentAt = this.world.clock.now();
  }

  /** One process lives until it dies; what it has taken stays locked. @returns whether it dies */
  async live(process: Process): Promise<boolean> {
    const { world } = this;
    for (let idle = 0; idle < 200; idle++) {
      const taken = world.take(process.gate);
      if (taken) await Promise.race([taken.done, process.died]);
      else if (world.isIdle || !world.clock.runNext(Number.POSITIVE_INFINITY)) return false;
      if (process.isDead) return true;
    }
    throw new Error('the process neither ends nor dies');
  }

  async expectEnd(end: End, how: string): Promise<void> {
    const { world } = this;
    const isDone = end === 'completed';
    const records = (await world.records()).map(({ handler, status }) => `${handler} ${status}`);
    const children = world.bus.events({ type: 'DeploymentStarted' }).map(({ id }) => id);
    const effects: string[] = [];
    for await (const { key } of world.state.query('effects')) effects.push(key);
    // A death between the queue and the record makes two messages; they bear one id, so that they count as one.
    const errors = new Set(world.bus.errors().map(({ messageId }) => messageId));

    expect(world.isIdle, `no message is left ${how}`).toBe(true);
    expect(records.sort(), how).toEqual(
      isDone ? [`${HANDLER} completed`, 'deployment-started completed'] : [`${HANDLER} dead-lettered`],
    );
    expect(children.length, `children ${how}`).toBe(isDone ? 1 : 0);
    expect(effects.sort(), `effects ${how}`).toEqual([event.id, ...children].sort());
    expect(errors.size, `entries in errors ${how}`).toBe(isDone ? 0 : 1);
    expect(this.begunAfterEnd, `runs after the end ${how}`).toBe(0);
  }

  /** Applies the event once, as a reconciling adapter does. */
  async #begin(handler: string, of: PlatformEvent, { state }: HandlerPorts): Promise<void> {
    if (this.world.hasEnded(handler, of)) this.begunAfterEnd++;
    await state.insert('effects', of.id, {}).catch((error: unknown) => {
      if (!(error instanceof ConflictError)) throw error;
    });
  }
}

const whens = ['before', 'after'] as const;

/** Every call while there are few, then some. */
function* calls(): Generator<number> {
  for (let call = 1; ; call += call < 40 ? 1 : 6) yield call;
}

describe.each(behaviours)('a handler that %s', (_, end, behave) => {
  it('comes to its end undisturbed', async () => {
    const trial = new Trial(behave);
    await trial.world.bus.publish(event);

    await trial.world.run();

    await trial.expectEnd(end, 'undisturbed');
  });

  it.each([
    ['before', 'expire'],
    ['before', 'come back at once'],
    ['after', 'expire'],
    ['after', 'come back at once'],
  ] as const)(
    'comes to the same end when its process dies %s any of its calls, and its locks %s',
    async (when, locks) => {
      let deaths = 0;
      for (const call of calls()) {
        const trial = new Trial(behave);
        await trial.world.bus.publish(event);

        if (!(await trial.live(dyingAt(call, when)))) break;
        deaths++;
        if (locks === 'come back at once') trial.world.returnLocks();
        await trial.world.run();

        await trial.expectEnd(end, `after a death ${when} call ${call}`);
      }
      expect(deaths).toBeGreaterThan(5);
    },
  );

  it('comes to the same end when it is delivered twice and dies anywhere', async () => {
    for (const call of calls()) {
      const trial = new Trial(behave);
      await trial.world.publishTwice(event);

      if (!(await trial.live(dyingAt(call, 'after')))) break;
      await trial.world.run();

      await trial.expectEnd(end, `delivered twice, after a death after call ${call}`);
    }
  });

  it('comes to the same end when the process that takes over dies too', async () => {
    for (let first = 1; first <= 24; first++) {
      for (let second = 1; second <= (first < 8 ? 9 : 6); second++) {
        const trial = new Trial(behave);
        await trial.world.bus.publish(event);

        if (!(await trial.live(dyingAt(first, 'after')))) return;
        if (first % 2 === 0) trial.world.returnLocks();
        await trial.live(dyingAt(second, whens[second % 2] ?? 'before'));
        await trial.world.run();

        await trial.expectEnd(end, `after deaths after call ${first} and at call ${second} of the next process`);
      }
    }
  });
});
