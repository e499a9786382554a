/**
 * What bad luck does to a service that just keeps its promise: how often it is paged, over sliding windows and by all rules,
 * for each `minFailures`; and how often its budget is spent in sixty days. Goal: one freeze in the median.
 */
import { MINUTE_MS } from '../shared/duration.ts';
import { assess, type Counts, lengthOf, type Window } from '../shared/slo/burn-rate.ts';
import { newObjectiveHealth, withCounts } from '../shared/slo/objective-health.ts';
import { poisson } from '../test/support/poisson.ts';
import { seeded } from '../test/support/seeded.ts';

const TARGET = 0.999;
const YEARS = 40;
const HOURS = YEARS * 365 * 24;

type Severity = 'page' | 'ticket';

/** Failures one by one, at a steady mean; the windows are exact, and judged at each failure. */
function episodesIn(perHour: number, minFailures: number): Record<Severity, number> {
  const random = seeded(1);
  const objective = { target: TARGET, window: '30d', minFailures } as const;
  const perMs = perHour / TARGET_BUDGET / lengthOf('1h');
  const found = { page: 0, ticket: 0 };
  const openUntil = { page: 0, ticket: 0 };
  const failures: number[] = [];
  // The index of the first failure that is within each window.
  const first: Partial<Record<Window, number>> = {};
  let at = 0;
  for (;;) {
    at -= (Math.log(1 - random()) / perHour) * lengthOf('1h');
    if (at > HOURS * lengthOf('1h')) return found;
    failures.push(at);
    // The windows have been full for a month.
    const countsOf = (window: Window): Counts => {
      let from = first[window] ?? 0;
      while ((failures[from] ?? at) <= at - lengthOf(window)) from++;
      first[window] = from;
      return { bad: failures.length - from, total: lengthOf(window) * perMs };
    };
    const { alerts } = assess(objective, countsOf);
    for (const severity of ['page', 'ticket'] as const) {
      const alert = alerts[severity];
      if (!alert) continue;
      if (at > openUntil[severity]) found[severity]++;
      // Without another failure it ends when the short window has lost these.
      openUntil[severity] = at + lengthOf(alert.shortWindow);
    }
  }
}

const TARGET_BUDGET = Number((1 - TARGET).toPrecision(12));
const MEANS = [0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1];

console.log(
  `bad luck at ${TARGET}, ${YEARS} years each: pages and tickets a year, by the failures expected in an hour`,
);
console.log(`minFailures   ${MEANS.map((mean) => String(mean).padStart(12)).join('')}`);
for (const minFailures of [1, 5, 10, 20]) {
  const cells = MEANS.map((mean) => {
    const { page, ticket } = episodesIn(mean, minFailures);
    return `${(page / YEARS).toFixed(2)} ${(ticket / YEARS).toFixed(2)}`.padStart(12);
  });
  console.log(`${String(minFailures).padEnd(14)}${cells.join('')}`);
}

const SEEDS = 100;
const STEP = 20;

/** How often the budget of a service just at its promise is spent in sixty days, from its first check on. */
function freezesIn(perMinute: number, seed: number): number {
  const random = seeded(seed);
  const objective = { slo: 'availability', target: TARGET, window: '30d', minFailures: 5 } as const;
  let health = newObjectiveHealth(objective.slo, 0);
  let freezes = 0;
  for (let minute = 0; minute < 60 * 24 * 60; minute += STEP) {
    const total = perMinute * STEP;
    const counts = { bad: poisson(total * TARGET_BUDGET, random), total };
    const next = withCounts(health, objective, { service: 'web', counts, time: minute * MINUTE_MS, key: `${minute}` });
    health = next.health;
    freezes += next.news.filter(({ kind }) => kind === 'depleted').length;
  }
  return freezes;
}

console.log(`\nfreezes in sixty days at ${TARGET}, ${SEEDS} seeds: requests a minute, median, 90 of 100, most`);
for (const perMinute of [10, 100]) {
  const all = Array.from({ length: SEEDS }, (_, seed) => freezesIn(perMinute, seed)).sort((a, b) => a - b);
  console.log(`${String(perMinute).padEnd(14)}${[50, 90, 99].map((n) => String(all[n]).padStart(12)).join('')}`);
}
