/**
 * What was made of a page while it stays open: what was weighed, who is blamed, and whether that helped. One document an
 * objective, so that a repeated run finds what was decided; the next page takes its place.
 */
import type { StateStore } from '../ports/state.ts';
import type { OnsetInterval } from '../slo/onset.ts';
import { updateDocument } from '../update-document.ts';
import type { Verdict } from './judge.ts';

const PARTITION = 'pages';

/** What was weighed, and when. */
export interface Weighed extends Verdict {
  readonly at: number;
  /** When the burn began, when that was seen; milliseconds since the Unix epoch. */
  readonly onset?: OnsetInterval | undefined;
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

export async function readPage(state: StateStore, service: string, slo: string): Promise<Page | undefined> {
  return (await state.get<Page>(PARTITION, keyOf(service, slo)))?.value;
}

/** @returns the page; undefined when a newer one has taken its place */
export async function openPage(state: StateStore, page: Omit<Page, 'weighed'>): Promise<Page | undefined> {
  const { service, slo, by, openedAt } = page;
  const found = await updateDocument<Page>(state, PARTITION, keyOf(service, slo), (current) =>
    current && (current.by === by || current.openedAt > openedAt) ? current : { ...page, weighed: [] },
  );
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
