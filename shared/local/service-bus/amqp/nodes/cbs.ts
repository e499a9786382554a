/** `$cbs`: clients put their tokens here, which give access to entities. */

import type { Authority } from '../../auth/authority.ts';
import type { Broker } from '../../core/broker.ts';
import { BrokerError } from '../../core/broker-error.ts';
import type { LinkConnection } from '../engine/link.ts';
import type { AmqpRequest, AmqpResponse } from '../engine/request.ts';
import { parseNodeAddress } from './node-address.ts';

/** Answers one request. A valid token adds its audience to the connection's claims. */
export function answerToken(
  request: AmqpRequest,
  { claims }: Pick<LinkConnection, 'claims'>,
  { authority, broker }: { readonly authority: Authority; readonly broker: Broker },
  nowMs: number,
): AmqpResponse {
  const { operation, properties, body } = request;
  const audience = properties.get('name');
  if (typeof audience !== 'string' || audience === '') return refused('the token has no audience', 400);
  if (operation === 'delete-token') {
    claims.delete(audience);
    return { status: 200, description: 'OK' };
  }
  if (operation !== 'put-token') return refused(`unknown operation '${operation}'`, 400);
  const token = Buffer.isBuffer(body) ? body.toString('utf8') : body;
  if (typeof token !== 'string') return refused('the token is not a text', 400);
  const grant = authority.read(token, audience, nowMs);
  if (typeof grant === 'string') return refused(`${grant} (audience '${audience}')`, 401);
  // The service reports a missing entity here, and the client for Go expects it here.
  const missing = entityMissing(audience, broker);
  if (missing) return refused(missing, 404);
  claims.put(audience, grant);
  // The service's answer, and the only one that the client for Rust accepts.
  return { status: 202, description: 'Accepted' };
}

/**
 * The error when the audience's entity does not exist; undefined when it does, or when the audience is the namespace.
 */
function entityMissing(audience: string, broker: Broker): string | undefined {
  const node = parseNodeAddress(audience);
  if (node.kind === 'tokens' || node.path === '') return undefined;
  try {
    broker.resolveEntity(node.path);
    return undefined;
  } catch (error) {
    // Other errors mean that the entity exists: a topic, for example, cannot be received from.
    return error instanceof BrokerError && error.condition === 'amqp:not-found' ? error.message : undefined;
  }
}

const CONDITIONS: Readonly<Record<number, string>> = { 401: 'amqp:unauthorized-access', 404: 'amqp:not-found' };

function refused(description: string, status: number): AmqpResponse {
  return { status, description, condition: CONDITIONS[status] ?? 'com.microsoft:argument-error' };
}
