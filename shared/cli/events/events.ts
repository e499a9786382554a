/** `platform-events events`: the events of the past, as the history has them. */
import { print, readFlags } from '../../terminal/command.ts';
import type { CliCommand } from '../cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, limitFlag, timeBack } from '../options.ts';
import { showEntry } from './entry-lines.ts';
import { FILTER_FLAGS, FILTER_USAGE, filterOf } from './filter.ts';

const USAGE = `usage: platform-events events [options]

Shows the newest events in the order of time, with their images and reasons.

${FILTER_USAGE}
  --since DURATION       not older than this, such as 7d
  --limit N              how many at most (50)
${COMMON_USAGE}`;

const FLAGS = {
  ...COMMON,
  ...FILTER_FLAGS,
  since: { type: 'string' },
  limit: { type: 'string', default: '50' },
} as const;

export const eventsCommand: CliCommand = {
  ...{ name: 'events', summary: 'show the events of the past' },
  ...{ usage: USAGE, flags: FLAGS, run: events },
};

/** @throws UsageError */
async function events(args: string[]): Promise<void> {
  const { values } = readFlags(USAGE, FLAGS, { args });
  const since = values.since === undefined ? undefined : timeBack('since', values.since);
  const filter = { ...filterOf(values), since, limit: limitFlag(values.limit) };
  const entries = await appAt(values).history(filter);
  for (const entry of entries.toReversed()) showEntry(entry, { ...values, days: true });
  if (entries.length === 0 && !values.json) print('no event matches');
}
