/** `platform-events tail`: shows entries of the history as they appear, until it is stopped. */
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '../../errors.ts';
import { complain, readFlags, yellow } from '../../terminal/command.ts';
import type { CliCommand } from '../cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, timeBack } from '../options.ts';
import { byTimeShown, showEntry, whenChanged } from './entry-lines.ts';
import { FILTER_FLAGS, FILTER_USAGE, filterOf } from './filter.ts';

const USAGE = `usage: platform-events tail [options]

Shows events as they are handled, with their images and reasons, until Ctrl-C.

${FILTER_USAGE}
  --since DURATION       begin so long ago (0s), such as 1h
${COMMON_USAGE}`;

const FLAGS = { ...COMMON, ...FILTER_FLAGS, since: { type: 'string', default: '0s' } } as const;

export const tailCommand: CliCommand = {
  ...{ name: 'tail', summary: 'show events as they are handled' },
  ...{ usage: USAGE, flags: FLAGS, run: tail },
};

const TAIL_POLL_MS = 500;

/** Asks again while the app is away, once it has answered. @throws TransientError when it never has @throws UsageError */
async function tail(args: string[]): Promise<never> {
  const { values } = readFlags(USAGE, FLAGS, { args });
  const filter = filterOf(values);
  const app = appAt(values);
  const since = timeBack('since', values.since);
  const onEntry = whenChanged((entry) => showEntry(entry, values));
  let [isFirst, isAway] = [true, false];
  for (;;) {
    try {
      const entries = await app.history({ ...filter, since, limit: 1000 });
      [isFirst, isAway] = [false, false];
      // The history is sorted by start, and shown by end.
      for (const entry of entries.toReversed().toSorted(byTimeShown)) onEntry(entry);
    } catch (error) {
      if (isFirst || !(error instanceof TransientError)) throw error;
      if (!isAway) complain(yellow(error.message));
      isAway = true;
    }
    await pause(TAIL_POLL_MS);
  }
}
