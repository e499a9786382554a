/** The commands of `platform-events`, in the order of its help: one line a command. */
import { BUS } from '../terminal/usages.ts';
import { auditCommand } from './audit.ts';
import { automationCommand } from './automation.ts';
import type { CliCommand } from './cli-command.ts';
import { configCommand } from './config.ts';
import { deploymentsCommand } from './deployments.ts';
import { errorsCommand } from './errors/errors.ts';
import { eventsCommand } from './events/events.ts';
import { publishCommand } from './events/publish.ts';
import { tailCommand } from './events/tail.ts';
import { explainCommand } from './explain/explain.ts';
import { rbacCommand } from './rbac.ts';
import { servicesCommand } from './services.ts';

const busCommand: CliCommand = {
  name: 'bus',
  summary: 'start the local Service Bus',
  usage: BUS.usage.replace('npm run bus [-- options]', 'platform-events bus [options]'),
  flags: BUS.flags,
  run: async () => {
    // The bus reads its own flags.
    process.argv.splice(2, 1);
    await import('../local/bus.ts');
  },
};

export const COMMANDS: readonly CliCommand[] = [
  publishCommand,
  tailCommand,
  eventsCommand,
  deploymentsCommand,
  explainCommand,
  servicesCommand,
  errorsCommand,
  automationCommand,
  auditCommand,
  configCommand,
  rbacCommand,
  busCommand,
];

/** The help of `platform-events` itself. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`);
  return `usage: platform-events <command> [options]

${lines.join('\n')}

  ${'help'.padEnd(width)}   this, or the help of a command: 'platform-events help publish',
  ${''.padEnd(width)}   which is that of 'platform-events publish --help'
  ${'--version'.padEnd(width)}   the version of this command

Where the app is, is read from PLATFORM_EVENTS_URL (or --url), a function key
from PLATFORM_EVENTS_KEY, and a token, where the app has HttpAuth=tokens, from
PLATFORM_EVENTS_TOKEN. NO_COLOR=1 turns colours off.
Exit codes: 0 done; 1 failed, refused or not valid; 2 wrong usage or settings;
3 a configuration that allows or calls more than before; 130 stopped.`;
}
