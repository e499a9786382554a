/**
 * What was made of a page while it stays open: what was weighed, who is blamed, and whether that helped. One document an
 * objective, so that a repeated run finds what was decided; the next page takes its place, and a few earlier ones are kept
 * beside it for people.
 */
import type { StateStore } from '../ports/state.ts';
import type { OnsetInterval } from '../slo/onset.ts';
import { updateDocument } from '../update-document.ts';
import type { Verdict } from './judge.ts';

const PARTITION = 'pages';
const MAX_EARLIER = 5;
/** Of an earlier page, so many suspects are kept. */
const MAX_SUSPECTS = 20;

/** What was weighed, and when. */
export interface Weighed extends Verdict {
  readonly at: number;
  /** When the burn began, when that was seen; milliseconds since the Unix epoch. */
  readonly onset?: OnsetInterval | undefined;
  /** That automation was paused then, so that whoever is blamed does not go back; for people. */
  readonly paused?: string | undefined;
}

export interface Page {
  readonly service: string;
  readonly slo: string;
  /** The key of the violation that opened it, and its time. */
  readonly by: string;
  readonly openedAt: number;
  /** What was found first, then what was found with an onset in sight, then who is blamed: as far as they differ. */
  readonly weighed: readonly Weighed[];
  /** Once something went back: whether it burns no more. */
  readonly helped?: boolean;
}

/** The page that is stored, and those before it. */
interface PageDocument extends Page {
  /** The last one first. */
  readonly earlier?: readonly Page[];
}

/** The pages of a service, of each objective the last one first. */
export async function pagesOf(state: StateStore, service: string): Promise<Page[]> {
  const pages: Page[] = [];
  // The first key after all that begin with the name and a slash.
  for await (const { value } of state.query<PageDocument>(PARTITION, { from: `${service}/`, to: `${service}0` })) {
    const { earlier = [], ...last } = value;
    pages.push(last, ...earlier);
  }
  return pages;
}

function withEarlier(page: Page, replaced: PageDocument): PageDocument {
  const { earlier = [], ...last } = replaced;
  const weighed = last.weighed.map((one) => ({ ...one, suspects: one.suspects.slice(0, MAX_SUSPECTS) }));
  return { ...page, earlier: [{ ...last, weighed }, ...earlier].slice(0, MAX_EARLIER) };
}

/** @returns the page; undefined when a newer one has taken its place */
export async function openPage(state: StateStore, page: Omit<Page, 'weighed'>): Promise<Page | undefined> {
  const { service, slo, by, openedAt } = page;
  const found = await updateDocument<PageDocument>(state, PARTITION, keyOf(service, slo), (current) => {
    if (!current) return { ...page, weighed: [] };
    const isKnown = current.by === by || current.openedAt > openedAt;
    return isKnown ? current : withEarlier({ ...page, weighed: [] }, current);
  });
  return found.by === by ? found : undefined;
}

/** Adds what was weighed, or how it ended, unless the page was replaced. */
export async function changePage(state: StateStore, page: Page, change: (page: Page) => Page): Promise<Page> {
  const found = await updateDocument<Page>(state, PARTITION, keyOf(page.service, page.slo), (current) =>
    current?.by === page.by ? change(current) : (current ?? change(page)),
  );
  return found.by === page.by ? found : page;
}

/** The verdict that blames somebody. */
export function blameIn({ weighed }: Page): Weighed | undefined {
  return weighed.find(({ blamed }) => blamed.length > 0);
}

/** The first that saw when it began. */
export function onsetIn({ weighed }: Page): Weighed | undefined {
  return weighed.find(({ onset }) => onset !== undefined);
}

/** With one more verdict, when it adds something: an onset, or somebody to blame. */
export function withWeighed(page: Page, next: Weighed): Page {
  if (blameIn(page)) return page;
  const isNews = page.weighed.length === 0 || next.blamed.length > 0 || (next.onset && !onsetIn(page));
  return isNews ? { ...page, weighed: [...page.weighed, next] } : page;
}

function keyOf(service: string, slo: string): string {
  return `${service}/${slo}`;
}
