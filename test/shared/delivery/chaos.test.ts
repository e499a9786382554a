/**
 * Random trouble over several events, whichever way their processes run: messages are duplicated and late, locks and leases
 * run out, clocks differ, calls fail or their answers are lost, processes die. Each event comes to its end, once.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_VANISHED } from '../../../shared/delivery/event-record.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import { type Handler, requeueAfter } from '../../../shared/ports/handler.ts';
import { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import { HeldProcesses } from '../../support/held-processes.ts';
import { Process } from '../../support/process.ts';
import { seeded } from '../../support/seeded.ts';

const REQUESTED = 'deployment-requested';
const STARTED = 'deployment-started';

function requestOf(id: string): PlatformEvent {
  return newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });
}

const EVENTS = 3;
/** Of the clock of each process: a minute and a half ahead or behind is more than a lease. */
const SKEWS_MS = [0, 90_000, -90_000];

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

class Trial {
  readonly begunAfterEnd: string[] = [];
  /** Ids of the events that followed, by the chain of the event that they follow from. */
  readonly children = new Map<string, Set<string>>();
  readonly world: DeliveryWorld;
  readonly processes: HeldProcesses;
  readonly #looks = new Map<string, number>();

  constructor(planOf: (id: string) => Plan, seed: number) {
    const requested: Handler = async (of, ports) => {
      const { id } = of;
      this.#noteBegin(REQUESTED, of);
      const look = (this.#looks.get(id) ?? 0) + 1;
      this.#looks.set(id, look);
      const result = plans[planOf(id)](look);
      if (!result) ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: id });
      return result;
    };
    const started: Handler = async (of) => {
      this.#noteBegin(STARTED, of);
      const chain = of.correlationid;
      this.children.set(chain, (this.children.get(chain) ?? new Set()).add(of.id));
    };
    const handlings = [
      { definition: DeploymentRequested, handle: requested },
      { definition: DeploymentStarted, handle: started },
    ];
    this.world = new DeliveryWorld(handlings, seeded(seed));
    this.processes = new HeldProcesses(this.world, SKEWS_MS);
  }

  /** What it draws: a process moves, takes a message, dies; a call fails; time passes. */
  async act(draw: number): Promise<void> {
    const [kind, which] = [draw % 16, Math.floor(draw / 16)];
    const { processes, world } = this;
    if (kind <= 7) processes.move(which);
    else if (kind === 8) processes.move(which, 'fail');
    else if (kind === 9) processes.move(which, 'lose the answer');
    else if (kind <= 12) processes.take(which % SKEWS_MS.length);
    else if (kind === 13) processes.die(which % SKEWS_MS.length);
    // To the next timer, if that is within hours: messages live for days.
    else if (kind === 14) world.clock.runNext(world.clock.now() + 6 * 3_600_000);
    else world.returnLocks();
    await flushPromises();
  }

  #noteBegin(handler: string, of: PlatformEvent): void {
    if (this.world.hasEnded(handler, of)) this.begunAfterEnd.push(`${handler} ${of.id}`);
  }
}

const planArbitrary = fc.constantFrom<Plan>('straight', 'looks', 'fails', 'refuses');

it('loses nothing and ends everything once, whatever fails, dies, is late or comes again', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(planArbitrary, { minLength: EVENTS, maxLength: EVENTS }),
      fc.array(fc.nat(1_000), { maxLength: 150, size: 'max' }),
      fc.nat(),
      async (chosen, draws, seed) => {
        const planOf = (id: string): Plan => chosen[Number(id.slice(-1))] ?? 'straight';
        const trial = new Trial(planOf, seed);
        const { world } = trial;
        for (let n = 0; n < EVENTS; n++) {
          const event = requestOf(`r-${n}`);
          if (n % 2 === 0) await world.publishTwice(event);
          else await world.bus.publish(event);
        }

        for (const draw of draws) await trial.act(draw);
        await trial.processes.calmDown();

        expect(trial.begunAfterEnd).toEqual([]);
        const deadLettered = new Set(world.bus.errors().map(({ body }) => JSON.parse(body).id));
        for (let n = 0; n < EVENTS; n++) {
          const id = `r-${n}`;
          const event = requestOf(id);
          const record = await world.record(REQUESTED, event);
          // Ended by its handler or in the errors queue, never neither.
          expect(record?.status === 'completed' || deadLettered.has(id), `${id} is ${record?.status}`).toBe(true);
          if (record?.status === 'completed')
            expect(trial.children.get(event.correlationid)?.size, `children of ${id}`).toBe(1);
          if (planOf(id) === 'refuses') expect(record?.status).not.toBe('completed');
        }
      },
    ),
    { numRuns: 200 },
  );
});

const death = fc.record({
  call: fc.integer({ min: 1, max: 60 }),
  when: fc.constantFrom('before' as const, 'after' as const),
  lock: fc.constantFrom('abandoned' as const, 'expires' as const),
});

/** What an event does: how long it only looks, how long it fails, and when the sender sends it, again and again. */
const story = fc.record({
  looksMs: fc.constantFrom(0, 0, 3_000),
  failsMs: fc.constantFrom(0, 0, 8_000),
  sentAt: fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 4 }),
});

it('brings every event to its end with one child each, whichever processes die', async () => {
  const stories = fc.array(story, { minLength: 1, maxLength: 4 });
  const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  await fc.assert(
    fc.asyncProperty(stories, fc.array(death, { maxLength: 6 }), seeds, async (events, deaths, seed) => {
      const handle: Handler = async ({ id }, ports) => {
        const { looksMs = 0, failsMs = 0 } = events[Number(id)] ?? {};
        const now = ports.clock.now() - start;
        if (now < looksMs) return requeueAfter(1_000);
        if (now < failsMs) throw new TransientError('wait');
        ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: id });
      };
      const handlings = [
        { definition: DeploymentRequested, handle },
        { definition: DeploymentStarted, handle: async () => {} },
      ];
      const world = new DeliveryWorld(handlings, seeded(seed));
      const start = world.clock.now();
      let calls = 0;
      // A process for every message, of which many are handled at once.
      world.serve(64, async (message) => {
        let fatal: (typeof deaths)[number] | undefined;
        const process = new Process(() => {
          calls++;
          fatal ??= deaths.find(({ call }) => call === calls);
          return fatal?.when;
        });
        await Promise.race([message.deliver(process.gate, { timer: world.timer }), process.died]);
        if (process.isDead && fatal?.lock === 'abandoned') message.abandon();
      });
      for (const [n, { sentAt }] of events.entries()) {
        const { type, ...event } = requestOf(String(n));
        const body = Buffer.from(JSON.stringify({ ...event, type }));
        // Under ids of their own, so that the broker's duplicate detection does not do the delivery's work.
        for (const [m, ms] of sentAt.entries()) {
          const message = { messageId: `${n}-${m}`, subject: type, body, sizeBytes: body.length };
          const sent = { ...message, applicationProperties: {}, scheduledEnqueueTimeMs: start + ms };
          world.bus.broker.schedule('deployment-requested', [sent]);
        }
      }
      await world.bus.advance('30m');

      const records = await world.records();
      const ended = (handler: string): number =>
        records.filter((record) => record.handler === handler && record.status === 'completed').length;
      // Three deaths may happen to hit one and the same event. One between the queue and the record makes two messages.
      const crashes = new Map(world.bus.errors().map((entry) => [entry.messageId, entry]));
      const crashed = (handler: string): number =>
        [...crashes.values()].filter((entry) => entry.reason === 'WorkerCrashed' && entry.subscription === handler)
          .length;
      expect(crashes.size * MAX_VANISHED).toBeLessThanOrEqual(deaths.length);
      expect(ended(REQUESTED) + crashed(REQUESTED)).toBe(events.length);
      expect(ended(STARTED) + crashed(STARTED)).toBeGreaterThanOrEqual(ended(REQUESTED));
      expect(ended(STARTED) + crashed(STARTED)).toBe(records.length - events.length);
      expect(world.isIdle).toBe(true);
    }),
    { numRuns: 60 },
  );
});
