/** `platform-events rbac`: the rights that the app needs in a cluster, from the configuration, for `kubectl apply`. */
import { rolesFor, type Subject } from '../clusters/roles.ts';
import { readConfigFile } from '../settings.ts';
import { CONFIG_FILE } from '../settings-schema.ts';
import { print, readFlags, UsageError } from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';

const USAGE = `usage: platform-events rbac [options]

Prints the roles that the app needs in a cluster, as YAML for kubectl apply: in
each namespace, or where the configuration has patterns cluster-wide.

  --config FILE                        the configuration (PLATFORM_CONFIG, else
                                       platform.config.json)
  --cluster NAME                       the cluster (default)
  --user ID                            who the app is there: a user, such as the
                                       object id of its managed identity
  --service-account NAMESPACE/NAME     or a service account
  --cluster-wide                       even where all namespaces are named`;

const FLAGS = {
  config: { type: 'string' },
  cluster: { type: 'string', default: 'default' },
  user: { type: 'string' },
  'service-account': { type: 'string' },
  'cluster-wide': { type: 'boolean', default: false },
} as const;

export const rbacCommand: CliCommand = {
  ...{ name: 'rbac', summary: 'print the roles that the app needs in a cluster' },
  ...{ usage: USAGE, flags: FLAGS, run: rbac },
};

/** To be replaced: the object id of a managed identity has this form. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** @throws UsageError */
function rbac(args: string[]): void {
  const { values } = readFlags(USAGE, FLAGS, { args });
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
