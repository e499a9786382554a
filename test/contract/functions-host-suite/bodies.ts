/** What becomes of a body on its way to a function that takes one message. */
import { expect } from 'vitest';
import type { HostBench } from '../functions-host.ts';

export function bodies({ test, send, calls, dead }: HostBench): void {
  test('text is parsed where it is JSON, whatever the content type, and text otherwise', [], async () => {
    const texts = ['{"a":{"b":1}}', '123', 'true', '00123', 'hello', ''];
    const before = (await calls('text', 0)).length;
    for (const [at, text] of texts.entries()) {
      await send('text', { body: Buffer.from(text), contentType: 'text/plain' });
      await calls('text', before + at + 1);
    }

    const got = (await calls('text', before + texts.length)).slice(before).map(({ body }) => body);

    expect(got).toEqual([{ a: { b: 1 } }, 123, true, '00123', 'hello', '']);
  });

  test('bytes that are no UTF-8 arrive as text with U+FFFD', [], async () => {
    const before = (await calls('text', 0)).length;
    await send('text', { body: Buffer.from('7b2261223a22c328227d', 'hex') });

    const got = (await calls('text', before + 1)).at(-1);

    expect(got?.body).toEqual({ a: '\ufffd(' });
  });

  test('text in an AMQP value is a body, and nothing else in one is', [], async () => {
    const before = (await calls('text', 0)).length;
    // The client sends text as an AMQP value only when told.
    await send('text', { bodyType: 'value', body: '{"v":1}' } as never);
    await send('text', { bodyType: 'value', body: 7 } as never, { bodyType: 'sequence', body: [[1, 2]] } as never);

    await dead('text', 2);

    const got = (await calls('text', before + 1)).slice(before).map(({ body }) => body);
    expect(got).toEqual([{ v: 1 }]);
  });

  test('a binary trigger gets the bytes, and no AMQP value, even of text', [], async () => {
    await send('binary', { body: Buffer.from([0xc3, 0x28]) });
    await send('binary', { bodyType: 'value', body: 'text' } as never);

    await dead('binary', 1);

    const got = (await calls('binary', 1)).map(({ body }) => body);
    expect(got).toEqual([{ base64: Buffer.from([0xc3, 0x28]).toString('base64') }]);
  });
}
