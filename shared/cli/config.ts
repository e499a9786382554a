/** `platform-events config check`: whether a configuration is valid, what is wide in it, and what a change of it means. */
import { type ConfigChanges, changesBetween, isWider } from '../config/check/changes.ts';
import { wideEntries } from '../config/check/wide.ts';
import { forRealClusters, type PlatformConfig } from '../config.ts';
import { ConfigError } from '../errors.ts';
import { readConfigFile } from '../settings.ts';
import { CONFIG_FILE } from '../settings-schema.ts';
import { green, print, printJson, readFlags, red, UsageError, wrongCall, yellow } from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';

const USAGE = `usage: platform-events config check [FILE] [options]

Whether a configuration (FILE, else PLATFORM_CONFIG, else platform.config.json)
is valid for real clusters, and what is wide in it.

  --against OLD          and what it newly allows, refuses, freezes and calls
  --simulated            for the simulated cluster, where anything is allowed
  --json                 one JSON object, for programs

Exit code 0 when it is valid, 1 when it is not, 3 when it allows or calls more
than the old one.`;

const FLAGS = {
  against: { type: 'string' },
  simulated: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const configCommand: CliCommand = {
  ...{ name: 'config', summary: 'check a configuration, and what a change of it allows' },
  ...{ usage: USAGE, flags: FLAGS, run: config },
};

const TITLES: Readonly<Record<keyof ConfigChanges, string>> = {
  allows: 'newly allows',
  refuses: 'newly refuses',
  freezes: 'newly freezes',
  calls: 'newly calls',
  ends: 'no longer',
  other: 'also changes',
};

/** Sets the exit code: 1 when it is not valid, 3 when it allows or calls more than the old one. @throws UsageError */
async function config(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: 2 });
  const [command, named] = positionals;
  const file = named ?? (process.env['PLATFORM_CONFIG'] || CONFIG_FILE);
  if (command !== 'check') throw wrongCall(USAGE, `expected 'config check', got '${command ?? ''}'`);
  const { now, problem } = read(file, values.simulated, named === undefined ? 'PLATFORM_CONFIG' : 'FILE');
  if (!now) {
    process.exitCode = 1;
    if (values.json) printJson({ file, isValid: false, problem });
    else print(`${red('not valid')}  ${problem}`);
    return;
  }
  const warnings = [...wideEntries(now)];
  const changes = values.against === undefined ? undefined : changesBetween(readOld(values.against, now), now);
  if (changes && isWider(changes)) process.exitCode = 3;
  if (values.json) return printJson({ file, isValid: true, warnings, ...(changes && { changes }) });
  print(`${green('valid')}  ${file}`);
  for (const warning of warnings) print(`${yellow('warning')}  ${warning}`);
  if (changes) print(changesText(changes));
}

function changesText(changes: ConfigChanges): string {
  const lines = Object.entries(TITLES).flatMap(([part, title]) =>
    changes[part as keyof ConfigChanges].map((text) => `${title}  ${text}`),
  );
  return lines.join('\n') || 'nothing changes';
}

/** The configuration, or what is wrong with it. A file that is not there is a wrong call. */
function read(file: string, isSimulated: boolean, given: string): { now?: PlatformConfig; problem?: string } {
  try {
    const found = readConfigFile(file, given);
    return { now: isSimulated ? found : forRealClusters(found, file) };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.message.startsWith(`${given}:`)) throw error;
    return { problem: error.message };
  }
}

/** One of before, when lists could be left out, is compared as what it allowed then: anything. */
function readOld(file: string, now: PlatformConfig): PlatformConfig {
  try {
    const old = readConfigFile(file, 'OLD');
    return old.policies.deployment.registries === undefined ? old : { ...old, unlisted: now.unlisted };
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`--against: ${error.message}`);
    throw error;
  }
}
