/** What was weighed about a page, in words for people. */
import type { RecordedChange } from '../releases/changes.ts';
import type { Verdict } from './judge.ts';
import type { Weighed } from './pages.ts';

/** So many suspects are listed. */
const MAX_LISTED = 5;

/** What goes back and why, or why nothing does. */
export function describeVerdict(weighed: Verdict & Pick<Weighed, 'paused'>, mode: 'off' | 'observe' | 'act'): string {
  const { blamed, because, paused } = weighed;
  if (blamed.length === 0) return `nothing is rolled back: ${paused === undefined ? '' : `${paused}; and `}${because}`;
  const what = describeChanges(blamed);
  const reason = mode === 'act' ? paused : 'rollbackOnPage only observes';
  return reason === undefined
    ? `${what} is rolled back: ${because}`
    : `nothing is rolled back, since ${reason}; it would be ${what}: ${because}`;
}

/** `the release of web:2 on c1/shop/web and c2/shop/web`. */
export function describeChanges(changes: readonly RecordedChange[]): string {
  const byImage = groupByImage(changes);
  return [...byImage]
    .map(([image, of]) => `the release of ${image} on ${of.map(({ target }) => target).join(' and ')}`)
    .join(', ');
}

/** The facts that a notification and the API list: when it began, and the releases then, the likeliest first. */
export function suspectFacts({ onset, suspects }: Weighed): Record<string, string> {
  const listed = suspects.slice(0, MAX_LISTED).map((suspect, n) => `${n + 1}. ${describeSuspect(suspect)}`);
  const more = suspects.length - listed.length;
  return {
    ...(onset && { 'began between': `${timeText(onset.from)} and ${timeText(onset.to)}` }),
    ...(listed.length > 0 && { suspects: listed.join('; ') + (more > 0 ? `; and ${more} more` : '') }),
  };
}

function describeSuspect(suspect: RecordedChange): string {
  return `${imageOf(suspect)} on ${suspect.target}, released at ${timeText(suspect.startedAt)}`;
}

function imageOf({ image = 'an image' }: RecordedChange): string {
  return image;
}

function groupByImage(changes: readonly RecordedChange[]): Map<string, RecordedChange[]> {
  const groups = new Map<string, RecordedChange[]>();
  for (const change of changes) groups.set(imageOf(change), [...(groups.get(imageOf(change)) ?? []), change]);
  return groups;
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
