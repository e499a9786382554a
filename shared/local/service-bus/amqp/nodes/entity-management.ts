/** The operations of an entity's `$management` on messages. Those on sessions and rules are in files of their own. */

import type { MessageQueue } from '../../core/message-queue.ts';
import type { SessionHold } from '../../core/sessions.ts';
import { swappedGuid } from '../codec/guid.ts';
import { AmqpError, type AmqpValue, TypedArray, Uuid } from '../codec/types.ts';
import type { AmqpResponse } from '../engine/request.ts';
import { toChanges } from '../messages/decode.ts';
import { encodeMessage } from '../messages/encode.ts';
import type { RequestBody } from './request-body.ts';

export const OK = { status: 200, description: 'OK' } as const;
/** A peek returns messages up to this size in total, and at least one. */
const MAX_PEEKED_BYTES = 1024 * 1024;

export function renewLocks(queue: MessageQueue, body: RequestBody): AmqpResponse {
  const expirations = tokensOf(queue, body).map((token) => queue.renewLock(token));
  return { ...OK, body: new Map([['expirations', new TypedArray('timestamp', expirations)]]) };
}

export function peek(queue: MessageQueue, body: RequestBody): AmqpResponse {
  const from = body.number('from-sequence-number');
  const found = queue.peek(from, body.number('message-count'), body.optionalText('session-id'));
  const messages: AmqpValue[] = [];
  let size = 0;
  for (const message of found) {
    const bytes = encodeMessage(message);
    size += bytes.length;
    if (size > MAX_PEEKED_BYTES && messages.length > 0) break;
    messages.push(new Map([['message', bytes]]));
  }
  if (messages.length === 0) return { status: 204, description: 'No messages' };
  return { ...OK, body: new Map([['messages', messages]]) };
}

/**
 * Deletes unlocked messages. `session` is the hold of the asking receiver, on an entity with sessions.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/batch-delete
 */
export function deleteMessages(queue: MessageQueue, body: RequestBody, session: SessionHold | undefined): AmqpResponse {
  const before = body.get('enqueued-time-utc');
  if (!(before instanceof Date))
    throw new AmqpError('com.microsoft:argument-error', 'enqueued-time-utc: expected a timestamp');
  const count = body.number('message-count');
  const deleted = queue.deleteMessages(count, before.getTime(), session);
  if (deleted === 0) {
    return { status: 204, description: 'No messages', condition: 'com.microsoft:message-not-found' };
  }
  return { ...OK, body: new Map([['message-count', deleted]]) };
}

/** Locks or removes deferred messages. `session` is the hold of the asking receiver, on an entity with sessions. */
export function receiveByNumber(
  queue: MessageQueue,
  body: RequestBody,
  session: SessionHold | undefined,
): AmqpResponse {
  const mode = body.number('receiver-settle-mode') === 0 ? 'receiveAndDelete' : 'peekLock';
  const deliveries = queue.receiveDeferred(body.numbers('sequence-numbers'), mode, session);
  const messages = deliveries.map((delivery) => {
    const text = delivery.lockToken;
    // Here the token is in the usual order of a UUID. Some clients read it beside the message, some inside.
    const token = text === undefined ? undefined : Uuid.parse(text);
    const entry = new Map<AmqpValue, AmqpValue>([['message', encodeMessage(delivery, token)]]);
    if (token) entry.set('lock-token', token);
    return entry;
  });
  return { ...OK, body: new Map([['messages', messages]]) };
}

/** Settles messages by token: those received by number, or on a link that has ended. */
export function updateDisposition(queue: MessageQueue, body: RequestBody): AmqpResponse {
  const status = body.text('disposition-status').toLowerCase();
  const properties = toChanges(body.map('properties-to-modify'));
  for (const token of tokensOf(queue, body)) {
    if (status === 'completed') queue.complete(token);
    else if (status === 'abandoned') queue.abandon(token, properties);
    else if (status === 'defered' || status === 'deferred') queue.defer(token, properties);
    else if (status === 'suspended') {
      queue.deadLetter(
        token,
        body.optionalText('deadletter-reason'),
        body.optionalText('deadletter-description'),
        properties,
      );
    } else if (status === 'renewed') queue.renewLock(token);
    else throw new AmqpError('com.microsoft:argument-error', `unknown disposition-status '${status}'`);
  }
  return OK;
}

/** Accepts both byte orders: a token holds its queue's salt, so the right order is known. */
function tokensOf(queue: MessageQueue, body: RequestBody): string[] {
  return body.tokens('lock-tokens').map((token) => {
    const swapped = swappedGuid(token);
    return !queue.isLockToken(token) && queue.isLockToken(swapped) ? swapped : token;
  });
}
