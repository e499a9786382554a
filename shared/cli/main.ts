/** `npx platform-events`: publishes and follows events, shows what happens, and repairs errors. */
import { packageVersion, print, runCommand, UsageError } from '../terminal/command.ts';
import { didYouMean } from '../terminal/nearest.ts';
import type { CliCommand } from './cli-command.ts';
import { COMMANDS, overview } from './commands.ts';

const [word, ...args] = process.argv.slice(2);
await runCommand(async () => {
  switch (word) {
    case undefined:
      throw new UsageError(overview());
    case '--help':
    case '-h':
    case 'help':
      return print(args[0] === undefined ? overview() : commandOf(args[0]).usage);
    case '--version':
    case '-v':
      return print(packageVersion());
    default: {
      const command = commandOf(word);
      return args.some((arg) => arg === '--help' || arg === '-h') ? print(command.usage) : command.run(args);
    }
  }
});

/** @throws UsageError that says which name is near */
function commandOf(name: string): CliCommand {
  const found = COMMANDS.find((command) => command.name === name);
  if (found) return found;
  const names = [...COMMANDS.map((command) => command.name), 'help', '--help', '--version'];
  throw new UsageError(`unknown command '${name}'; ${didYouMean(name, names, "see 'platform-events --help'")}`);
}
