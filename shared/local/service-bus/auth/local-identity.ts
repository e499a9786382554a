/**
 * Entra ID for a laptop: JSON web tokens for identities, each with roles. The key is made from the shared access key, so
 * that tokens which a client keeps are good after a restart too.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/authenticate-application#azure-built-in-roles-for-azure-service-bus
 */
import { createHash, createHmac } from 'node:crypto';
import { type Identity, ROLES } from '../core/authorization-rule.ts';
import { sameText } from './sasl.ts';
import { pathOf, type TokenGrant } from './token.ts';

/** What tokens for Service Bus are for. */
export const AUDIENCE = 'https://servicebus.azure.net';
const ISSUER = 'https://localhost/platform-events';
const TENANT = '00000000-0000-0000-0000-000000000000';
/** Clients' clocks are this machine's. */
const LIFETIME_S = 3600;

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtS: number;
}

export class LocalIdentities {
  readonly #secret: string;
  readonly #key: Buffer;
  readonly #lifetimeS: number;
  readonly #identities: readonly Identity[] | undefined;

  /** @param identities when absent, any client id is that of an owner of the whole namespace */
  constructor(key: string, identities?: readonly Identity[], lifetimeS: number = LIFETIME_S) {
    this.#secret = key;
    this.#key = createHmac('sha256', key).update('tokens of local identities').digest();
    this.#identities = identities;
    this.#lifetimeS = lifetimeS;
  }

  /** Whether a text is the shared access key, which whoever asks for a token has to know. */
  isSecret(text: string): boolean {
    return sameText(text, this.#secret);
  }

  /** A token; undefined when there is no such identity. */
  issue(clientId: string | undefined, audience: string, nowMs: number): IssuedToken | undefined {
    if (!this.#find(clientId)) return undefined;
    const iat = Math.floor(nowMs / 1000);
    const expiresAtS = iat + this.#lifetimeS;
    const id = guidOf(clientId ?? 'system-assigned');
    const signed = [
      { alg: 'HS256', typ: 'JWT' },
      {
        iss: ISSUER,
        aud: audience,
        iat,
        nbf: iat,
        exp: expiresAtS,
        tid: TENANT,
        oid: id,
        sub: id,
        appid: clientId ?? '',
      },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return { token: `${signed}.${this.#sign(signed)}`, expiresAtS };
  }

  /** What a token gives at an address, or the reason to refuse it. */
  read(token: string, address: string, nowMs: number): TokenGrant | string {
    const at = token.lastIndexOf('.');
    if (!sameText(token.slice(at + 1), this.#sign(token.slice(0, at)))) {
      return 'the JSON web token is not of this bus: its signature is wrong';
    }
    // It is our own, so it has these.
    const { aud, exp, appid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      readonly [name: string]: unknown;
    };
    if (`${aud}`.replace(/\/$/, '') !== AUDIENCE) return `the JSON web token is for '${aud}', not for '${AUDIENCE}'`;
    const expiresAtMs = Number(exp) * 1000;
    if (expiresAtMs <= nowMs) return `the token expired at ${new Date(expiresAtMs).toISOString()}`;
    const identity = this.#find(`${appid}` || undefined);
    if (!identity) return `there is no identity '${appid}' any more`;
    const path = `${pathOf(address)}/`;
    const held = identity.roles.filter(({ scope = '' }) => scope === '' || path.startsWith(`${pathOf(scope)}/`));
    return { rights: held.flatMap(({ role }) => ROLES[role]), expiresAtMs };
  }

  #find(clientId: string | undefined): Identity | undefined {
    if (!this.#identities) return { clientId, roles: [{ role: 'Azure Service Bus Data Owner' }] };
    const same = (id: string | undefined): boolean => id?.toLowerCase() === clientId?.toLowerCase();
    return this.#identities.find((identity) => same(identity.clientId));
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

/** Always the same for a name, as the id of a principal is. */
function guidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
