/** `platform-events deployments`: every deployment, and how its newest release stands. */

import type { DeploymentEntry } from '../api/deployments.ts';
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
  yellow,
} from '../terminal/command.ts';
import type { CliCommand } from './cli-command.ts';
import { appAt, COMMON, COMMON_USAGE } from './options.ts';

const USAGE = `usage: platform-events deployments [options]

Shows every deployment with its newest release: where it stands, since when, and
with which image; for a release that failed, why.

  --cluster NAME         only deployments in this cluster
  --namespace NAME       only deployments in this namespace
  --deployment NAME      only deployments of this name
  --service NAME         only deployments of this service
${COMMON_USAGE}`;

const FLAGS = {
  ...COMMON,
  cluster: { type: 'string' },
  namespace: { type: 'string' },
  deployment: { type: 'string' },
  service: { type: 'string' },
} as const;

export const deploymentsCommand: CliCommand = {
  ...{ name: 'deployments', summary: 'show the deployments and their newest releases' },
  ...{ usage: USAGE, flags: FLAGS, run: listDeployments },
};

/** @throws UsageError */
async function listDeployments(args: string[]): Promise<void> {
  const { values } = readFlags(USAGE, FLAGS, { args });
  const { cluster, namespace, deployment, service } = values;
  const entries: DeploymentEntry[] = [];
  for await (const entry of appAt(values).deployments({ cluster, namespace, deployment, service })) {
    if (values.json) printJson(entry);
    else entries.push(entry);
  }
  if (!values.json) print(deploymentsTable(entries, terminalWidth()));
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
