/** `platform-events errors`: lists, shows, replays and discards dead letters. */

import type { AppClient, ErrorEntry, ErrorFilter } from '../../client/app-client.ts';
import { print, printJson, readFlags, UsageError } from '../../terminal/command.ts';
import { appAt, COMMON, durationFlag } from '../options.ts';
import { workThrough } from './errors-batch.ts';
import { errorDetails, errorsTable } from './errors-table.ts';

export const ERRORS_FLAGS = {
  ...COMMON,
  reason: { type: 'string' },
  type: { type: 'string' },
  'older-than': { type: 'string' },
  'newer-than': { type: 'string' },
  all: { type: 'boolean', default: false },
} as const;

/** Sets the exit code: 1 when an entry was not replayed or discarded. @throws UsageError */
export async function errors(usage: string, args: string[]): Promise<void> {
  const { values, positionals } = readFlags(usage, ERRORS_FLAGS, { args, words: Number.POSITIVE_INFINITY });
  const [command, ...numbers] = positionals;
  const wrong = numbers.find((text) => !/^d?\d+$/.test(text));
  if (wrong !== undefined) throw new UsageError(`expected the number of an entry, such as 17 or d17, got '${wrong}'`);
  const filter = {
    reason: values.reason,
    type: values.type,
    before: timeBack('older-than', values['older-than']),
    since: timeBack('newer-than', values['newer-than']),
  };
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const app = appAt(values);

  switch (command) {
    case 'list': {
      if (numbers.length > 0) throw new UsageError(`unexpected argument '${numbers[0]}'\n\n${usage}`);
      const entries: ErrorEntry[] = [];
      for await (const entry of app.errors(filter)) {
        if (values.json) printJson(entry);
        else entries.push(entry);
      }
      if (!values.json) print(errorsTable(entries, isFiltered));
      return;
    }
    case 'show': {
      const [number, ...more] = numbers;
      if (number === undefined || more.length > 0 || isFiltered) {
        throw new UsageError(`expected the sequence number of one entry\n\n${usage}`);
      }
      const entry = await app.error(number);
      if (values.json) printJson(entry);
      else print(errorDetails(entry));
      return;
    }
    case 'replay':
    case 'discard': {
      if (values.all ? numbers.length > 0 : numbers.length === 0 || isFiltered) {
        throw new UsageError(`expected sequence numbers, or --all with the filters that narrow it\n\n${usage}`);
      }
      // Listed before the first replay: an event that fails again becomes a new entry, which must not be replayed too.
      const chosen = values.all ? await numbersOf(app, filter) : [...new Set(numbers)];
      return workThrough(app, command, chosen, { isJson: values.json, isAll: values.all });
    }
    default:
      throw new UsageError(`expected list, show, replay or discard, got '${command ?? ''}'\n\n${usage}`);
  }
}

function timeBack(flag: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : new Date(Date.now() - durationFlag(flag, text)).toISOString();
}

async function numbersOf(app: AppClient, filter: ErrorFilter): Promise<string[]> {
  const numbers: string[] = [];
  for await (const { sequenceNumber } of app.errors(filter)) numbers.push(sequenceNumber);
  return numbers;
}
