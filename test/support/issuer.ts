/** An issuer of tokens on this machine: OpenID Connect discovery, its keys, and tokens signed with them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export const AUDIENCE = 'platform-events';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function newKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** @param now of the clock that the token is checked by, in milliseconds since the Unix epoch */
export function signToken(
  key: SigningKey,
  claims: JWTPayload,
  { now, lifetimeSeconds = 600 }: { now: number; lifetimeSeconds?: number },
): Promise<string> {
  const iat = Math.floor(now / 1_000);
  return new SignJWT({ aud: AUDIENCE, sub: 'somebody', iat, nbf: iat, exp: iat + lifetimeSeconds, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .sign(key.privateKey);
}

export interface LocalIssuer {
  /** What it calls itself. */
  readonly url: string;
  /** The keys that it tells of. */
  keys: readonly unknown[];
  /** Every path that was asked for. */
  readonly asked: string[];
  /** What it answers with instead of what was asked for: a status, or a body of its own. */
  answer: { status?: number; discovery?: unknown; location?: string };
  close(): Promise<void>;
}

export async function startIssuer(keys: readonly unknown[]): Promise<LocalIssuer> {
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    issuer.asked.push(path);
    const { status = 200, discovery, location } = issuer.answer;
    const about = discovery ?? { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` };
    const body = path === '/keys' ? { keys: issuer.keys } : about;
    response.writeHead(status, { 'content-type': 'application/json', ...(location && { location }) });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo;
  const issuer: LocalIssuer = {
    url: `http://127.0.0.1:${port}`,
    keys,
    asked: [],
    answer: {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}
