/**
 * Several processes deliver the same few events at once; which of them moves, dies, or takes a message next is drawn.
 * Messages are duplicated, locks and leases run out, clocks differ, calls fail or their answers are lost.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EventRecord } from '../../../shared/delivery/event-record.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import { type HandlerPorts, requeueAfter } from '../../../shared/ports/handler.ts';
import { DeliveryWorld, type Gate, seeded } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';

const EVENTS = 3;
const PROCESSES = 3;
/** A minute and a half ahead or behind: more than a lease. */
const SKEWS = [0, 90_000, -90_000];
const REQUESTED = 'deployment-requested';
const STARTED = 'deployment-started';

/** What the handler of an event does at its n-th look. */
const plans = {
  straight: () => undefined,
  looks: (look: number) => (look < 3 ? requeueAfter(2_000) : undefined),
  fails: (look: number) => {
    if (look < 3) throw new TransientError('wait');
  },
  refuses: () => {
    throw new PermanentError('no');
  },
};
type Plan = keyof typeof plans;

/** A call that a process is about to make, or whose answer is on its way. */
interface Pending {
  readonly process: number;
  go(how: 'on' | 'fail' | 'lose the answer'): void;
}

class Trial {
  readonly pending: Pending[] = [];
  readonly begunAfterEnd: string[] = [];
  readonly children = new Set<string>();
  readonly world: DeliveryWorld;
  readonly #looks = new Map<string, number>();
  /** A process that died is another one from then on. */
  readonly #lives: number[] = Array.from({ length: PROCESSES }, () => 0);
  #isCalm = false;

  constructor(planOf: (id: string) => Plan, seed: number) {
    this.world = new DeliveryWorld(
      [
        {
          definition: DeploymentRequested,
          handle: async (event: PlatformEvent, ports: HandlerPorts) => {
            await this.#noteBegin(REQUESTED, event.id);
            const look = (this.#looks.get(event.id) ?? 0) + 1;
            this.#looks.set(event.id, look);
            const result = plans[planOf(event.id)](look);
            if (!result) ports.publish(DeploymentStarted, sampleData.DeploymentStarted);
            return result;
          },
        },
        {
          definition: DeploymentStarted,
          handle: async (event: PlatformEvent) => {
            await this.#noteBegin(STARTED, event.id);
            this.children.add(event.correlationid);
          },
        },
      ],
      seeded(seed),
    );
  }

  /** What it draws: a process moves, takes a message, dies; a call fails; time passes. */
  async act(draw: number): Promise<void> {
    const [kind, which] = [draw % 16, Math.floor(draw / 16)];
    const process = which % PROCESSES;
    if (kind <= 7) this.#move(which, 'on');
    else if (kind === 8) this.#move(which, 'fail');
    else if (kind === 9) this.#move(which, 'lose the answer');
    else if (kind <= 12) this.#take(process);
    else if (kind === 13) this.#die(process);
    else if (kind === 14) this.#passTime();
    else this.world.returnLocks();
    await flushPromises();
  }

  /** From now on nothing goes wrong: everything must come to its end. */
  async calmDown(): Promise<void> {
    this.#isCalm = true;
    for (let steps = 0; steps < 5_000; steps++) {
      if (this.pending.length > 0) this.#move(0, 'on');
      else if (!this.#take(0)) {
        if (this.world.isIdle) return;
        expect(this.#passTime(), 'something is still to come').toBe(true);
      }
      await flushPromises();
    }
    throw new Error('the world does not come to rest');
  }

  /** To the next timer, if that is within hours: messages live for days. */
  #passTime(): boolean {
    return this.world.clock.runNext(this.world.clock.now() + 6 * 3_600_000);
  }

  #move(which: number, how: 'on' | 'fail' | 'lose the answer'): void {
    const [next] = this.pending.splice(which % Math.max(1, this.pending.length), 1);
    next?.go(how);
  }

  #die(process: number): void {
    this.#lives[process] = (this.#lives[process] ?? 0) + 1;
    for (const call of this.pending.filter((one) => one.process === process)) {
      this.pending.splice(this.pending.indexOf(call), 1);
    }
  }

  #take(process: number): boolean {
    const life = this.#lives[process];
    const gate: Gate = (call) =>
      new Promise((resolve, reject) => {
        // What was begun before the process died is not heard of again.
        if (this.#lives[process] !== life) return;
        const go: Pending['go'] = (how) => {
          if (how === 'fail') return reject(new TransientError('away'));
          call().then((value) => (how === 'on' ? resolve(value) : reject(new TransientError('no answer'))), reject);
        };
        this.pending.push({ process, go });
      });
    const skewMs = this.#isCalm ? 0 : (SKEWS[process] ?? 0);
    const taken = this.world.take(gate, {}, skewMs);
    // A settlement that fails leaves the message locked until its lock expires.
    taken?.done.catch(() => {});
    return taken !== undefined;
  }

  async #noteBegin(handler: string, id: string): Promise<void> {
    const status = (await this.world.record(handler, id))?.status;
    if (status === 'completed' || status === 'dead-lettered') this.begunAfterEnd.push(`${handler} ${id}`);
  }
}

const planArbitrary = fc.constantFrom<Plan>('straight', 'looks', 'fails', 'refuses');

it('loses nothing and ends everything once, whatever the interleaving', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(planArbitrary, { minLength: EVENTS, maxLength: EVENTS }),
      fc.array(fc.nat(1_000), { maxLength: 150 }),
      fc.nat(),
      async (chosen, draws, seed) => {
        const planOf = (id: string): Plan => chosen[Number(id.slice(-1))] ?? 'straight';
        const trial = new Trial(planOf, seed);
        const { world } = trial;
        for (let n = 0; n < EVENTS; n++) {
          const event = newEvent(DeploymentRequested, {
            id: `r-${n}`,
            source: '/ci',
            data: sampleData.DeploymentRequested,
          });
          if (n % 2 === 0) await world.publishTwice(event);
          else await world.bus.publish(event);
        }

        for (const draw of draws) await trial.act(draw);
        await trial.calmDown();

        expect(trial.begunAfterEnd).toEqual([]);
        const deadLettered = new Set(world.bus.errors().map(({ body }) => JSON.parse(body).id));
        for (let n = 0; n < EVENTS; n++) {
          const id = `r-${n}`;
          const record: EventRecord | undefined = await world.record(REQUESTED, id);
          // Ended by its handler or in the errors queue, never neither.
          expect(record?.status === 'completed' || deadLettered.has(id), `${id} is ${record?.status}`).toBe(true);
          if (record?.status === 'completed') expect(trial.children.has(id), `the child of ${id}`).toBe(true);
          if (planOf(id) === 'refuses') expect(record?.status).not.toBe('completed');
        }
      },
    ),
    { numRuns: 400 },
  );
});
