/** The errors queue: grouped by reason and subscription, and its entries, oldest first. */
import { unjudgedIn, waitsForPerson } from '../../delivery/automatic-replay.ts';
import type { DeadLetterEntry } from '../../ports/bus.ts';
import { cursorAfter, parseCursor } from '../../ports/dead-letter-list.ts';
import type { Ports } from '../../ports/handler.ts';
import { type ErrorGroupLabels, isInGroup, reasonLabel, subscriptionLabel } from '../metric-labels.ts';
import { lastReading } from '../queue-reading.ts';
import type { ErrorSummary } from '../summaries.ts';
import { groupForms, groupNotice } from './error-group-acts.ts';
import { badge, type Html, html, htmlTable, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago, clockTime, shortened, spanText } from './parts/text.ts';
import { pageLink, type View } from './parts/view.ts';

const PER_PAGE = 50;
/** How many entries are read at a time, and for one page at most: the rest is behind its cursor. */
const READ_COUNT = 250;
const MAX_READ = 1_000;

export async function errorsPage(view: View, ports: Ports): Promise<ShownPage> {
  const [reason, subscription] = [view.query.get('reason') ?? undefined, view.query.get('subscription') ?? undefined];
  const labels = { reason, subscription };
  const from = view.query.get('after') ?? '0';
  const reading = await lastReading(ports.state);
  const listed = await entriesFrom(ports, parseCursor(from) ? from : '0', labels).catch(() => undefined);
  if (!listed) {
    const away = html`<h1>Errors</h1><div class="notice bad"><p>The errors queue cannot be read: the broker does not answer.</p></div>`;
    return { title: 'Errors unknown', tone: 'bad', main: away };
  }
  const isFiltered = reason !== undefined || subscription !== undefined;
  // All of them are in sight, or a timer has counted them.
  const isWhole = from === '0' && !isFiltered && listed.next === undefined;
  const read = isWhole ? undefined : reading?.errors;
  const groups = read?.byReason ?? groupsOf(listed.entries);
  const chosen =
    isFiltered &&
    html`<p>${reason !== undefined && html`Only <strong>${reason || 'without a reason'}</strong>`} ${subscription !== undefined && html`in <strong>${subscription || 'an unknown subscription'}</strong>`}. ${pageLink(view, ['errors'], 'Show all')}</p>`;
  const more =
    listed.next !== undefined &&
    html`<p class="pager">${pageLink(view, ['errors'], 'Next page', { after: listed.next, reason, subscription })}</p>`;
  const nothing = isFiltered ? 'None of this kind here.' : 'None: every event is handled or in progress.';
  const counted = reading && read && html`<span class="soft">counted ${ago(reading.at, view.now)}</span>`;
  const main = html`<h1>Errors</h1>
${await groupNotice(view, ports)}
${groups.length > 0 && pageSection('groups', 'By reason and subscription', groupsTable(view, groups), counted)}
${pageSection('entries', 'Entries, oldest first', html`${chosen}${listed.entries.length > 0 ? entriesTable(view, listed.entries) : note(nothing)}${more}`)}
${isFiltered && listed.entries.length > 0 && groupForms(view, labels)}`;
  return { title: 'Errors', tone: groups.length > 0 ? 'bad' : 'good', main };
}

interface Listed {
  readonly entries: readonly ErrorSummary[];
  readonly next: string | undefined;
}

/** Of one reason and subscription, if they are given. */
async function entriesFrom(
  { deadLetterQueue }: Pick<Ports, 'deadLetterQueue'>,
  cursor: string,
  labels: ErrorGroupLabels,
): Promise<Listed> {
  const fits = (entry: DeadLetterEntry): boolean => isInGroup(entry, labels);
  const isFiltered = labels.reason !== undefined || labels.subscription !== undefined;
  const entries: ErrorSummary[] = [];
  let next = cursor;
  for (let read = 0; read < MAX_READ; ) {
    const page = await deadLetterQueue.deadLetters(next, isFiltered ? READ_COUNT : PER_PAGE + 1 - entries.length);
    if (page.length === 0) return { entries, next: undefined };
    read += page.length;
    for (const entry of page) {
      if (fits(entry) && entries.length === PER_PAGE) return { entries, next };
      next = cursorAfter(next, entry);
      if (fits(entry)) entries.push(errorSummaryOf(entry));
    }
  }
  return { entries, next };
}

export function errorSummaryOf(whole: DeadLetterEntry): ErrorSummary {
  const { body: _, gzipped: __, applicationProperties: ___, ...entry } = whole;
  return { ...entry, ...unjudgedIn(whole) };
}

interface ErrorGroup {
  readonly reason: string;
  readonly subscription: string;
  readonly count: number;
}

export function groupsOf(entries: readonly Pick<ErrorSummary, 'reason' | 'subscription'>[]): ErrorGroup[] {
  const counts = new Map<string, ErrorGroup>();
  for (const { reason, subscription = '' } of entries) {
    const of = { reason: reasonLabel(reason), subscription: subscriptionLabel(subscription) };
    const key = `${of.reason}\n${of.subscription}`;
    counts.set(key, { ...of, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

export function groupsTable(view: View, groups: readonly ErrorGroup[]): Html {
  const rows = groups
    .toSorted((a, b) => b.count - a.count)
    .map(({ reason, subscription, count }): Part[] => [
      pageLink(view, ['errors'], reason || 'without a reason', { reason, subscription }),
      subscription || 'unknown',
      count,
    ]);
  return htmlTable(
    'Errors by reason and subscription',
    [{ head: 'Reason', kind: 'wide' }, 'Subscription', { head: 'Entries', kind: 'number' }],
    rows,
  );
}

export function entriesTable(view: View, entries: readonly ErrorSummary[]): Html {
  const rows = entries.map((entry): Part[] => {
    const { sequenceNumber, deadLetteredAt, reason, description, type, subscription } = entry;
    const number = pageLink(
      view,
      ['errors', sequenceNumber],
      html`<span class="hidden">entry </span>${sequenceNumber}`,
    );
    return [
      number,
      clockTime(deadLetteredAt, view.now),
      html`${badge(reason || 'Unknown', waitsForPerson(entry, view.now) ? 'bad' : 'busy')}`,
      html`${type ?? 'no event'}${subscription !== undefined && html`<br><span class="soft">in ${subscription}</span>`}`,
      html`<span class="why">${shortened(description)}</span>`,
      returnText(entry, view.now),
    ];
  });
  return htmlTable(
    'Entries of the errors queue, oldest first',
    ['Number', 'Since', 'Reason', 'Event', { head: 'Why', kind: 'wide' }, 'Next'],
    rows,
  );
}

/** What becomes of an entry when nobody does anything. */
export function returnText(entry: ErrorSummary, now: number): string {
  const { returnsAt, automaticReplays = 0 } = entry;
  if (!waitsForPerson(entry, now)) {
    const at = returnsAt ?? now;
    return `replayed by itself ${at > now ? `in ${spanText(at - now)}` : 'within a minute'}`;
  }
  if (returnsAt !== undefined) return 'waits for you: its replay is overdue';
  return automaticReplays > 0 ? `waits for you: replayed ${automaticReplays} times` : 'waits for you';
}
