/** `$cbs`: where a client puts the tokens that give it access to entities. */

import type { SharedKey } from '../../auth/sasl.ts';
import { pathOf, refuseToken } from '../../auth/token.ts';
import type { Broker } from '../../core/broker.ts';
import { BrokerError } from '../../core/broker-error.ts';
import type { LinkConnection } from '../engine/link.ts';
import type { AmqpRequest, AmqpResponse } from '../engine/request.ts';
import { parseNodeAddress } from './node-address.ts';

/** Answers one request; a good token adds its entity to what the connection may touch. */
export function answerToken(
  request: AmqpRequest,
  { claims }: Pick<LinkConnection, 'claims'>,
  { key, broker }: { readonly key: SharedKey; readonly broker: Broker },
  nowMs: number,
): AmqpResponse {
  const { operation, properties, body } = request;
  const audience = properties.get('name');
  if (typeof audience !== 'string' || audience === '') return refused('the token names no audience', 400);
  if (operation === 'delete-token') {
    claims.delete(pathOf(audience));
    return { status: 200, description: 'OK' };
  }
  if (operation !== 'put-token') return refused(`unknown operation '${operation}'`, 400);
  const token = Buffer.isBuffer(body) ? body.toString('utf8') : body;
  if (typeof token !== 'string') return refused('the token is no text', 400);
  const fault = refuseToken(token, audience, key, nowMs);
  if (fault) return refused(`${fault} (audience '${audience}')`, 401);
  // The service says so here already, and Go's client looks for it here alone.
  const missing = entityMissing(audience, broker);
  if (missing) return refused(missing, 404);
  claims.add(pathOf(audience));
  // As the service answers; Rust's client takes no other number.
  return { status: 202, description: 'Accepted' };
}

/** Why there is nothing that the audience names; undefined when there is. A token may be for the whole namespace, too. */
function entityMissing(audience: string, broker: Broker): string | undefined {
  const node = parseNodeAddress(audience);
  if (node.kind === 'tokens' || node.path === '') return undefined;
  try {
    broker.resolveEntity(node.path);
    return undefined;
  } catch (error) {
    // A topic, for one, is there although nobody receives from it.
    return error instanceof BrokerError && error.condition === 'amqp:not-found' ? error.message : undefined;
  }
}

const CONDITIONS: Readonly<Record<number, string>> = { 401: 'amqp:unauthorized-access', 404: 'amqp:not-found' };

function refused(description: string, status: number): AmqpResponse {
  return { status, description, condition: CONDITIONS[status] ?? 'amqp:invalid-field' };
}
