/**
 * What a `Config.json` may say of access here, beyond what the official emulator reads (it ignores such fields): the
 * authorization rules of the namespace, of queues and of topics, and local identities with their roles.
 */
import * as z from 'zod';
import {
  ACCESS_RIGHTS,
  type AuthorizationRule,
  type Identity,
  PUBLIC_KEY,
  ROLES,
  type Role,
} from '../core/authorization-rule.ts';

const key = z.string().min(1).max(256);

const authorizationRules = z
  .array(
    z.strictObject({
      Name: z.string().min(1).max(256),
      PrimaryKey: key.default(PUBLIC_KEY),
      SecondaryKey: key.optional(),
      Rights: z
        .array(z.enum(ACCESS_RIGHTS))
        .min(1)
        .refine((rights) => !rights.includes('Manage') || ACCESS_RIGHTS.every((right) => rights.includes(right)), {
          error: 'Listen and Send too, since Manage requires them',
        }),
    }),
  )
  .max(12)
  .superRefine((rules, context) => {
    for (const [index, { Name }] of rules.entries()) {
      if (rules.findIndex((rule) => rule.Name === Name) === index) continue;
      context.addIssue({ code: 'custom', path: [index, 'Name'], message: 'a unique name' });
    }
  })
  .optional();

const identities = z
  .array(
    z.strictObject({
      ClientId: z.string().min(1).optional(),
      Roles: z.array(
        z.strictObject({ Role: z.enum(Object.keys(ROLES) as [Role, ...Role[]]), Scope: z.string().optional() }),
      ),
    }),
  )
  .optional();

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
