/** Answers of `$management` that only clients in other languages look into. */
import rhea from 'rhea';
import { expect, it } from 'vitest';
import { swapGuid } from '../../../../../../shared/local/service-bus/amqp/codec/guid.ts';
import { type AmqpValue, Uuid } from '../../../../../../shared/local/service-bus/amqp/codec/types.ts';
import {
  receiveByNumber,
  renewLocks,
  updateDisposition,
} from '../../../../../../shared/local/service-bus/amqp/nodes/entity-management.ts';
import { RequestBody } from '../../../../../../shared/local/service-bus/amqp/nodes/request-body.ts';
import { VirtualClock } from '../../../../../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../../../../../shared/local/service-bus/create-broker.ts';

it('puts the lock token of a deferred message into it too, where Go looks for it', () => {
  const broker = createBroker({ clock: new VirtualClock() });
  const { queue } = broker.createQueue('q');
  broker.send('q', [{ body: 'later', sizeBytes: 5 }]);
  const [locked] = queue.receive();
  queue.defer(locked?.lockToken ?? '');
  const body = new Map<string, number | number[]>([
    ['sequence-numbers', [1]],
    ['receiver-settle-mode', 1],
  ]);

  const answer = receiveByNumber(queue, new RequestBody(body), undefined);

  const messages = answer.body instanceof Map ? answer.body.get('messages') : undefined;
  const [entry] = Array.isArray(messages) ? messages : [];
  const token = entry instanceof Map ? entry.get('lock-token') : undefined;
  const decoded = rhea.message.decode(entry instanceof Map ? entry.get('message') : undefined);
  expect(token).toBeInstanceOf(Uuid);
  expect(decoded.delivery_annotations?.['x-opt-lock-token']).toEqual(token instanceof Uuid ? token.bytes : undefined);
  expect(decoded.message_annotations?.['x-opt-sequence-number']).toBe(1);
});

it('knows a lock by its token in the byte order of the delivery tag too, as Rust gives it back', async () => {
  const clock = new VirtualClock();
  const broker = createBroker({ clock });
  const { queue } = broker.createQueue('q', { lockDurationMs: 10_000 });
  broker.send('q', [{ body: 'x', sizeBytes: 1 }]);
  const [locked] = queue.receive();
  const tag = Buffer.alloc(16);
  locked?.writeLockToken(tag);
  swapGuid(tag);
  const tokens: [string, Uuid[]] = ['lock-tokens', [new Uuid(tag)]];
  await clock.advance('5s');

  const answer = renewLocks(queue, new RequestBody(new Map([tokens])));
  const settled = updateDisposition(
    queue,
    new RequestBody(new Map<string, AmqpValue>([tokens, ['disposition-status', 'completed']])),
  );

  expect(answer).toMatchObject({ status: 200 });
  expect(settled).toMatchObject({ status: 200 });
  expect(queue.activeCount).toBe(0);
});

it('refuses an unknown token, and names it as it was sent', () => {
  const { queue } = createBroker({ clock: new VirtualClock() }).createQueue('q');
  const body = new RequestBody(
    new Map([['lock-tokens', [new Uuid(Buffer.from('00112233445566778899aabbccddeeff', 'hex'))]]]),
  );

  expect(() => renewLocks(queue, body)).toThrow('the lock 00112233-4455-6677-8899-aabbccddeeff on q is lost');
});
