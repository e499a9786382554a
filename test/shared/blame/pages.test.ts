/** What is kept of a page, and in which words it is told. */
import { describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { changePage, openPage, pagesOf, type Weighed, withWeighed } from '../../../shared/blame/pages.ts';
import { describeChanges, describeVerdict, suspectFacts } from '../../../shared/blame/verdict-text.ts';
import type { RecordedChange } from '../../../shared/releases/changes.ts';

const AT = Date.parse('2026-03-01T12:00:00.123Z');
const change = (n: number, target = `default/shop/web-${n}`): RecordedChange => ({
  ...{ key: `r-${n}`, kind: 'release', image: `web:${n}`, target, startedAt: AT + n },
});
const changes = (count: number): RecordedChange[] => Array.from({ length: count }, (_, n) => change(n + 1));
const onset = { from: AT, to: AT + 60_000 } as unknown as Weighed['onset'];
const verdict = (more: Partial<Weighed> = {}): Weighed =>
  ({ at: AT, because: 'it did', blamed: [], suspects: [], alsoUndone: [], ...more }) as Weighed;

describe('what is told', () => {
  it('is what goes back, what would, or why nothing does', () => {
    const blamed = [change(1, 'c1/shop/web'), { ...change(1), target: 'c2/shop/web' }, change(2, 'c1/shop/api')];

    expect(describeVerdict(verdict(), 'act')).toBe('nothing is rolled back: it did');
    const what = 'the release of web:1 on c1/shop/web and c2/shop/web, the release of web:2 on c1/shop/api';
    expect(describeChanges(blamed)).toBe(what);
    expect(describeVerdict(verdict({ blamed }), 'act')).toBe(`${what} is rolled back: it did`);
    expect(describeVerdict(verdict({ blamed }), 'observe')).toBe(
      `nothing is rolled back, since rollbackOnPage only observes; it would be ${what}: it did`,
    );
  });

  it('names five suspects, and how many more there are', () => {
    expect(suspectFacts(verdict())).toEqual({});
    expect(suspectFacts(verdict({ onset, suspects: changes(1) }))).toEqual({
      'began between': '2026-03-01T12:00:00Z and 2026-03-01T12:01:00Z',
      suspects: '1. web:1 on default/shop/web-1, released at 2026-03-01T12:00:00Z',
    });
    expect(suspectFacts(verdict({ suspects: changes(5) }))['suspects']).not.toContain('more');
    const { suspects = '' } = suspectFacts(verdict({ suspects: changes(7) }));
    expect(suspects.split('; ')).toHaveLength(6);
    expect(suspects).toMatch(/; and 2 more$/);
    const unnamed = { ...change(1), image: undefined };
    expect(suspectFacts(verdict({ suspects: [unnamed] }))['suspects']).toMatch(/^1\. an image on /);
  });
});

describe('a page', () => {
  const of = (by: string, openedAt: number, slo = 'availability') => ({ service: 'web', slo, by, openedAt });

  it('gets a verdict that is news: the first, the first onset, and who is to blame, after whom none', () => {
    const page = { ...of('e', 0), weighed: [] };
    const first = withWeighed(page, verdict());
    const seen = withWeighed(withWeighed(first, verdict()), verdict({ onset }));
    const blamed = withWeighed(withWeighed(seen, verdict({ onset })), verdict({ blamed: changes(1) }));

    expect(withWeighed(blamed, verdict({ onset, blamed: changes(2) }))).toBe(blamed);
    expect(blamed.weighed).toEqual([verdict(), verdict({ onset }), verdict({ blamed: changes(1) })]);
  });

  it('is replaced by a newer one of its objective, and kept after it with fewer suspects', async () => {
    const state = new MemoryStateStore();
    const first = (await openPage(state, of('e-1', 1))) ?? expect.fail('it is the first');
    await changePage(state, first, (page) => withWeighed(page, verdict({ suspects: changes(40) })));
    await openPage(state, of('e-2', 2));
    await openPage(state, of('e-3', 1, 'latency'));

    expect(await openPage(state, of('e-0', 0))).toBeUndefined();
    expect(await changePage(state, first, (page) => ({ ...page, helped: true }))).toBe(first);
    const pages = await pagesOf(state, 'web');
    expect(pages.map(({ by }) => by)).toEqual(['e-2', 'e-1', 'e-3']);
    const [weighed] = pages[1]?.weighed ?? [];
    expect(weighed?.because).toBe('it did');
    expect(weighed?.suspects).toHaveLength(20);
    expect(weighed?.suspects[0]).toEqual(change(1));
    expect(await pagesOf(state, 'we')).toEqual([]);
  });
});
