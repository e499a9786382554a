/** `docs/cli.md`: the help of every command. */
import * as usages from '../../terminal/usages.ts';
import { COMMANDS, overview } from '../commands.ts';
import { code, page, prose, table } from './markdown.ts';

export function cliPage(): string {
  const { EXIT_CODES, ...commands } = usages;
  return page(
    'Commands',
    'the help of the commands',
    prose(
      `Each command shows what follows with \`--help\`. Flags of \`npm run\` come after a \`--\`. A default stands in parentheses, or after the
      comma.`,
    ),
    table(['exit code', 'meaning'], Object.entries(EXIT_CODES)),
    ...[overview(), ...[...COMMANDS, ...Object.values(commands)].map(({ usage }) => usage)].flatMap((usage) => [
      `## ${usage.split('\n', 1)[0]?.replace(/^usage: | \[.*| <.*/g, '')}`,
      code('text', usage),
    ]),
  );
}
