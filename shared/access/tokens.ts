/**
 * Checks bearer tokens (JWT, RFC 7519) against the issuers of the configuration: signature by a key of the issuer, issuer,
 * audience, and times. Only signatures with a key pair are taken: with a secret the public key could pass for it.
 */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { type AccessConfig, isEntraShared } from '../config/access.ts';
import type { Clock } from '../ports/clock.ts';
import { type FetchDocument, IssuerKeys, type KeySet } from './issuer-keys.ts';
import { UnauthenticatedError } from './rights.ts';

/** A token that holds. */
export interface VerifiedToken {
  /** The name of its issuer in the configuration. */
  readonly issuer: string;
  readonly claims: Readonly<JWTPayload>;
}

const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** How far the clocks of an issuer and of this app may be apart. */
const CLOCK_TOLERANCE_SECONDS = 60;
const MAX_TOKEN = 16 * 1024;

interface KnownIssuer {
  readonly name: string;
  readonly audience: string;
  /** What `iss` of a token with these claims must be. */
  readonly expectedIssuer: (claims: JWTPayload) => string;
  readonly keys: IssuerKeys;
}

export class TokenVerifier {
  readonly #issuers: readonly KnownIssuer[];
  readonly #clock: Clock;

  constructor(issuers: AccessConfig['issuers'], clock: Clock, fetch: FetchDocument) {
    this.#clock = clock;
    this.#issuers = Object.entries(issuers).map(([name, { issuer, audience, jwksUri, keys }]) => {
      const isShared = isEntraShared(issuer);
      // The document of `common` says `{tenantid}` where a token names its tenant.
      const ofTenant = (tenant: string): string => issuer.replace(/(:\/\/[^/]+\/)[^/]+/, (_, host) => host + tenant);
      const discoveredIssuer = (found: string): boolean =>
        found === issuer || (isShared && found === ofTenant('{tenantid}'));
      return {
        ...{ name, audience },
        expectedIssuer: ({ tid }) => (isShared ? ofTenant(typeof tid === 'string' ? tid : '') : issuer),
        keys: new IssuerKeys({ issuer, jwksUri, keys, discoveredIssuer }, clock, fetch),
      };
    });
  }

  /**
   * @throws UnauthenticatedError saying why it does not hold
   * @throws TransientError when its issuer's keys are not known, and the issuer does not answer
   */
  async verify(token: string): Promise<VerifiedToken> {
    const claimed = claimsIn(token);
    // Several clusters may call their issuers by one name.
    const candidates = this.#issuers.filter(({ expectedIssuer }) => claimed.iss === expectedIssuer(claimed));
    if (candidates.length === 0) throw new UnauthenticatedError('the token is of an issuer that is not configured');
    const failures: unknown[] = [];
    for (const issuer of candidates) {
      try {
        return { issuer: issuer.name, claims: await this.#verifyFrom(issuer, token, claimed) };
      } catch (error) {
        failures.push(error);
      }
    }
    // What could not be judged is not refused.
    throw failures.find((error) => !(error instanceof UnauthenticatedError)) ?? failures[0];
  }

  async #verifyFrom(issuer: KnownIssuer, token: string, claimed: JWTPayload): Promise<JWTPayload> {
    try {
      return await this.#verifyWith(await issuer.keys.current(), issuer, token, claimed);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusalOf(error);
    }
    const newer = await issuer.keys.newer();
    if (!newer) throw new UnauthenticatedError('the token is signed with a key that its issuer does not have');
    try {
      return await this.#verifyWith(newer, issuer, token, claimed);
    } catch (error) {
      throw refusalOf(error);
    }
  }

  async #verifyWith(
    keys: KeySet,
    { audience, expectedIssuer }: KnownIssuer,
    token: string,
    claimed: JWTPayload,
  ): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      issuer: expectedIssuer(claimed),
      audience,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(this.#clock.now()),
      requiredClaims: ['exp', 'sub'],
    });
    return payload;
  }
}

function claimsIn(token: string): JWTPayload {
  if (token.length > MAX_TOKEN) throw new UnauthenticatedError(`the token is longer than ${MAX_TOKEN} characters`);
  try {
    return decodeJwt(token);
  } catch {
    throw new UnauthenticatedError('the token is no JWT');
  }
}

/** What a sender needs to know to mend it. The token itself, and what it says, is not repeated. */
function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new UnauthenticatedError('the token has expired', { cause: error });
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new UnauthenticatedError(`the claim '${error.claim}' of the token does not fit`, { cause: error });
  }
  if (error instanceof errors.JOSEError) {
    return new UnauthenticatedError('the signature of the token does not hold', { cause: error });
  }
  // A key that this runtime cannot import.
  if (error instanceof TypeError || error instanceof DOMException) {
    return new UnauthenticatedError('the token cannot be checked with the key that it names', { cause: error });
  }
  return error;
}
