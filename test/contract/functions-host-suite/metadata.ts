/** What a function learns of its message beside the body. */
import type { ServiceBusMessage } from '@azure/service-bus';
import { expect } from 'vitest';
import type { Call, HostBench } from '../functions-host.ts';

export function metadata({ test, send, calls }: HostBench): void {
  async function sendOne(message: ServiceBusMessage): Promise<Call['metadata']> {
    const before = (await calls('text', 0)).length;
    await send('text', message);
    return (await calls('text', before + 1)).at(-1)?.metadata ?? {};
  }

  test('times are text; those named Utc have no zone', [], async () => {
    const got = await sendOne({ body: Buffer.from('x') });

    expect(got['enqueuedTimeUtc']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?$/);
    expect(got['enqueuedTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?\+00:00$/);
    expect(got['expiresAtUtc']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+$/);
    expect(got['expiresAt']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/);
    expect(got['enqueuedTime']).toBe(`${got['enqueuedTimeUtc']}+00:00`);
  });

  test(
    'application properties keep their types, save that a date is text; first letters are lower case',
    [],
    async () => {
      const at = new Date('2026-03-01T12:00:00.250Z');
      const got = await sendOne({
        body: Buffer.from('x'),
        applicationProperties: { 'Event-Type': 'a', count: 2, flag: true, at },
      });

      const properties = { 'event-Type': 'a', count: 2, flag: true, at: '2026-03-01T12:00:00.25Z' };
      expect(got).toMatchObject({ applicationProperties: properties, userProperties: properties });
    },
  );

  test('ids are parsed as JSON; what is not set is not there', [], async () => {
    const got = await sendOne({ body: Buffer.from('x'), messageId: '12345', subject: 's' });

    expect(got).toMatchObject({ messageId: 12345, subject: 's', label: 's', deliveryCount: 1 });
    for (const absent of ['sessionId', 'correlationId', 'to', 'replyTo', 'deadLetterSource']) {
      expect(got).not.toHaveProperty(absent);
    }
  });

  test('what is meant for .NET is there as JSON', [], async () => {
    const got = await sendOne({ body: Buffer.from('x') });

    for (const name of ['messageReceiver', 'messageSession', 'messageActions', 'sessionActions', 'receiveActions']) {
      expect(got[name], name).toEqual({});
    }
    expect(got['client']).toMatchObject({
      fullyQualifiedNamespace: expect.any(String),
      isClosed: false,
      transportType: expect.any(Number),
      identifier: expect.any(String),
    });
  });

  test('fields of a JSON body replace properties of the same name, as .NET writes them', [], async () => {
    const body = {
      subject: 'mine',
      MESSAGEID: 'x-1',
      flag: true,
      off: false,
      at: '2026-01-01T00:00:00Z',
      zoned: '2026-01-01T00:00:00+02:00',
      data: { at: '2026-01-01T00:00:00+02:00' },
      list: [1],
      none: null,
    };
    const got = await sendOne({ body: Buffer.from(JSON.stringify(body)), messageId: 'm-1', subject: 'theirs' });

    expect(got).toMatchObject({
      subject: 'mine',
      label: 'theirs',
      messageId: 'x-1',
      flag: 'True',
      off: 'False',
      at: '01/01/2026 00:00:00',
      zoned: '12/31/2025 22:00:00',
      data: { at: '2025-12-31T22:00:00+00:00' },
    });
    expect(got).not.toHaveProperty('list');
    expect(got).not.toHaveProperty('none');
  });
}
