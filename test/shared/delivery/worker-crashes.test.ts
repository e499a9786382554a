/** An event that ends the worker process harms nobody but itself, whatever runs beside it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { Handler, HandlerPorts } from '../../../shared/ports/handler.ts';
import { CrashingHost } from '../../support/crashing-host.ts';
import { seeded } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import { recordsOf } from '../../support/records.ts';

const NEIGHBOURS = 15;
const TRAFFIC = 150;

interface Trial {
  readonly poisons: number;
  /** How long runs of good events take, at most. */
  readonly runMs: number;
  readonly seed: number;
}

/** Poison and its neighbours come at the same moment, more events one after the other before and after. */
async function play({ poisons, runMs, seed }: Trial) {
  const random = seeded(seed);
  const bus = new InMemoryEventBus();
  const host = new CrashingHost(bus, random);
  const ended: string[] = [];
  host.serve(DeploymentRequested, (end): Handler => {
    return async (event: PlatformEvent, ports: HandlerPorts) => {
      const isPoison = event.id.startsWith('poison');
      // A bad event ends the process at once, or after a while.
      const ms = isPoison ? random() * 1_000 : 5 + random() ** 3 * runMs;
      await new Promise<void>((resolve) => void bus.clock.at(bus.clock.now() + ms, resolve));
      if (isPoison) end();
      else ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: event.id });
    };
  });
  host.serve(
    DeploymentStarted,
    (): Handler =>
      async ({ data }: PlatformEvent) => {
        if ('requestId' in data) ended.push(data.requestId);
      },
  );
  const publish = (id: string): void => {
    const event = newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });
    void bus.publish(event);
  };

  for (let n = 0; n < TRAFFIC; n++) {
    bus.clock.at(bus.clock.now() + random() * 180_000, () => publish(`traffic-${n}`));
  }
  bus.clock.at(bus.clock.now() + 30_000, () => {
    // First, so that all of these are in one worker: two that end a worker each within ten seconds cost deliveries.
    for (let n = 0; n < poisons; n++) publish(`poison-${n}`);
    for (let n = 0; n < NEIGHBOURS; n++) publish(`neighbour-${n}`);
  });
  await bus.advance('30m');

  const finished = (await recordsOf(host.state)).filter(
    ({ handler, status }) => handler === 'deployment-requested' && status === 'completed',
  );
  return { bus, host, ended, finished: finished.length };
}

describe.each([1, 2])('%i events that end the worker', (poisons) => {
  it('are in errors, each by its name, and every other event is handled once', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(50, 1_000, 15_000),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        async (runMs, seed) => {
          const { bus, host, ended, finished } = await play({ poisons, runMs, seed });

          const errors = bus.errors().map(({ reason, body }) => `${reason} ${JSON.parse(body).id}`);
          expect(errors.sort()).toEqual(Array.from({ length: poisons }, (_, n) => `WorkerCrashed poison-${n}`));
          expect(ended.sort()).toEqual([...new Set(ended)].sort());
          expect([ended.length, finished]).toEqual([NEIGHBOURS + TRAFFIC, NEIGHBOURS + TRAFFIC]);
          expect(host.crashes.length).toBeLessThanOrEqual(3 * poisons);
        },
      ),
      { numRuns: 15 },
    );
  });
});
