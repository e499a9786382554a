/** Replays or discards entries of the errors queue, with progress. It can be stopped safely. */
import type { AppClient } from '../../client/app-client.ts';
import { retried } from '../../client/retried.ts';
import { describeError } from '../../describe-error.ts';
import { NotFoundError, PermanentError } from '../../errors.ts';
import { oneLine } from '../../shown-text.ts';
import { complain, green, print, printJson, red, yellow } from '../../terminal/command.ts';

/** How many requests run at once. */
const AT_ONCE = 4;
const PROGRESS_MS = 1_000;
/** After so many failures in a row, each with several attempts, the app is away, and the rest is not attempted. */
const MAX_FAILURES = 2 * AT_ONCE;
/** With more entries only failures are shown. */
const MAX_SHOWN = 20;

type Verb = 'replay' | 'discard';

const DONE = { replay: 'replayed', discard: 'discarded' } as const;

/** The outcome of one entry: `gone` when it no longer exists, `failed` when the app does not answer. */
interface Result {
  readonly sequenceNumber: string;
  readonly outcome: (typeof DONE)[Verb] | 'refused' | 'gone' | 'failed';
  readonly why?: string;
}

interface WorkOptions {
  readonly isJson: boolean;
  /** The entries come from `--all`: one that is gone is then not a failure. */
  readonly isAll: boolean;
  /** Waits between two attempts. */
  readonly wait?: (ms: number) => Promise<void>;
}

/**
 * Handles the entries in order, a few at a time. After the first SIGINT or SIGTERM, or when the app is away, no further
 * entry is started. Sets the exit code: 1 after a failure, 130 when stopped.
 */
export async function workThrough(
  app: AppClient,
  verb: Verb,
  numbers: readonly string[],
  { isJson, isAll, wait }: WorkOptions,
): Promise<void> {
  const results: Result[] = [];
  const isLong = numbers.length > MAX_SHOWN;
  let isStopped = false;
  let failures = 0;
  const stop = (): void => {
    if (isStopped) process.exit(130);
    isStopped = true;
    complain('stopping after the requests in progress');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const progress = setInterval(() => complain(`${results.length} of ${numbers.length}`), PROGRESS_MS);

  const waiting = [...numbers];
  const next = async (): Promise<void> => {
    while (!isStopped && failures < MAX_FAILURES) {
      const number = waiting.shift();
      if (number === undefined) return;
      const result = await workOn(app, verb, number, wait);
      results.push(result);
      failures = result.outcome === 'failed' ? failures + 1 : 0;
      if (isJson) printJson(result);
      else if (!isLong || result.outcome !== DONE[verb]) print(lineOf(result));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  clearInterval(progress);
  process.removeListener('SIGINT', stop);
  process.removeListener('SIGTERM', stop);

  const count = results.filter(({ outcome }) => outcome === DONE[verb]).length;
  const fine = results.filter(({ outcome }) => outcome === DONE[verb] || (isAll && outcome === 'gone')).length;
  if (!isJson && (isLong || isAll)) {
    print(
      `${DONE[verb]} ${count} of ${numbers.length}${waiting.length > 0 ? `, ${waiting.length} not attempted` : ''}`,
    );
    for (const [why, left] of reasonsIn(results)) print(`${red(`left ${left}`)}: ${oneLine(why)}`);
  }
  process.exitCode = isStopped ? 130 : fine === numbers.length ? 0 : 1;
}

/** Why entries were left where they are, and how many for each reason. */
function reasonsIn(results: readonly Result[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { outcome, why } of results) {
    if (why !== undefined && outcome !== 'gone') counts.set(why, (counts.get(why) ?? 0) + 1);
  }
  return counts;
}

async function workOn(app: AppClient, verb: Verb, sequenceNumber: string, wait: WorkOptions['wait']): Promise<Result> {
  try {
    await retried(() => app[verb](sequenceNumber), wait);
    return { sequenceNumber, outcome: DONE[verb] };
  } catch (error) {
    const why = describeError(error);
    if (error instanceof NotFoundError) return { sequenceNumber, outcome: 'gone', why };
    return { sequenceNumber, outcome: error instanceof PermanentError ? 'refused' : 'failed', why };
  }
}

function lineOf({ sequenceNumber, outcome, why }: Result): string {
  const colour = outcome === 'gone' ? yellow : why === undefined ? green : red;
  return `${sequenceNumber}  ${colour(outcome)}${why === undefined ? '' : `  ${oneLine(why)}`}`;
}
