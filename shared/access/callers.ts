/** Who sent a request: by the bearer token in it, or by App Service; and what the rules of the configuration give them. */
import { createHash } from 'node:crypto';
import { type AccessConfig, APP_SERVICE } from '../config/access.ts';
import { isAttributeText } from '../events/text.ts';
import type { Caller, Callers, Grant, RequestHeaders } from '../ports/access.ts';
import type { Clock } from '../ports/clock.ts';
import { oneLine } from '../shown-text.ts';
import { principalIn } from './app-service.ts';
import type { FetchDocument } from './issuer-keys.ts';
import { fitsPattern } from './patterns.ts';
import { UnauthenticatedError } from './rights.ts';
import { TokenVerifier } from './tokens.ts';

interface CallersNeeds {
  readonly access: AccessConfig;
  readonly clock: Clock;
  readonly fetch: FetchDocument;
  /** Whether the platform says that App Service Authentication is on. */
  readonly isAppServiceAuthOn: boolean;
}

type Claims = Readonly<Record<string, unknown>>;

export function createCallers({ access, clock, fetch, isAppServiceAuthOn }: CallersNeeds): Callers {
  const verifier = new TokenVerifier(access.issuers, clock, fetch);
  return {
    identify: async (headers: RequestHeaders): Promise<Caller> => {
      const authorization = headers.get('authorization');
      if (authorization !== null) {
        const [, token] = /^bearer +([A-Za-z0-9_.-]+)$/i.exec(authorization.trim()) ?? [];
        if (token === undefined) throw new UnauthenticatedError('expected the header authorization: Bearer <token>');
        const { issuer, claims } = await verifier.verify(token);
        return callerOf(access, issuer, claims);
      }
      const principal = principalIn(headers, isAppServiceAuthOn);
      if (principal) return callerOf(access, APP_SERVICE, principal);
      throw new UnauthenticatedError('expected a bearer token of a configured issuer');
    },
  };
}

/** Claims by which issuers call a person or a pipeline; for people to read, never to decide by. */
const ALIASES = ['sub', 'actor', 'preferred_username', 'upn', 'email', 'user_login'];

/** @throws UnauthenticatedError when it says of nobody */
function callerOf({ rules, issuers }: AccessConfig, issuer: string, claims: Claims): Caller {
  const [subject] = [...valuesOf(claims['oid']), ...valuesOf(claims['sub'])];
  if (!subject) throw new UnauthenticatedError('it is not said who signed in');
  const name = nameOf(`${issuer}:${subject}`);
  // Whoever an issuer lets choose a name must not choose that of another issuer's people.
  const others = [...Object.keys(issuers), APP_SERVICE].map((other) => `${other}:`);
  const aliases = ALIASES.flatMap((claim) => valuesOf(claims[claim])).filter(
    (alias) => !others.some((other) => alias.startsWith(other)),
  );
  const grants: Grant[] = rules.filter(
    (rule) =>
      rule.issuer === issuer && Object.entries(rule.claims).every(([claim, wanted]) => fits(claims, claim, wanted)),
  );
  return { name, aliases: [name, ...aliases], grants };
}

const MAX_NAME = 200;

/** What can be shown, searched for and stored, and is no other caller's name: what is cut has a digest of the whole. */
function nameOf(text: string): string {
  if (text.length <= MAX_NAME && oneLine(text) === text && isAttributeText(text)) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  // A character outside the basic plane may have been cut in two; that half is no text.
  return `${oneLine(
    oneLine(text)
      .replaceAll('\ufffd', ' ')
      .slice(0, MAX_NAME - 40),
  )}~${digest}`;
}

function fits(claims: Claims, claim: string, wanted: string | readonly string[]): boolean {
  const values = Object.hasOwn(claims, claim) ? valuesOf(claims[claim]) : [];
  return values.some((value) => [wanted].flat().some((pattern) => fitsPattern(pattern, value)));
}

/** A claim as texts: each of a list; none of an object. */
function valuesOf(value: unknown): string[] {
  return [value].flat().flatMap((one: unknown) => {
    if (typeof one === 'string') return one;
    return typeof one === 'number' || typeof one === 'boolean' ? String(one) : [];
  });
}
