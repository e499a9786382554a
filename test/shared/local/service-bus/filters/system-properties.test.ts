/** `sys.` in filters: every property that is documented, as the topic has it when the rules are asked. */
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../../shared/local/service-bus/core/clock.ts';
import type { OutgoingMessage } from '../../../../../shared/local/service-bus/core/message.ts';
import { createBroker } from '../../../../../shared/local/service-bus/create-broker.ts';
import { compileSqlFilter } from '../../../../../shared/local/service-bus/filters/sql-filter.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;

/** Whether a message passes a filter of a topic whose messages live for an hour. */
async function passes(
  sqlExpression: string,
  message: Partial<OutgoingMessage> = {},
  parameters: Record<string, string | Date> = {},
): Promise<boolean> {
  const clock = new VirtualClock(NOW);
  const broker = createBroker({ clock });
  broker.createTopic('t', { defaultMessageTimeToLiveMs: HOUR_MS });
  const filter = { kind: 'sql', expression: sqlExpression, parameters } as const;
  broker.createSubscription('t', 's', { deadLetteringOnFilterEvaluationExceptions: true }, [{ name: 'r', filter }]);
  broker.send('t', [{ body: '', sizeBytes: 1_000, ...message }]);
  if (message.scheduledEnqueueTimeMs !== undefined) await clock.advance('1h');
  const { counts } = broker.getSubscription('t', 's');
  expect(counts.deadLetterMessageCount).toBe(0);
  return counts.activeMessageCount === 1;
}

describe('sys. in a filter', () => {
  it.each([
    ['sys.Size = 1000', true],
    ['sys.Size > 1000', false],
    ['sys.DeliveryCount = 0', true],
    ['sys.SequenceNumber = 1 AND sys.EnqueuedSequenceNumber = 1', true],
    ['sys.EnqueuedTimeUtc = @now', true],
    ['sys.enqueuedtimeutc > @now', false],
    ['sys.ExpiresAtUtc - sys.EnqueuedTimeUtc = sys.TimeToLive', true],
    ['sys.TimeToLive <= @hour', true],
    ['sys.TimeToLive < @hour', false],
    ['sys.EnqueuedTimeUtc + sys.TimeToLive = sys.ExpiresAtUtc', true],
    ['sys.State = 0 AND sys.ForcePersistence = FALSE', true],
    ['sys.ScheduledEnqueueTimeUtc IS NULL', true],
    ['sys.LockToken IS NULL AND sys.LockedUntilUtc IS NULL', true],
    ['sys.DeadLetterSource IS NULL AND sys.ViaPartitionKey IS NULL AND sys.PartitionKey IS NULL', true],
    ['EXISTS(sys.SequenceNumber) AND NOT EXISTS(sys.LockToken)', true],
    // Types that have no order with each other are unknown, as everywhere.
    ["sys.EnqueuedTimeUtc > '2026-01-01'", false],
    ['sys.TimeToLive > 5', false],
  ])('%s: %s', async (expression, expected) => {
    expect(await passes(expression, {}, { '@now': new Date(NOW), '@hour': 'PT1H' })).toBe(expected);
  });

  it('reads what the sender set', async () => {
    const later = NOW + HOUR_MS;

    expect(await passes('sys.TimeToLive = @minute', { timeToLiveMs: 60_000 }, { '@minute': 'PT1M' })).toBe(true);
    expect(await passes('sys.TimeToLive = @hour', { timeToLiveMs: 5 * HOUR_MS }, { '@hour': 'PT1H' })).toBe(true);
    expect(
      await passes(
        'sys.ScheduledEnqueueTimeUtc = @later AND sys.EnqueuedTimeUtc = @later',
        { scheduledEnqueueTimeMs: later },
        {
          '@later': new Date(later),
        },
      ),
    ).toBe(true);
    expect(await passes("sys.PartitionKey = 'p'", { partitionKey: 'p' })).toBe(true);
  });

  it('says of a message without end that it expires when time does', () => {
    const arrival = {
      ...{ clock: { now: () => NOW }, sequenceNumber: 1, enqueuedSequenceNumber: 1 },
      longestTimeToLiveMs: Number.POSITIVE_INFINITY,
    };
    const filter = compileSqlFilter('sys.ExpiresAtUtc > @then AND sys.TimeToLive > @days', {
      '@then': new Date('9999-12-31T00:00:00Z'),
      '@days': 'P10000D',
    });

    const content = { messageId: '1', applicationProperties: {}, body: '', sizeBytes: 1, changes: undefined };
    expect(filter(content, arrival)).toBe(true);
  });

  it('knows where a dead letter that was forwarded came from', async () => {
    const clock = new VirtualClock(NOW);
    const broker = createBroker({ clock });
    broker.createTopic('t');
    const expression = "sys.DeadLetterSource = 'q' AND sys.EnqueuedSequenceNumber = 2 AND sys.SequenceNumber = 1";
    broker.createSubscription('t', 's', {}, [{ name: 'r', filter: { kind: 'sql', expression } }]);
    broker.createQueue('q', { forwardDeadLetteredMessagesTo: 't', deadLetteringOnMessageExpiration: true });
    broker.send('q', [
      { body: 'stays', sizeBytes: 1 },
      { body: 'expires', sizeBytes: 1, timeToLiveMs: 1_000 },
    ]);

    await clock.advance('1s');

    expect(broker.getSubscription('t', 's').counts.activeMessageCount).toBe(1);
  });

  it.each([
    ['SET sys.DeliveryCount = 1', 'sys.DeliveryCount cannot be changed at position 1'],
    ['REMOVE sys.Size', 'sys.Size cannot be changed at position 1'],
  ])('is read-only where the service has it so: %s', (expression, why) => {
    const broker = createBroker({ clock: new VirtualClock(NOW) });
    broker.createTopic('t');
    const rule = { name: 'r', filter: { kind: 'true' }, action: { expression } } as const;

    expect(() => broker.createSubscription('t', 's', {}, [rule])).toThrow(why);
  });

  it('is copied by an action, a time span as its seconds', () => {
    const broker = createBroker({ clock: new VirtualClock(NOW) });
    broker.createTopic('t', { defaultMessageTimeToLiveMs: HOUR_MS });
    const expression = 'SET size = sys.Size; SET at = sys.EnqueuedTimeUtc; SET lives = sys.TimeToLive';
    broker.createSubscription('t', 's', {}, [{ name: 'r', filter: { kind: 'true' }, action: { expression } }]);
    broker.send('t', [{ body: '', sizeBytes: 10 }]);

    const [message] = broker.getSubscription('t', 's').queue.peek(0, 1);

    expect(message?.content.applicationProperties).toMatchObject({ size: 10, at: new Date(NOW), lives: '3600' });
  });
});
