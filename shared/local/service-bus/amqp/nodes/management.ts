/** An entity's `$management`: scheduling for queues and topics, all other operations for queues and subscriptions. */

import type { Broker } from '../../core/broker.ts';
import { BrokerError } from '../../core/broker-error.ts';
import { ADMINISTRATION_CREDITS } from '../../core/limits/throttle.ts';
import { Subscription } from '../../core/topic.ts';
import { AmqpError, TypedArray } from '../codec/types.ts';
import type { AmqpRequest, AmqpResponse } from '../engine/request.ts';
import { readMessage } from '../messages/decode.ts';
import { deleteMessages, OK, peek, receiveByNumber, renewLocks, updateDisposition } from './entity-management.ts';
import { RequestBody } from './request-body.ts';
import { addRule, listRules, removeRule } from './rules.ts';
import { getSessionState, holdOf, listSessions, renewSession, setSessionState } from './session-management.ts';

const PREFIX = 'com.microsoft:';

/** @throws BrokerError when the entity does not exist */
export function checkManaged(broker: Broker, path: string): void {
  if (!isTopic(broker, path)) broker.resolveEntity(path);
}

/** Answers one request on the management node of the entity with that path. */
export function answerManagement(broker: Broker, path: string, request: AmqpRequest): AmqpResponse {
  const { operation } = request;
  const body = new RequestBody(request.body);
  switch (operation.startsWith(PREFIX) ? operation.slice(PREFIX.length) : operation) {
    case 'schedule-message':
      return schedule(broker, path, body);
    case 'cancel-scheduled-message':
      broker.cancelScheduled(path, body.numbers('sequence-numbers'));
      return OK;
    case 'renew-lock':
      return renewLocks(broker.resolve(path), body);
    case 'peek-message':
      return peek(broker.resolveForPeek(path), body);
    case 'batch-delete-messages':
      return withHold(broker, path, body, deleteMessages);
    case 'receive-by-sequence-number':
      return withHold(broker, path, body, receiveByNumber);
    case 'update-disposition':
      return updateDisposition(broker.resolve(path), body);
    case 'renew-session-lock':
      return renewSession(broker.resolve(path), body);
    case 'get-session-state':
      return getSessionState(broker.resolve(path), body);
    case 'set-session-state':
      return setSessionState(broker.resolve(path), body);
    case 'get-message-sessions':
      return listSessions(broker.resolve(path), body);
    case 'add-rule':
      return addRule(subscriptionAt(broker, path), body);
    case 'remove-rule':
      return removeRule(subscriptionAt(broker, path), body);
    case 'enumerate-rules':
      return listRules(subscriptionAt(broker, path), body);
    default:
      throw new AmqpError('amqp:not-implemented', `unknown operation '${operation}'`);
  }
}

/** Calls an operation with the hold on the session that the request names. */
function withHold(broker: Broker, path: string, body: RequestBody, operation: typeof receiveByNumber): AmqpResponse {
  const queue = broker.resolve(path);
  const sessionId = body.optionalText('session-id');
  return operation(queue, body, sessionId === undefined ? undefined : holdOf(queue, sessionId));
}

function schedule(broker: Broker, path: string, body: RequestBody): AmqpResponse {
  const messages = body.list('messages').map((entry) => {
    const bytes = entry instanceof Map ? entry.get('message') : undefined;
    if (!Buffer.isBuffer(bytes))
      throw new AmqpError('com.microsoft:argument-error', 'messages: expected maps with a message');
    return readMessage(bytes);
  });
  return { ...OK, body: new Map([['sequence-numbers', new TypedArray('long', broker.schedule(path, messages))]]) };
}

/** Every use of rules counts as a call of the administration. */
function subscriptionAt(broker: Broker, path: string): Subscription {
  broker.throttle?.spend(ADMINISTRATION_CREDITS);
  const { entity } = broker.resolveEntity(path);
  if (entity instanceof Subscription) return entity;
  throw new BrokerError('amqp:not-allowed', `'${path}' is not a subscription: it has no rules`);
}

function isTopic(broker: Broker, path: string): boolean {
  try {
    broker.getTopic(path);
    return true;
  } catch {
    return false;
  }
}
