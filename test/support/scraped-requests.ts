/** What was scraped of a service with steady traffic: two processes, at different times; one of them begins anew twice. */
export const SCRAPE_MS = 15_000;
const [PER_SCRAPE, PER_FAILURE] = [200, 50];

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly at: number;
  readonly value: number;
}

/** The samples of 25 minutes, one series after the other, each in the order of time. */
export function scrapedRequests(now: number): Sample[] {
  const samples: Sample[] = [];
  for (const [instance, offset] of [
    ['a:80', 1_250],
    ['b:80', 9_010],
  ] as const) {
    const counted = { '200': 5_000, '500': 100 };
    for (let scrape = 0; scrape < 100; scrape++) {
      const at = now - 100 * SCRAPE_MS + scrape * SCRAPE_MS + offset;
      if (instance === 'a:80' && (scrape === 60 || scrape === 77)) counted['200'] = counted['500'] = 0;
      counted['200'] += PER_SCRAPE / 2 - PER_SCRAPE / 2 / PER_FAILURE;
      counted['500'] += PER_SCRAPE / 2 / PER_FAILURE;
      for (const [code, value] of Object.entries(counted)) {
        samples.push({ labels: { __name__: 'requests_total', job: 'web', instance, code }, at, value });
      }
    }
  }
  return samples.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : a.at - b.at));
}

const keyOf = ({ labels }: Sample): string => JSON.stringify(labels);

/** How the contract of measurements knows it. */
export const SCRAPED = {
  objective: { source: 'main', good: 'requests_total{code!~"5.."}', total: 'requests_total' },
  eventsPerMinute: 4 * PER_SCRAPE,
  eventsPerFailure: PER_FAILURE,
  resolutionMs: SCRAPE_MS,
} as const;
