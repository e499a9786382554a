/** What is discarded of the errors queue, and when. */
import { describe, expect, it } from 'vitest';
import { handle as discardOldErrorsByTimer } from '../../../functions/timer/discard-old-errors.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../../shared/config.ts';
import { discardOldErrors } from '../../../shared/delivery/retention.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { DeadLetterEntry } from '../../../shared/ports/bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T12:00:00Z');

describe('the errors queue', () => {
  const bodyOf = (id: string) => ({ messageId: id, body: Buffer.from(id), sizeBytes: 1 });
  // The timer function asks for nothing else.
  const passing = (bus: InMemoryEventBus, log = new RecordingLog()): Promise<void> =>
    discardOldErrorsByTimer({
      ...{ deadLetterQueue: bus, clock: bus.clock, log },
      ...{ state: new MemoryStateStore(), config: parseConfig({}) },
    } as unknown as Ports);
  const idsOf = (bus: InMemoryEventBus): string[] => bus.errors().map(({ messageId }) => messageId);

  it('keeps an entry for fourteen days whatever time to live its sender gave it, then discards it', async () => {
    const bus = new InMemoryEventBus();
    const log = new RecordingLog();
    const given = { messageId: 'given', body: {}, type: 'HealthCheck', reason: 'InvalidEvent', description: 'd' };
    const why = { correlationId: undefined, traceparent: undefined, subscription: 'health-check' };
    await bus.deadLetter({ ...given, ...why, attempts: 1, redelivery: 0 });
    // Nobody receives, so it goes to the errors queue when it expires, and a second time from there.
    bus.broker.send('health-check', [{ ...bodyOf('brief'), timeToLiveMs: 6_000 }]);

    await bus.advance('13d');
    await passing(bus, log);
    expect(idsOf(bus)).toEqual(['given', 'brief']);
    await bus.advance('23h');
    await passing(bus, log);
    expect(idsOf(bus)).toEqual(['given', 'brief']);
    expect(bus.errors()[0]).toMatchObject({ reason: 'InvalidEvent' });
    await bus.advance('61m');
    await passing(bus, log);

    expect(idsOf(bus)).toEqual([]);
    const line = { level: 'warn', message: 'old error discarded' };
    expect(log.lines).toEqual([
      {
        ...line,
        fields: { sequenceNumber: '1', reason: 'InvalidEvent', type: 'HealthCheck', messageId: 'given' },
      },
      {
        ...line,
        fields: { sequenceNumber: 'd1', reason: 'TTLExpiredException', type: undefined, messageId: 'brief' },
      },
    ]);
  });

  it('is emptied of all that is old, and of nothing else', async () => {
    const bus = new InMemoryEventBus();
    for (let n = 0; n < 120; n++) bus.broker.send('errors', [bodyOf(`old-${n}`)]);
    await bus.advance('14d');
    bus.broker.send('errors', [bodyOf('new')]);
    await bus.advance('1m');

    await passing(bus);

    expect(idsOf(bus)).toEqual(['new']);
  });

  it('says whether a pass saw anything that is not old', async () => {
    const bus = new InMemoryEventBus();
    for (const id of ['a', 'b', 'c']) bus.broker.send('errors', [bodyOf(id)]);
    await bus.advance('14d');
    bus.broker.send('errors', [bodyOf('new')]);
    await bus.advance('1m');
    const pass = (): Promise<boolean> =>
      discardOldErrors({ deadLetterQueue: bus, log: new RecordingLog() }, bus.clock.now(), 2);

    expect([await pass(), await pass(), await pass()]).toEqual([false, true, true]);
    expect(idsOf(bus)).toEqual(['new']);
  });

  it('says nothing of an entry that another process discards', async () => {
    const bus = new InMemoryEventBus();
    bus.broker.send('errors', [bodyOf('old')]);
    await bus.advance('14d');
    await bus.advance('1m');
    bus.takeDeadLetter = async () => false;
    const log = new RecordingLog();

    expect(await discardOldErrors({ deadLetterQueue: bus, log }, bus.clock.now(), 1)).toBe(false);

    expect(log.lines).toEqual([]);
  });

  it('is looked at no longer than a timer function may take', async () => {
    const clock = new FixedClock(NOW);
    let taken = 0;
    const entry = { deadLetteredAt: NOW - 15 * DAY, sequenceNumber: '1' } as DeadLetterEntry;
    const deadLetterQueue = {
      deadLetters: async () => Array.from({ length: 50 }, () => entry),
      takeDeadLetter: async () => {
        taken++;
        clock.advance(1_000);
        return true;
      },
    };

    await discardOldErrorsByTimer({ deadLetterQueue, clock, log: new RecordingLog() } as unknown as Ports);

    expect(taken).toBe(150);
  });
});
