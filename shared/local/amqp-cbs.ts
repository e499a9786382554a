/** `$cbs`: where a client puts the tokens that give it access to entities. */
import type { Connection } from './amqp-connection.ts';
import type { Request, Response } from './amqp-request.ts';
import type { SharedKey } from './amqp-sasl.ts';
import { pathOf, refuseToken } from './amqp-token.ts';

/** Answers one request; a good token adds its entity to what the connection may touch. */
export function answerToken(request: Request, connection: Connection, key: SharedKey, nowMs: number): Response {
  const { operation, properties, body } = request;
  const audience = properties.get('name');
  if (typeof audience !== 'string' || audience === '') return refused('the token names no audience', 400);
  if (operation === 'delete-token') {
    connection.claims.delete(pathOf(audience));
    return { status: 200, description: 'OK' };
  }
  if (operation !== 'put-token') return refused(`unknown operation '${operation}'`, 400);
  const token = Buffer.isBuffer(body) ? body.toString('utf8') : body;
  if (typeof token !== 'string') return refused('the token is no text', 400);
  const fault = refuseToken(token, audience, key, nowMs);
  if (fault) return refused(`${fault} (audience '${audience}')`, 401);
  connection.claims.add(pathOf(audience));
  return { status: 200, description: 'OK' };
}

function refused(description: string, status: number): Response {
  const condition = status === 401 ? 'amqp:unauthorized-access' : 'amqp:invalid-field';
  return { status, description, condition };
}
