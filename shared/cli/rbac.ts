/** `platform-events rbac`: the rights that the app needs in a cluster, from the configuration, for `kubectl apply`. */
import { rolesFor, type Subject } from '../clusters/roles.ts';
import { readConfigFile } from '../settings.ts';
import { CONFIG_FILE } from '../settings-schema.ts';
import { print, readFlags, UsageError } from '../terminal/command.ts';

export const RBAC_FLAGS = {
  config: { type: 'string' },
  cluster: { type: 'string', default: 'default' },
  user: { type: 'string' },
  'service-account': { type: 'string' },
  'cluster-wide': { type: 'boolean', default: false },
} as const;

/** To be replaced: the object id of a managed identity has this form. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** @throws UsageError */
export function rbac(usage: string, args: string[]): void {
  const { values } = readFlags(usage, RBAC_FLAGS, { args });
  const config = readConfigFile(values.config ?? (process.env['PLATFORM_CONFIG'] || CONFIG_FILE));
  const subject = subjectOf(values);
  print(rolesFor(config, values.cluster, { subject, isClusterWide: values['cluster-wide'] }));
}

function subjectOf({
  user,
  ...others
}: {
  user?: string | undefined;
  'service-account'?: string | undefined;
}): Subject {
  const account = others['service-account'];
  if (account === undefined) return { kind: 'User', name: user ?? NOBODY };
  const [, namespace, name] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(account) ?? [];
  if (user !== undefined || namespace === undefined || name === undefined) {
    throw new UsageError(`--service-account: expected namespace/name, and no --user, got '${account}'`);
  }
  return { kind: 'ServiceAccount', namespace, name };
}
