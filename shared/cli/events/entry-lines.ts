/** Entries of the history as lines: time, type, subject, status, and the image or the reason. */

import type { HistoryEntry } from '../../api/events.ts';
import { oneLine } from '../../shown-text.ts';
import { dim, green, print, printJson, red } from '../../terminal/command.ts';
import { MAX_TYPE } from '../../terminal/timeline.ts';

/** Passes on an entry when it is new, or when its status or attempts have changed. */
export function whenChanged(onChange: (entry: HistoryEntry) => void): (entry: HistoryEntry) => void {
  const seen = new Map<string, string>();
  return (entry) => {
    const key = `${entry.handler} ${entry.id}`;
    const state = `${entry.status} ${entry.attempts}`;
    if (seen.get(key) === state) return;
    seen.set(key, state);
    onChange(entry);
  };
}

interface Shown {
  readonly json: boolean;
  /** Whether lines begin with the day, and not with the time to the millisecond. */
  readonly days?: boolean;
}

/** Prints an entry of the history, for people or for programs. */
export function showEntry(entry: HistoryEntry, { json, days = false }: Shown): void {
  if (json) printJson(entry);
  else print(entryLine(entry, days));
}

/** Sorts entries by the times that their lines show. */
export function byTimeShown(a: HistoryEntry, b: HistoryEntry): number {
  return Date.parse(shownAt(a)) - Date.parse(shownAt(b));
}

function shownAt({ startedAt, endedAt }: HistoryEntry): string {
  return endedAt ?? startedAt;
}

function entryLine(entry: HistoryEntry, days: boolean): string {
  const { type, subject, status, attempts, reason, error, summary } = entry;
  const colour = status === 'dead-lettered' ? red : status === 'completed' ? green : dim;
  const why = reason === undefined ? summary : `attempt ${attempts}: ${reason}: ${error ?? ''}`;
  const at = shownAt(entry);
  const time = days ? `${at.slice(0, 10)} ${at.slice(11, 19)}` : at.slice(11, 23);
  const cells = [dim(time), oneLine(type).padEnd(MAX_TYPE), oneLine(subject), colour(oneLine(status))];
  return [...cells, ...(why === undefined ? [] : [dim(oneLine(why))])].join('  ').trimEnd();
}
