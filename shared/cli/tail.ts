/** `platform-events tail`: shows entries of the history as they appear, until it is stopped. */
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '../errors.ts';
import { catalog } from '../events/catalog.ts';
import { complain, readFlags, UsageError, yellow } from '../terminal/command.ts';
import { appAt, byTimeShown, COMMON, durationFlag, showEntry, whenChanged } from './options.ts';

export const TAIL_FLAGS = {
  ...COMMON,
  type: { type: 'string' },
  since: { type: 'string', default: '0s' },
} as const;

const TAIL_POLL_MS = 500;

/** Asks again while the app is away. @throws UsageError */
export async function tail(usage: string, args: string[]): Promise<never> {
  const { values } = readFlags(usage, TAIL_FLAGS, { args });
  if (values.type !== undefined && !catalog.has(values.type)) {
    throw new UsageError(
      `--type: unknown event type '${values.type}'; expected one of ${[...catalog.keys()].join(', ')}`,
    );
  }
  const app = appAt(values);
  const since = new Date(Date.now() - durationFlag('since', values.since)).toISOString();
  const onEntry = whenChanged((entry) => showEntry(entry, values.json));
  let isAway = false;
  for (;;) {
    try {
      const entries = await app.history({ type: values.type, since, limit: 1000 });
      isAway = false;
      // The history is sorted by start, and shown by end.
      for (const entry of entries.toReversed().toSorted(byTimeShown)) onEntry(entry);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (!isAway) complain(yellow(error.message));
      isAway = true;
    }
    await pause(TAIL_POLL_MS);
  }
}
