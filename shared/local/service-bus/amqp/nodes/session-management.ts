/** The operations of an entity's `$management` on its sessions. */

import { BrokerError } from '../../core/broker-error.ts';
import type { MessageQueue } from '../../core/message-queue.ts';
import type { SessionHold } from '../../core/sessions.ts';
import { type AmqpValue, TypedArray } from '../codec/types.ts';
import type { AmqpResponse } from '../engine/request.ts';
import { OK } from './entity-management.ts';
import type { RequestBody } from './request-body.ts';

/** .NET's DateTime.MaxValue: asks for sessions with messages instead of sessions with a recent state. */
const LATEST = Date.UTC(9999, 11, 31);

/**
 * The hold on a session. Requests come over another link than the session's, so the asking client is assumed to hold
 * it.
 */
export function holdOf(queue: MessageQueue, sessionId: string): SessionHold {
  const hold = queue.sessions.holdOf(sessionId);
  if (!hold)
    throw new BrokerError('com.microsoft:session-lock-lost', `session '${sessionId}' of ${queue.path} is not locked`);
  return hold;
}

export function renewSession(queue: MessageQueue, body: RequestBody): AmqpResponse {
  const expiration = new Date(holdOf(queue, body.text('session-id')).renew());
  return { ...OK, body: new Map([['expiration', expiration]]) };
}

export function getSessionState(queue: MessageQueue, body: RequestBody): AmqpResponse {
  const { state } = holdOf(queue, body.text('session-id'));
  return { ...OK, body: new Map([['session-state', state ? Buffer.from(state) : null]]) };
}

export function setSessionState(queue: MessageQueue, body: RequestBody): AmqpResponse {
  holdOf(queue, body.text('session-id')).setState(body.bytes('session-state'));
  return OK;
}

export function listSessions(queue: MessageQueue, body: RequestBody): AmqpResponse {
  const since = body.get('last-updated-time');
  const isRecent = since instanceof Date && since.getTime() < LATEST;
  const ids = queue.sessions.list(isRecent ? since.getTime() : undefined);
  const skip = body.optionalNumber('skip') ?? 0;
  const page = ids.slice(skip, skip + (body.optionalNumber('top') ?? 100));
  if (page.length === 0) return { status: 204, description: 'No sessions' };
  return {
    ...OK,
    body: new Map<string, AmqpValue>([
      ['skip', skip + page.length],
      ['sessions-ids', new TypedArray('string', page)],
    ]),
  };
}
