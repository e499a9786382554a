/** `platform-events errors`: lists, shows, replays and discards dead letters. */

import type { ErrorEntry } from '../../api/errors.ts';
import type { AppClient, ErrorFilter } from '../../client/app-client.ts';
import { print, printJson, readFlags, terminalWidth, UsageError, wrongCall } from '../../terminal/command.ts';
import type { CliCommand } from '../cli-command.ts';
import { appAt, COMMON, COMMON_USAGE, timeBack, wrongWord } from '../options.ts';
import { workThrough } from './errors-batch.ts';
import { errorDetails, errorsTable } from './errors-table.ts';

const USAGE = `usage: platform-events errors <command> [options]

What could not be handled: the entries of the errors queue.

  list                   the entries by reason, oldest first
  show NUMBER            one entry, with the event and the whole reason
  replay NUMBER...       send entries to their handlers again
  discard NUMBER...      throw entries away

  --reason REASON        of list, and of replay and discard with --all: only
  --type TYPE            entries of this reason, of this type,
  --older-than DURATION  of this age, such as 1h
  --newer-than DURATION
  --all                  replay or discard all of these
${COMMON_USAGE}

Exit code 1 when an entry was not replayed or discarded.`;

const FLAGS = {
  ...COMMON,
  reason: { type: 'string' },
  type: { type: 'string' },
  'older-than': { type: 'string' },
  'newer-than': { type: 'string' },
  all: { type: 'boolean', default: false },
} as const;

const COMMANDS: readonly string[] = ['list', 'show', 'replay', 'discard'];

export const errorsCommand: CliCommand = {
  ...{ name: 'errors', summary: 'show, replay and discard what could not be handled' },
  ...{ usage: USAGE, flags: FLAGS, run: errors },
};

/** Sets the exit code: 1 when an entry was not replayed or discarded. @throws UsageError */
async function errors(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(USAGE, FLAGS, { args, words: Number.POSITIVE_INFINITY });
  const [command, ...numbers] = positionals;
  if (!COMMANDS.includes(command ?? '')) throw wrongWord(USAGE, command, COMMANDS);
  const wrong = numbers.find((text) => !/^d?\d+$/.test(text));
  if (wrong !== undefined) throw new UsageError(`expected the number of an entry, such as 17 or d17, got '${wrong}'`);
  const filter = {
    reason: values.reason,
    type: values.type,
    before: timeOf('older-than', values['older-than']),
    since: timeOf('newer-than', values['newer-than']),
  };
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const app = appAt(values);

  switch (command) {
    case 'list': {
      if (numbers.length > 0) throw wrongCall(USAGE, `unexpected argument '${numbers[0]}'`);
      const entries: ErrorEntry[] = [];
      for await (const entry of app.errors(filter)) {
        if (values.json) printJson(entry);
        else entries.push(entry);
      }
      if (!values.json)
        print(errorsTable(entries, { isFiltered, isOneReason: values.reason !== undefined, width: terminalWidth() }));
      return;
    }
    case 'show': {
      const [number, ...more] = numbers;
      if (number === undefined || more.length > 0 || isFiltered) {
        throw wrongCall(USAGE, 'expected the number of one entry');
      }
      const entry = await app.error(number);
      if (values.json) printJson(entry);
      else print(errorDetails(entry));
      return;
    }
    case 'replay':
    case 'discard': {
      if (values.all ? numbers.length > 0 : numbers.length === 0 || isFiltered) {
        throw wrongCall(USAGE, 'expected numbers of entries, or --all with the filters that narrow it');
      }
      // Listed before the first replay: an event that fails again becomes a new entry, which must not be replayed too.
      const chosen = values.all ? await numbersOf(app, filter) : [...new Set(numbers)];
      return workThrough(app, command, chosen, { isJson: values.json, isAll: values.all });
    }
  }
}

function timeOf(flag: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : timeBack(flag, text);
}

async function numbersOf(app: AppClient, filter: ErrorFilter): Promise<string[]> {
  const numbers: string[] = [];
  for await (const { sequenceNumber } of app.errors(filter)) numbers.push(sequenceNumber);
  return numbers;
}
