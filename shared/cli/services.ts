/**
 * `platform-events services unfreeze|override`: lets releases of a frozen service through, with a reason;
 * `platform-events deployments rollback`: rolls one back.
 */
import { parseTarget } from '../events/deployment-target.ts';
import { oneLine } from '../shown-text.ts';
import { green, print, printJson, readFlags, UsageError } from '../terminal/command.ts';
import { appAt, COMMON } from './options.ts';

export const SERVICES_FLAGS = {
  ...COMMON,
  reason: { type: 'string' },
  target: { type: 'string' },
  for: { type: 'string' },
} as const;
export const DEPLOYMENTS_FLAGS = { ...COMMON, reason: { type: 'string' } } as const;

/** @throws UsageError */
export async function servicesCommand(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(usage, SERVICES_FLAGS, { args, words: 2 });
  const [command, service] = positionals;
  const { reason, target, for: lasting, json } = values;
  if (command !== 'unfreeze' && command !== 'override') {
    throw new UsageError(`expected unfreeze or override, got '${command ?? ''}'\n\n${usage}`);
  }
  if (service === undefined || reason === undefined)
    throw new UsageError(`expected a service and --reason\n\n${usage}`);
  if (command === 'unfreeze') {
    if (target !== undefined || lasting !== undefined)
      throw new UsageError(`unfreeze takes no --target and no --for\n\n${usage}`);
    await appAt(values).unfreeze(service, reason);
    if (json) printJson({ service, isFrozen: false });
    else print(`${green('unfrozen')}  ${service}`);
    return;
  }
  const { until, isForOne } = await appAt(values).override(service, { reason, target, for: lasting });
  if (json) printJson({ service, target, until, isForOne });
  else print(`${green('overridden')}  ${target ?? service}  ${isForOne ? 'for one release, ' : ''}until ${until}`);
}

/** @throws UsageError */
export async function deploymentsCommand(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(usage, DEPLOYMENTS_FLAGS, { args, words: 2 });
  const [command, target] = positionals;
  const { reason, json } = values;
  if (command !== 'rollback') throw new UsageError(`expected rollback, got '${command ?? ''}'\n\n${usage}`);
  if (target === undefined || !parseTarget(target) || reason === undefined)
    throw new UsageError(`expected a deployment (cluster/namespace/deployment) and --reason\n\n${usage}`);
  const requested = await appAt(values).rollback(target, reason);
  if (json) printJson({ target, ...requested });
  else
    print(`${green('rolling back')}  ${target}  from ${oneLine(requested.failed)} to ${oneLine(requested.restored)}`);
}
