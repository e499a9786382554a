/** The Bicep CLI, where there is one: the project builds and passes its tests without it. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PermanentError } from '../errors.ts';

/** What the templates would make with the parameters beside it. */
export const SNAPSHOT = 'infra/example.snapshot.json';

/** A subscription that nobody has: the names in the snapshot depend on it. */
const NO_SUBSCRIPTION = '00000000-0000-0000-0000-000000000000';

/** The program that BICEP names, or the one on the PATH. */
export function findBicep({ BICEP, PATH = '' }: Readonly<Record<string, string | undefined>>): string | undefined {
  if (BICEP) return BICEP;
  const name = process.platform === 'win32' ? 'bicep.exe' : 'bicep';
  return PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

interface RunOptions {
  /** The parameters of `snapshot`, instead of those of the committed one. */
  readonly parameters?: string;
  /** `overwrite` writes the snapshot beside its parameters; `validate` fails when the one there differs. */
  readonly mode?: 'overwrite' | 'validate';
}

/**
 * Runs the CLI on the templates.
 *
 * @returns what it had to say on the standard error output: warnings, if any
 * @throws PermanentError when it fails
 */
export function runBicep(
  bicep: string,
  command: 'build' | 'lint' | 'snapshot',
  { parameters = 'infra/example.bicepparam', mode = 'validate' }: RunOptions = {},
): string {
  const args = {
    build: ['build', 'infra/main.bicep', '--stdout'],
    lint: ['lint', 'infra/main.bicep'],
    snapshot: [
      'snapshot',
      parameters,
      '--mode',
      mode,
      '--subscription-id',
      NO_SUBSCRIPTION,
      '--location',
      'westeurope',
    ],
  }[command];
  // The CLI needs this where the machine has no ICU.
  const env = { DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1', ...process.env };
  const { status, stderr, error } = spawnSync(bicep, args, { encoding: 'utf8', env });
  if (error || status !== 0) {
    throw new PermanentError(`bicep ${command}: ${error ? error.message : stderr.trim()}`, { cause: error });
  }
  return stderr.trim();
}
