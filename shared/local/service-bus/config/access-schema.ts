/**
 * What a `Config.json` may say of access here, beyond what the official emulator reads (it ignores such fields): the
 * authorization rules of the namespace, of queues and of topics, and local identities with their roles.
 */
import * as z from 'zod/mini';
import {
  ACCESS_RIGHTS,
  type AuthorizationRule,
  type Identity,
  PUBLIC_KEY,
  ROLES,
  type Role,
} from '../core/authorization-rule.ts';

const key = z.string().check(z.minLength(1), z.maxLength(256));

const authorizationRules = z.optional(
  z
    .array(
      z.strictObject({
        Name: z.string().check(z.minLength(1), z.maxLength(256)),
        PrimaryKey: z._default(key, PUBLIC_KEY),
        SecondaryKey: z.optional(key),
        Rights: z.array(z.enum(ACCESS_RIGHTS)).check(
          z.minLength(1),
          z.refine((rights) => !rights.includes('Manage') || ACCESS_RIGHTS.every((right) => rights.includes(right)), {
            error: 'Listen and Send too, since Manage requires them',
          }),
        ),
      }),
    )
    .check(
      z.maxLength(12),
      z.superRefine((rules, context) => {
        for (const [index, { Name }] of rules.entries()) {
          if (rules.findIndex((rule) => rule.Name === Name) === index) continue;
          context.addIssue({ code: 'custom', path: [index, 'Name'], message: 'a unique name' });
        }
      }),
    ),
);

const identities = z.optional(
  z.array(
    z.strictObject({
      ClientId: z.optional(z.string().check(z.minLength(1))),
      Roles: z.array(
        z.strictObject({ Role: z.enum(Object.keys(ROLES) as [Role, ...Role[]]), Scope: z.optional(z.string()) }),
      ),
    }),
  ),
);

/** The fields of a queue or topic, and those of a namespace. */
export const entityAccess = { AuthorizationRules: authorizationRules };
export const namespaceAccess = { AuthorizationRules: authorizationRules, Identities: identities };

/** As `--strict` has it, the fields are not there. */
type Access = {
  readonly AuthorizationRules?: z.output<typeof authorizationRules>;
  readonly Identities?: z.output<typeof identities>;
};

/** The rules of an entity, when it has any. */
export function rulesOf({ AuthorizationRules }: Access): { authorizationRules?: readonly AuthorizationRule[] } {
  if (!AuthorizationRules) return {};
  return {
    authorizationRules: AuthorizationRules.map(({ Name, PrimaryKey, SecondaryKey, Rights }) => ({
      name: Name,
      primaryKey: PrimaryKey,
      secondaryKey: SecondaryKey,
      rights: Rights,
    })),
  };
}

/** The rules and identities of the one namespace. */
export function accessOf([namespace = {}]: readonly Access[]): {
  authorizationRules?: readonly AuthorizationRule[];
  identities?: readonly Identity[];
} {
  const { Identities } = namespace;
  return {
    ...rulesOf(namespace),
    ...(Identities && {
      identities: Identities.map(({ ClientId, Roles }) => ({
        clientId: ClientId,
        roles: Roles.map(({ Role: role, Scope: scope }) => ({ role, scope })),
      })),
    }),
  };
}
