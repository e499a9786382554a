/** What a command of `platform-events` is made of. */
import type { ParseArgsConfig } from 'node:util';

export interface CliCommand {
  readonly name: string;
  /** What it does, for the list of commands. */
  readonly summary: string;
  /** The text of its `--help`; the first line is `usage: platform-events <name> …`. */
  readonly usage: string;
  readonly flags: NonNullable<ParseArgsConfig['options']>;
  /** @param args what follows the name @throws UsageError for a wrong call */
  run(args: string[]): void | Promise<void>;
}
