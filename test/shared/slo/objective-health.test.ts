import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../shared/duration.ts';
import { newObjectiveHealth, withCounts } from '../../../shared/slo/objective-health.ts';
import { poisson } from '../../support/poisson.ts';
import { seeded } from '../../support/seeded.ts';

const DAY_MINUTES = 1_440;
const objective = { slo: 'availability', target: 0.999, window: '30d', minFailures: 5 } as const;

/** How often a service that just keeps its promise has its budget spent in sixty days. */
function freezesIn(seed: number): number {
  const random = seeded(seed);
  let health = newObjectiveHealth('availability', 0);
  let freezes = 0;
  for (let minute = 0; minute < 60 * DAY_MINUTES; minute += 20) {
    const counts = { bad: poisson(2, random), total: 2_000 };
    const check = { service: 'web', counts, time: minute * MINUTE_MS, key: String(minute) };
    const next = withCounts(health, objective, check);
    health = next.health;
    freezes += next.news.filter(({ kind }) => kind === 'depleted').length;
  }
  return freezes;
}

// A hundred of them, and other traffic: `npm run bench -- bad-luck`.
it('a service just at its promise is frozen once in sixty days, in the median', () => {
  const all = Array.from({ length: 30 }, (_, seed) => freezesIn(seed)).sort((a, b) => a - b);

  expect(all[15]).toBeLessThanOrEqual(1);
  // The promise is just kept: half of them spend the budget at some time.
  expect(all[29]).toBeGreaterThan(0);
});
