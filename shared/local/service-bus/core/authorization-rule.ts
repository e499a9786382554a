/**
 * Who may do what: authorization rules, each with two keys and the rights of whoever signs with one of them; and roles.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
 */
import { BrokerError } from './broker-error.ts';

export const ACCESS_RIGHTS = ['Listen', 'Send', 'Manage'] as const;
export type AccessRight = (typeof ACCESS_RIGHTS)[number];

export interface AuthorizationRule {
  readonly name: string;
  readonly primaryKey: string;
  /** Equal to the other one; so that one of them can be changed while clients use the other. */
  readonly secondaryKey?: string | undefined;
  readonly rights: readonly AccessRight[];
}

/**
 * The built-in roles, and what each may do.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/authenticate-application#azure-built-in-roles-for-azure-service-bus
 */
export const ROLES = {
  'Azure Service Bus Data Owner': ['Listen', 'Send', 'Manage'],
  'Azure Service Bus Data Sender': ['Send'],
  'Azure Service Bus Data Receiver': ['Listen'],
} as const satisfies Readonly<Record<string, readonly AccessRight[]>>;

export type Role = keyof typeof ROLES;

/** Who signs in without a key. */
export interface Identity {
  /** Undefined for the system-assigned one, which is meant when a client names none. */
  readonly clientId: string | undefined;
  /** Each for the whole namespace, or for an entity and what is below it. */
  readonly roles: readonly { readonly role: Role; readonly scope?: string | undefined }[];
}

/** The key in the official emulator's connection string, which everybody knows. */
export const PUBLIC_KEY = 'SAS_KEY_VALUE';

/** The service's bounds, for a namespace or an entity. */
const MAX_RULES = 12;
const MAX_LENGTH = 256;

/** @throws BrokerError that names the rule and what is wrong with it */
export function checkRules(path: string, rules: readonly AuthorizationRule[]): void {
  const refuse = (why: string): never => {
    throw new BrokerError('com.microsoft:argument-error', `${path}: ${why}`);
  };
  if (rules.length > MAX_RULES) refuse(`${rules.length} authorization rules; at most ${MAX_RULES} are allowed`);
  const names = new Set<string>();
  for (const { name, primaryKey, secondaryKey = primaryKey, rights } of rules) {
    if (name === '' || name.length > MAX_LENGTH) refuse(`the name of a rule has 1 to ${MAX_LENGTH} characters`);
    if (names.has(name)) refuse(`there are two authorization rules '${name}'`);
    names.add(name);
    for (const key of [primaryKey, secondaryKey]) {
      if (key === '' || key.length > MAX_LENGTH) refuse(`a key of '${name}' has 1 to ${MAX_LENGTH} characters`);
    }
    if (rights.length === 0) refuse(`the rule '${name}' has no rights`);
    const known: readonly string[] = ACCESS_RIGHTS;
    const unknown = rights.find((right) => !known.includes(right));
    if (unknown !== undefined) refuse(`the rule '${name}': expected ${ACCESS_RIGHTS.join(', ')}, got '${unknown}'`);
    // The service's rule, and nearly its words.
    if (rights.includes('Manage') && ACCESS_RIGHTS.some((right) => !rights.includes(right))) {
      refuse(`the rule '${name}': assigning Manage to rights requires Listen and Send to be included with it`);
    }
  }
}
