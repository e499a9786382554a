/** Entries of the errors queue for people. Any sender may have written their texts, so all texts are sanitised. */

import type { ErrorEntry } from '../../api/errors.ts';
import { oneLine, withoutControls } from '../../shown-text.ts';
import { bold, columns, dim, fitted } from '../../terminal/command.ts';

/** How many entries of each reason are shown, when there are several. */
const MAX_OF_REASON = 10;
const MAX_TYPE_WIDTH = 24;

interface TableOptions {
  readonly isFiltered: boolean;
  /** Whether one reason was asked for: then all its entries are shown. */
  readonly isOneReason: boolean;
  /** In columns, at least 80. */
  readonly width: number;
}

/** By reason, the most frequent one first: two lines an entry, oldest first. */
export function errorsTable(entries: readonly ErrorEntry[], { isFiltered, isOneReason, width }: TableOptions): string {
  if (entries.length === 0) return isFiltered ? 'no entry matches' : 'the errors queue is empty';
  const groups = new Map<string, ErrorEntry[]>();
  for (const entry of entries) groups.set(entry.reason, [...(groups.get(entry.reason) ?? []), entry]);
  return [...groups]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([reason, group]) => groupText(reason, group, isOneReason ? group.length : MAX_OF_REASON, width))
    .join('\n\n');
}

function groupText(reason: string, entries: readonly ErrorEntry[], limit: number, width: number): string {
  const shown = entries.slice(0, limit);
  const name = oneLine(reason) || 'no reason';
  const rows = shown.map(({ sequenceNumber, deadLetteredAt, type = '-', subject, messageId }) => [
    oneLine(sequenceNumber),
    `${deadLetteredAt.slice(0, 10)} ${deadLetteredAt.slice(11, 16)}`,
    fitted(oneLine(type), MAX_TYPE_WIDTH),
    oneLine(subject ?? messageId),
  ]);
  const [head = '', ...lines] = columns([['NUMBER', 'SINCE (UTC)', 'TYPE', 'SUBJECT'], ...rows])
    .split('\n')
    .map((line) => fitted(`  ${line}`, width));
  const more = entries.length - shown.length;
  return [
    fitted(`${name}  ${entries.length}`, width).replace(name, bold(name)),
    dim(head),
    ...lines.flatMap((line, index) => [line, dim(whyLine(shown[index], width))]),
    ...(more > 0 ? [`  and ${more} more: errors list --reason ${name}`] : []),
  ].join('\n');
}

/** Why it is here, and what becomes of it when it does not wait for a person. */
function whyLine(entry: ErrorEntry | undefined, width: number): string {
  const { description = '', returnsAt } = entry ?? {};
  const next = returnsAt === undefined ? '' : `(replayed by itself at ${returnsAt.slice(11, 19)}) `;
  return fitted(`      ${next}${oneLine(description)}`, width);
}

/** All fields of one entry, and its body. */
export function errorDetails({ body, ...entry }: ErrorEntry & { readonly body: unknown }): string {
  const rows = Object.entries(entry).map(([name, value]) => [`${oneLine(name)}:`, oneLine(String(value))]);
  const text = typeof body === 'string' ? body : JSON.stringify(body, undefined, 2);
  const lines = withoutControls(text).split('\n');
  return [columns(rows), dim('body:'), ...lines].join('\n');
}
