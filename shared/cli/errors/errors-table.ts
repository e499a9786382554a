/** Entries of the errors queue for people. Any sender may have written their texts, so all texts are sanitised. */

import type { ErrorEntry } from '../../client/app-client.ts';
import { oneLine, withoutControls } from '../../shown-text.ts';
import { bold, columns, dim } from '../../terminal/command.ts';

const MAX_WHY = 100;
const MAX_CELL = 60;

/** One line per entry. */
export function errorsTable(entries: readonly ErrorEntry[], isFiltered: boolean): string {
  if (entries.length === 0) return isFiltered ? 'no entry matches' : 'the errors queue is empty';
  const rows = entries.map((entry) => [
    cell(entry.sequenceNumber),
    cell(`${entry.deadLetteredAt.slice(0, 10)} ${entry.deadLetteredAt.slice(11, 19)}`),
    cell(entry.reason || '-'),
    cell(entry.type ?? '-'),
    cell(entry.subject ?? entry.messageId),
    cell(`${nextOf(entry)}${entry.description}`, MAX_WHY),
  ]);
  const heads = ['NUMBER', 'SINCE (UTC)', 'REASON', 'TYPE', 'SUBJECT', 'WHY'];
  const [head = '', ...lines] = columns([heads, ...rows]).split('\n');
  return [bold(head), ...lines].join('\n');
}

/** What becomes of an entry that does not wait for a person. */
function nextOf({ returnsAt }: ErrorEntry): string {
  return returnsAt === undefined ? '' : `(replayed by itself at ${returnsAt.slice(11, 19)}) `;
}

function cell(text: string, longest = MAX_CELL): string {
  const shown = oneLine(text);
  return shown.length > longest ? `${shown.slice(0, longest - 3)}...` : shown;
}

/** All fields of one entry, and its body. */
export function errorDetails({ body, ...entry }: ErrorEntry & { readonly body: unknown }): string {
  const rows = Object.entries(entry).map(([name, value]) => [`${oneLine(name)}:`, oneLine(String(value))]);
  const text = typeof body === 'string' ? body : JSON.stringify(body, undefined, 2);
  const lines = withoutControls(text).split('\n');
  return [columns(rows), dim('body:'), ...lines].join('\n');
}
