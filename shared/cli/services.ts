/** `platform-events services unfreeze`: lets releases of a frozen service through, with a reason. */
import { green, print, printJson, readFlags, UsageError } from '../terminal/command.ts';
import { appAt, COMMON } from './options.ts';

export const SERVICES_FLAGS = { ...COMMON, reason: { type: 'string' } } as const;

/** @throws UsageError */
export async function servicesCommand(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(usage, SERVICES_FLAGS, { args, words: 2 });
  const [command, service] = positionals;
  if (command !== 'unfreeze') throw new UsageError(`expected unfreeze, got '${command ?? ''}'\n\n${usage}`);
  const { reason } = values;
  if (service === undefined || reason === undefined)
    throw new UsageError(`expected a service and --reason\n\n${usage}`);
  await appAt(values).unfreeze(service, reason);
  if (values.json) printJson({ service, isFrozen: false });
  else print(`${green('unfrozen')}  ${service}`);
}
