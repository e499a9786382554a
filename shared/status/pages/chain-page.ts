/** One chain as a tree: which event followed from which, how each handler fared, and how long it took. */
import type { EventRecord } from '../../delivery/event-record.ts';
import { readHistory } from '../../delivery/history.ts';
import { eventReference } from '../../events/identity.ts';
import type { Ports } from '../../ports/handler.ts';
import { outcomeBadge, outcomeText } from './events-page.ts';
import { factList, type Html, html, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { clockTime, durationText, shortened } from './parts/text.ts';
import { breakable, pageLink, subjectLink, type View } from './parts/view.ts';

const MAX_EVENTS = 200;

/** Undefined when nothing is known of the chain. */
export async function chainPage(view: View, { state }: Ports): Promise<ShownPage | undefined> {
  const correlationId = view.query.get('id') ?? '';
  const { records, next } = await readHistory(state, { correlationId, limit: MAX_EVENTS });
  if (records.length === 0) return undefined;
  const oldestFirst = records.toReversed();
  const roots = treesOf(oldestFirst);
  const first = roots[0]?.records[0];
  const begun = oldestFirst[0]?.startedAt ?? 0;
  const ended = Math.max(...records.map(({ endedAt, updatedAt }) => endedAt ?? updatedAt));
  const isOpen = records.some(({ status }) => status === 'in-progress' || status === 'waiting');
  const main = html`<p class="crumbs">${pageLink(view, ['events'], 'Events')}</p>
<h1>What followed from ${first?.type}</h1>
${pageSection(
  'chain',
  'The chain',
  factList([
    ['About', first && subjectLink(view, first.type, first.subject)],
    ['Began', clockTime(begun, view.now)],
    [isOpen ? 'Goes on, so far' : 'Took', durationText(ended - begun)],
    ['Events', records.length],
    ['Correlation id', breakable(correlationId)],
    ['Published by', first && html`<code>${first.source}</code>`],
  ]),
)}
${pageSection(
  'tree',
  'Events',
  html`<ul class="tree">${roots.map((node) => nodeItem(view, node, begun))}</ul>
${next !== undefined && note(`The newest ${MAX_EVENTS}; GET /api/events?correlationId=… has all of them.`)}`,
)}`;
  return { title: `Chain of ${first?.type ?? 'events'}`, main };
}

/** An event: its record at each handler that took it, and what followed. */
export interface ChainNode {
  readonly records: readonly EventRecord[];
  readonly children: readonly ChainNode[];
}

/**
 * What names no parent, or one that is not known, is a root. Two that name each other are none of each other's children.
 *
 * @param records of one chain, oldest first; two clocks may put a child before its parent
 */
export function treesOf(records: readonly EventRecord[]): ChainNode[] {
  const nodes = new Map<string, { records: EventRecord[]; children: ChainNode[] }>();
  for (const record of records) {
    const key = eventReference(record);
    const node = nodes.get(key) ?? { records: [], children: [] };
    node.records.push(record);
    nodes.set(key, node);
  }
  const parentOf = (key: string): string | undefined => {
    const cause = nodes.get(key)?.records[0]?.causationId;
    return cause !== undefined && nodes.has(cause) ? cause : undefined;
  };
  const isBelowItself = (key: string): boolean => {
    const seen = new Set<string>();
    for (let above = parentOf(key); above !== undefined && !seen.has(above); above = parentOf(above)) seen.add(above);
    return seen.has(key);
  };
  const roots: ChainNode[] = [];
  for (const [key, node] of nodes) {
    const parent = isBelowItself(key) ? undefined : nodes.get(parentOf(key) ?? '');
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

function nodeItem(view: View, { records, children }: ChainNode, begun: number): Html {
  return html`<li>${records.map((record) => recordLine(view, record, begun))}${children.length > 0 && html`<ul>${children.map((child) => nodeItem(view, child, begun))}</ul>`}</li>`;
}

function recordLine(view: View, record: EventRecord, begun: number): Part {
  const { type, subject, startedAt, endedAt, updatedAt, attempts, runs, handler, dueAt } = record;
  const took = durationText((endedAt ?? updatedAt) - startedAt);
  const again = [
    ...(attempts > 0 ? [`${attempts} failed ${attempts === 1 ? 'attempt' : 'attempts'}`] : []),
    ...(runs > 1 ? [`${runs} runs`] : []),
    ...(dueAt !== undefined && dueAt > view.now ? [`next in ${durationText(dueAt - view.now)}`] : []),
  ];
  const why = outcomeText(record);
  return html`<div class="node"><strong>${type}</strong> ${outcomeBadge(record)} <span class="soft">+${durationText(startedAt - begun)}, took ${took}${again.length > 0 && `; ${again.join(', ')}`}</span> <span class="hidden">at ${handler}</span> ${subjectLink(view, type, subject)}</div>
${why !== '' && html`<div class="why">${shortened(why, 500)}</div>`}`;
}
