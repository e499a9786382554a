/** Random duplicates, delays and deaths over several events: each comes to its end, and has each child exactly once. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_VANISHED } from '../../../shared/delivery/event-record.ts';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { type Handler, requeueAfter } from '../../../shared/ports/handler.ts';
import { createWorld } from '../../support/delivery.ts';
import { sampleData } from '../../support/events.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

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

it('brings every event to its end, with one child each', async () => {
  const stories = fc.array(story, { minLength: 1, maxLength: 4 });
  const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  await fc.assert(
    fc.asyncProperty(stories, fc.array(death, { maxLength: 6 }), seeds, async (events, deaths, seed) => {
      const handle: Handler = async ({ id }, ports) => {
        const { looksMs = 0, failsMs = 0 } = events[Number(id)] ?? {};
        const now = ports.clock.now() - START;
        if (now < looksMs) return requeueAfter(1_000);
        if (now < failsMs) throw new TransientError('wait');
        ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: id });
      };
      const finish: Handler = async () => {};
      const world = createWorld({
        handlers: { DeploymentRequested: handle as Handler<never>, DeploymentStarted: finish as Handler<never> },
        deaths,
        random: randomFrom(seed),
      });
      for (const [n, { sentAt }] of events.entries()) {
        const event = newEvent(DeploymentRequested, {
          id: String(n),
          source: '/ci',
          data: sampleData.DeploymentRequested,
        });
        const body = Buffer.from(JSON.stringify(event));
        // Under ids of their own, so that the broker's duplicate detection does not do the delivery's work.
        for (const [m, ms] of sentAt.entries()) {
          const message = { messageId: `${n}-${m}`, subject: event.type, body, sizeBytes: body.length };
          const sent = { ...message, applicationProperties: {}, scheduledEnqueueTimeMs: START + ms };
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
      const [requested, started] = ['deployment-requested', 'deployment-started'] as const;
      expect(ended(requested) + crashed(requested)).toBe(events.length);
      expect(ended(started) + crashed(started)).toBeGreaterThanOrEqual(ended(requested));
      expect(ended(started) + crashed(started)).toBe(records.length - events.length);
      expect(world.pending()).toBe(0);
    }),
    { numRuns: 60 },
  );
});

/** A small generator (mulberry32): the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
