/** `platform-events deployments`: every deployment, and how its newest release stands; `rollback` rolls one back. */

import type { DeploymentEntry } from '../api/deployments.ts';
import { parseTarget } from '../events/deployment-target.ts';
import { oneLine } from '../shown-text.ts';
import {
  bold,
  columns,
  fitted,
  green,
  print,
  printJson,
  readFlags,
  red,
  terminalWidth,
  wrongCall,
  yellow,
} from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, wrongWord } from './options.ts';

const USAGE = `usage: platform-events deployments [command] [options]

  list                   every deployment with its newest release: where it
                         stands, since when, and with which image; for one that
                         failed, why; also without a command
  rollback CLUSTER/NAMESPACE/DEPLOYMENT
                         roll its newest release back to what is known good

  --cluster NAME         only deployments in this cluster
  --namespace NAME       only deployments in this namespace
  --deployment NAME      only deployments of this name
  --service NAME         only deployments of this service
  --reason TEXT          of rollback: why, for the audit log and who is notified
${COMMON_USAGE}`;

const FLAGS = {
  ...COMMON,
  cluster: { type: 'string' },
  namespace: { type: 'string' },
  deployment: { type: 'string' },
  service: { type: 'string' },
  reason: { type: 'string' },
} as const;

export const deploymentsCommand: CliCommand = {
  ...{ name: 'deployments', summary: 'show the deployments and their newest releases; roll back' },
  ...{ usage: USAGE, flags: FLAGS, run: runDeployments },
};

/** @throws UsageError */
async function runDeployments(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: 2 });
  const [command = 'list', target] = positionals;
  if (command === 'rollback') return rollBack(values, target);
  if (command !== 'list') throw wrongWord(USAGE, command, ['list', 'rollback']);
  if (target !== undefined) throw wrongCall(USAGE, `unexpected argument '${target}'`);
  const { cluster, namespace, deployment, service } = values;
  const entries: DeploymentEntry[] = [];
  for await (const entry of appAt(values).deployments({ cluster, namespace, deployment, service })) {
    if (values.json) printJson(entry);
    else entries.push(entry);
  }
  if (!values.json) print(deploymentsTable(entries, terminalWidth()));
}

async function rollBack(
  values: Parameters<typeof appAt>[0] & RollbackFlags,
  target: string | undefined,
): Promise<void> {
  const { reason, json } = values;
  if (target === undefined || !parseTarget(target) || reason === undefined) {
    throw wrongCall(USAGE, 'expected a deployment (cluster/namespace/deployment) and --reason');
  }
  const asked = await appAt(values).rollback(target, reason);
  if (json) return printJson({ target, ...asked });
  print(`${green('rolling back')}  ${target}  from ${oneLine(asked.failed)} to ${oneLine(asked.restored)}`);
}

interface RollbackFlags {
  readonly reason?: string | undefined;
  readonly json: boolean;
}

const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  completed: green,
  failed: red,
  'rolled-back': yellow,
};

/** Two lines a deployment: what stands where, and its image or why it failed. @param width in columns, at least 80 */
export function deploymentsTable(entries: readonly DeploymentEntry[], width: number): string {
  if (entries.length === 0) return 'no deployment matches';
  const rows = entries.map(({ target, newest }) => [
    oneLine(newest?.phase ?? '-'),
    newest ? `${newest.since.slice(0, 10)} ${newest.since.slice(11, 16)}` : '-',
    oneLine(target),
  ]);
  const [head = '', ...lines] = columns([['PHASE', 'SINCE (UTC)', 'DEPLOYMENT'], ...rows])
    .split('\n')
    .map((line) => fitted(line, width));
  const detailed = lines.flatMap((line, index) => {
    const { newest } = entries[index] ?? {};
    if (!newest) return [line];
    const { phase, image, reason, message } = newest;
    const texts = [image, ...(reason === undefined ? [] : [`${reason}: ${message ?? ''}`])];
    const colour = COLOURS[phase] ?? bold;
    return [line.replace(phase, colour(phase)), ...texts.map((text) => fitted(`    ${oneLine(text)}`, width))];
  });
  return [bold(head), ...detailed].join('\n');
}
