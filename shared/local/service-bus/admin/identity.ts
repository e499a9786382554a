/**
 * The endpoint of a managed identity, as App Service has it: `DefaultAzureCredential` and its parts ask it for a token
 * when IDENTITY_ENDPOINT and IDENTITY_HEADER are set, over plain HTTP.
 *
 * @see https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 */
import type { IncomingMessage } from 'node:http';
import type { LocalIdentities } from '../auth/local-identity.ts';

export const IDENTITY_PATH = '/msi/token';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Answers with a token for the identity that the request names. */
export function answerIdentity(
  { headers }: IncomingMessage,
  { searchParams }: URL,
  identities: LocalIdentities,
  nowMs: number,
): Answer {
  // The header is what a page in a browser cannot send, and a forwarded request does not have.
  if (!identities.isSecret(`${headers['x-identity-header']}`)) {
    return refused(401, 'X-IDENTITY-HEADER: expected what IDENTITY_HEADER is');
  }
  const resource = searchParams.get('resource');
  if (!resource) return refused(400, 'resource: expected what the token is for');
  const clientId = searchParams.get('client_id') ?? undefined;
  const issued = identities.issue(clientId, resource, nowMs);
  if (!issued)
    return refused(400, `there is no identity ${clientId === undefined ? 'without a client id' : `'${clientId}'`}`);
  const { token, expiresAtS } = issued;
  const body = {
    access_token: token,
    expires_on: `${expiresAtS}`,
    resource,
    token_type: 'Bearer',
    client_id: clientId,
  };
  return { status: 200, body: JSON.stringify(body) };
}

function refused(statusCode: number, message: string): Answer {
  return { status: statusCode, body: JSON.stringify({ statusCode, message }) };
}
