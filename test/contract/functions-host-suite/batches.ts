/** Functions that take batches, and functions on sessions. */
import { expect } from 'vitest';
import type { HostBench } from '../functions-host.ts';

export function batches({ test, send, calls, dead }: HostBench): void {
  test('without a data type bodies are parsed by the host, which rewrites dates', [], async () => {
    await send(
      'many',
      { body: Buffer.from('{"at":"2026-01-01T00:00:00+02:00","n":1}') },
      { body: Buffer.from('"2026-01-01T00:00:00Z"') },
      { body: Buffer.from('3') },
    );

    const [first] = await calls('many', 1);

    expect(first?.body).toEqual([{ at: '2025-12-31T22:00:00+00:00', n: 1 }, '2026-01-01T00:00:00Z', 3]);
  });

  test('a body that is no JSON fails the whole batch before the function runs', [], async () => {
    const before = await calls('many', 0);
    await send('many', { body: Buffer.from('{"good":1}') }, { body: Buffer.from('not json') });

    expect((await dead('many', 2)).sort()).toEqual(['not json', '{"good":1}']);
    expect(await calls('many', 0)).toHaveLength(before.length);
  });

  test('properties come as arrays: those of text are compacted, and then do not line up', [], async () => {
    const body = Buffer.from('{"text":1}');
    await send(
      'many-text',
      { body, messageId: 'a', correlationId: 'c-a', applicationProperties: { at: 1 } },
      { body, messageId: 'b', subject: 's-b', partitionKey: 'p-b', applicationProperties: { at: 2 } },
      { body, messageId: 'c', correlationId: 'c-c', applicationProperties: { at: 3 } },
    );

    const [first] = await calls('many-text', 1);

    expect(first?.metadata).toMatchObject({
      messageIdArray: ['a', 'b', 'c'],
      correlationIdArray: ['c-a', 'c-c'],
      subjectArray: ['s-b'],
      labelArray: ['s-b'],
      sessionIdArray: [],
      partitionKeyArray: ['p-b'],
      // As the extension fills it.
      transactionPartitionKeyArray: ['p-b'],
      deliveryCountArray: [1, 1, 1],
      applicationPropertiesArray: [{ at: 1 }, { at: 2 }, { at: 3 }],
      enqueuedTimeUtcArray: Array(3).fill(expect.stringMatching(/T[\d:.]+$/)),
    });
    expect(first?.metadata['sequenceNumberArray']).toEqual(
      Array(3).fill({ low: expect.any(Number), high: expect.any(Number), unsigned: false }),
    );
    expect(first?.metadata).not.toHaveProperty('messageId');
  });

  test('fields of the bodies replace no property', [], async () => {
    const before = (await calls('many-text', 0)).length;
    await send('many-text', { body: Buffer.from('{"messageIdArray":"mine","subject":"mine"}'), messageId: 'd' });

    const call = (await calls('many-text', before + 1)).at(-1);

    expect(call?.metadata['messageIdArray']).toEqual(['d']);
    expect(call?.metadata).not.toHaveProperty('subject');
  });

  test('as text, empty bodies are dropped, and dates stay', [], async () => {
    const before = (await calls('many-text', 0)).length;
    const texts = ['"2026-01-01T00:00:00+02:00"', '', 'not json'];
    await send('many-text', ...texts.map((text) => ({ body: Buffer.from(text) })));

    const call = (await calls('many-text', before + 1)).at(-1);

    expect(call?.body).toEqual(['2026-01-01T00:00:00+02:00', 'not json']);
    expect(call?.metadata['messageIdArray']).toHaveLength(3);
  });

  test('as bytes, every body is there', [], async () => {
    await send('many-binary', { body: Buffer.from([1, 2]) }, { body: Buffer.from([]) }, { body: Buffer.from([0xff]) });

    const [first] = await calls('many-binary', 1);

    expect(first?.body).toEqual([{ base64: 'AQI=' }, { base64: '' }, { base64: '/w==' }]);
  });

  test('a failing function gives the whole batch back', [], async () => {
    await send('many-failing', { body: Buffer.from('1') }, { body: Buffer.from('2') });

    expect((await dead('many-failing', 2)).sort()).toEqual(['1', '2']);
    const got = await calls('many-failing', 3);
    expect(got.map(({ body }) => body)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  test('messages of a session come in order, one after another', [], async () => {
    const letters = ['a', 'b', 'a', 'b', 'a', 'b'];
    await send('sessions', ...letters.map((sessionId, n) => ({ body: Buffer.from(String(n)), sessionId })));

    const got = await calls('sessions', 6);

    const of = (sessionId: string) => got.filter(({ metadata }) => metadata['sessionId'] === sessionId);
    expect(of('a').map(({ body }) => body)).toEqual([0, 2, 4]);
    expect(of('b').map(({ body }) => body)).toEqual([1, 3, 5]);
  });

  test('a batch holds messages of one session', [], async () => {
    const letters = ['x', 'y', 'x', 'y'];
    await send('sessions-many', ...letters.map((sessionId, n) => ({ body: Buffer.from(String(n)), sessionId })));

    const got = await calls('sessions-many', 2);

    expect(got.map(({ body }) => body)).toEqual(
      expect.arrayContaining([
        [0, 2],
        [1, 3],
      ]),
    );
    expect(got.map(({ metadata }) => metadata['sessionIdArray'])).toEqual(
      expect.arrayContaining([
        ['x', 'x'],
        ['y', 'y'],
      ]),
    );
  });
}
