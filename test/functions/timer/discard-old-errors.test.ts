import { expect, it } from 'vitest';
import { handle } from '../../../functions/timer/discard-old-errors.ts';
import { auditOnce } from '../../../shared/access/audit.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { FixedClock, recordingPorts } from '../../support/ports.ts';
import { gated } from '../../support/process.ts';

const MINUTE = 60_000;

it('ends within the time of a function on a slow store, and the next hour goes on', async () => {
  const stored = new MemoryStateStore();
  const clock = new FixedClock('2026-03-01T12:00:00Z');
  const entry = { at: 0, who: 'ada', right: 'publish', what: 'x', from: 'y' } as const;
  for (let n = 0; n < 1_000; n++) await auditOnce(stored, `e-${n}`, entry);
  const state = gated(stored, async (call) => {
    clock.advance(500);
    return call();
  });
  const handling = newEvent(HealthCheck, { source: '/x', data: { service: 'x', good: 1, total: 1 } });
  // The timer asks for what every handler has, and for the errors queue.
  const ports = { ...recordingPorts({ handling, state, clock }), deadLetterQueue: new InMemoryEventBus() };
  const left = async (): Promise<number> => {
    let count = 0;
    for await (const _ of stored.query('audit')) count++;
    return count;
  };
  const took: number[] = [];

  while ((await left()) > 0 && took.length < 20) {
    const begun = clock.now();
    await handle(ports as unknown as Ports);
    took.push(clock.now() - begun);
  }

  expect(await left()).toBe(0);
  expect(Math.max(...took)).toBeLessThan(3 * MINUTE);
});
