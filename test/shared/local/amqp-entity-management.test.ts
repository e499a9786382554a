/** Answers of `$management` that only clients in other languages look into. */
import rhea from 'rhea';
import { expect, it } from 'vitest';
import { RequestBody } from '../../../shared/local/amqp-bodies.ts';
import { receiveByNumber } from '../../../shared/local/amqp-entity-management.ts';
import { Uuid } from '../../../shared/local/amqp-types.ts';
import { Broker } from '../../../shared/local/broker.ts';
import { VirtualClock } from '../../../shared/local/clock.ts';

it('puts the lock token of a deferred message into it too, where Go looks for it', () => {
  const broker = new Broker({ clock: new VirtualClock() });
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
