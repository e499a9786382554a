/**
 * A person whom App Service Authentication signed in with Entra. The platform puts the header there and removes any that a
 * client sent, but only where it is on; so nothing is read of it unless the platform says that it is.
 *
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */

/** The setting with which the platform says that authentication is on. */
export const AUTH_ENABLED = 'WEBSITE_AUTH_ENABLED';

const HEADER = 'x-ms-client-principal';
const MAX_HEADER = 64 * 1024;

/** What Entra's claims are called in a token, by what App Service calls them. */
const NAMES: Readonly<Record<string, string>> = {
  'http://schemas.microsoft.com/identity/claims/objectidentifier': 'oid',
  'http://schemas.microsoft.com/identity/claims/tenantid': 'tid',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier': 'sub',
  'http://schemas.microsoft.com/ws/2008/06/identity/claims/role': 'roles',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn': 'upn',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress': 'email',
};

/** Its claims, each with all its values; undefined when there is none that can be believed. */
export function principalIn(
  headers: { get(name: string): string | null },
  isEnabled: boolean,
): Readonly<Record<string, readonly string[]>> | undefined {
  const header = isEnabled ? headers.get(HEADER) : null;
  if (header === null || header.length > MAX_HEADER) return undefined;
  let principal: unknown;
  try {
    principal = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
  } catch {
    return undefined;
  }
  const { auth_typ: provider, claims }: { auth_typ?: unknown; claims?: unknown } = Object(principal);
  if (provider !== 'aad' || !Array.isArray(claims)) return undefined;
  const found = new Map<string, string[]>();
  for (const claim of claims) {
    const { typ, val }: { typ?: unknown; val?: unknown } = Object(claim);
    if (typeof typ !== 'string' || typeof val !== 'string') continue;
    const name = Object.hasOwn(NAMES, typ) ? (NAMES[typ] ?? typ) : typ;
    found.set(name, [...(found.get(name) ?? []), val]);
  }
  return Object.fromEntries(found);
}
