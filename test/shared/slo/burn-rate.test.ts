import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Assessment,
  assess,
  BURN_RULES,
  type BudgetWindow,
  type BurnRule,
  budgetRemaining,
  burnRate,
  type Counts,
  factorOf,
  goodShare,
  lengthOf,
  type Severity,
  type Window,
} from '../../../shared/slo/burn-rate.ts';
import { addCounts, emptyBuckets } from '../../../shared/slo/time-buckets.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('burn rate', () => {
  // SRE workbook, table 5-4: error rates and time to budget exhaustion for a 99.9 % objective over 30 days.
  it.each([
    { burn: 1, errorRate: 0.001, days: 30 },
    { burn: 2, errorRate: 0.002, days: 15 },
    { burn: 10, errorRate: 0.01, days: 3 },
    { burn: 1000, errorRate: 1, days: 30 / 1000 },
  ])('is $burn at an error rate of $errorRate and spends the budget in $days days', ({ burn, errorRate, days }) => {
    const perDay = 1_000_000;

    expect(burnRate({ bad: errorRate * perDay, total: perDay }, 0.999)).toBe(burn);
    // All the month's traffic, with errors for so many days and none in the others.
    expect(budgetRemaining({ bad: Math.round(errorRate * perDay * days), total: 30 * perDay }, 0.999, 1)).toBe(0);
  });

  it('is nothing without events', () => {
    expect(burnRate({ bad: 0, total: 0 }, 0.999)).toBe(0);
    expect(budgetRemaining({ bad: 0, total: 0 }, 0.999, 1)).toBe(1);
    expect(goodShare({ bad: 0, total: 0 })).toBe(1);
  });

  it('of exactly the budget leaves exactly nothing', () => {
    for (const [bad, total, target] of [
      [1, 1_000, 0.999],
      [1, 100_000, 0.99999],
      [7, 700, 0.99],
      [3, 60, 0.95],
    ] as const) {
      expect(budgetRemaining({ bad, total }, target, 1)).toBe(0);
    }
  });

  it('agrees with exact fractions', () => {
    const inputs = fc.record({
      total: fc.integer({ min: 1, max: 1_000_000 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      ninesOf: fc.integer({ min: 1, max: 99_999 }),
      minFailures: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(inputs, ({ total, share, ninesOf, minFailures }) => {
        const bad = Math.floor(total * share);
        const target = 1 - ninesOf / 100_000;
        const isOver = BigInt(bad) * 100_000n >= BigInt(ninesOf) * BigInt(total);
        expect(budgetRemaining({ bad, total }, target, minFailures) <= 0).toBe(isOver && bad >= minFailures);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the alert rules', () => {
  it('have the factors of the workbook for 30 days', () => {
    expect(BURN_RULES.map((rule) => [rule.severity, rule.longWindow, rule.shortWindow, factorOf(rule, '30d')])).toEqual(
      [
        ['page', '1h', '5m', 14.4],
        ['page', '6h', '30m', 6],
        ['ticket', '1d', '2h', 3],
        ['ticket', '3d', '6h', 1],
      ],
    );
  });

  it('keep their shares of the budget for 28 days', () => {
    expect(BURN_RULES.map((rule) => factorOf(rule, '28d'))).toEqual([13.44, 5.6, 2.8, 0.933333333]);
  });

  it('have short windows of a twelfth of the long one', () => {
    for (const { longWindow, shortWindow } of BURN_RULES) {
      expect(lengthOf(longWindow) / lengthOf(shortWindow)).toBe(12);
    }
  });

  it.each(['28d', '30d'] as const)('spend their share of a budget of %s by burning at the factor', (window) => {
    for (const rule of BURN_RULES) {
      const share = factorOf(rule, window) * (lengthOf(rule.longWindow) / lengthOf(window));
      expect(share).toBeCloseTo(rule.budgetShare, 8);
    }
  });
});

/** Runs a steady service into an incident; minutes of the incident until each severity fires, and when it clears. */
function incident(
  errorRate: number,
  minutes: number,
  window: BudgetWindow = '30d',
): Record<Severity, [number?, number?]> {
  const perMinute = 100_000;
  const start = Date.parse('2026-03-01T00:00:00Z');
  const found: Record<Severity, [number?, number?]> = { page: [], ticket: [] };
  let buckets = emptyBuckets(start);
  for (let n = 0; n < 29 * 24; n++) buckets = addCounts(buckets, start + n * HOUR, { bad: 0, total: 60 * perMinute });
  for (let n = 0; n < 24 * 60; n++) {
    buckets = addCounts(buckets, start + 29 * DAY + n * MINUTE, { bad: 0, total: perMinute });
  }
  for (let minute = 1; minute <= minutes + 12 * 60; minute++) {
    const bad = minute <= minutes ? Math.round(errorRate * perMinute) : 0;
    buckets = addCounts(buckets, start + 30 * DAY + (minute - 1) * MINUTE, { bad, total: perMinute });
    const { alerts } = assess({ target: 0.999, window, minFailures: 5 }, (name) => buckets.sums[name]);
    for (const severity of ['page', 'ticket'] as const) {
      if (alerts[severity] && found[severity][0] === undefined) found[severity][0] = minute;
      if (!alerts[severity] && found[severity][0] !== undefined) found[severity][1] ??= minute - minutes;
    }
  }
  return found;
}

describe('an incident', () => {
  // Detection time = factor x (1 - target) / error rate x long window (workbook, "Alert on burn rate").
  it.each([
    { errorRate: 1, minutes: 14.4 * 0.001 * 60 },
    { errorRate: 0.1, minutes: 14.4 * 0.01 * 60 },
    { errorRate: 0.02, minutes: 14.4 * 0.05 * 60 },
  ])('with $errorRate of all requests failing pages in the time the workbook gives', ({ errorRate, minutes }) => {
    const [paged] = incident(errorRate, 120).page;

    expect(paged).toBeGreaterThanOrEqual(Math.floor(minutes));
    expect(paged).toBeLessThanOrEqual(Math.ceil(minutes) + 1);
  });

  it('of 14.4 times the budget has spent 2 % of it when it pages, an hour in', () => {
    const [paged] = incident(0.0144, 120).page;

    expect(paged).toBeGreaterThanOrEqual(60);
    expect(paged).toBeLessThanOrEqual(62);
    expect(budgetRemaining({ bad: 0.0144 * 60, total: 30 * 24 * 60 }, 0.999, 1)).toBe(0.98);
  });

  it('stops paging five minutes after it ended, by the short window', () => {
    const [, cleared] = incident(0.1, 12).page;

    expect(cleared).toBeGreaterThanOrEqual(4);
    expect(cleared).toBeLessThanOrEqual(7);
  });

  it('of twice the budget opens a ticket and pages nobody', () => {
    const { page, ticket } = incident(0.002, 3 * 24 * 60);

    expect(page[0]).toBeUndefined();
    // The slowest rule: 1 x 3 days at twice the budget.
    expect(ticket[0]).toBeGreaterThanOrEqual(1.5 * 24 * 60 - 60);
    expect(ticket[0]).toBeLessThanOrEqual(1.5 * 24 * 60 + 60);
  });

  it('within the budget alerts nobody', () => {
    const { page, ticket } = incident(0.0009, 24 * 60);

    expect([page[0], ticket[0]]).toEqual([undefined, undefined]);
  });

  it('is paged sooner for a 28-day budget, which is smaller', () => {
    expect(incident(0.0138, 120, '28d').page[0]).toBeDefined();
    expect(incident(0.0138, 65, '30d').page[0]).toBeUndefined();
  });
});

describe('assess', () => {
  it('alerts exactly when both windows of a rule reach its factor, by the fastest such rule', () => {
    const rates = fc.record(
      Object.fromEntries(
        BURN_RULES.flatMap(({ longWindow, shortWindow }) => [longWindow, shortWindow]).map((window) => [
          window,
          fc.oneof(fc.constantFrom(0, 1, 3, 6, 14.4), fc.double({ min: 0, max: 30, noNaN: true })),
        ]),
      ),
    );
    fc.assert(
      fc.property(rates, (rateOf) => {
        const countsOf = (window: Window): Counts => ({
          bad: Math.round((rateOf[window] ?? 0) * 1_000),
          total: 1_000_000,
        });
        const { alerts } = assess({ target: 0.999, window: '30d', minFailures: 1 }, countsOf);
        for (const severity of ['page', 'ticket'] as const) {
          const firing = BURN_RULES.filter((rule) => rule.severity === severity).filter(
            (rule) =>
              countsOf(rule.longWindow).bad >= factorOf(rule, '30d') * 1_000 &&
              countsOf(rule.shortWindow).bad >= factorOf(rule, '30d') * 1_000,
          );
          expect(alerts[severity]?.longWindow).toBe(firing[0]?.longWindow);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('few events', () => {
  const objective = { target: 0.999, window: '30d', minFailures: 5 } as const;
  const assessAll = (counts: Counts): Assessment => assess(objective, () => counts);

  // Workbook, "Low-Traffic Services and Error Budget Alerting": a failure among the ten requests of an hour would page.
  it.each([
    { bad: 1, total: 1 },
    { bad: 1, total: 10 },
    { bad: 4, total: 4 },
  ])('of which $bad of $total failed are no evidence', (counts) => {
    const { alerts, errorBudgetRemaining } = assessAll(counts);

    expect(alerts).toEqual({});
    expect(errorBudgetRemaining).toBe((5 - counts.bad) / 5);
  });

  it('that all failed are evidence when there are enough of them, and the budget is spent', () => {
    const { alerts, errorBudgetRemaining } = assessAll({ bad: 5, total: 5 });

    expect(alerts.page).toMatchObject({ longWindow: '1h', burnRate: 1_000 });
    expect(errorBudgetRemaining).toBe(0);
  });

  it('need not be many in the short window, which only says that it goes on', () => {
    const inLast5Minutes = { bad: 1, total: 1 };

    const { alerts } = assess(objective, (window) => (window === '5m' ? inLast5Minutes : { bad: 5, total: 60 }));

    expect(alerts.page?.longWindow).toBe('1h');
  });

  it('in the windows of the fast rule leave the page to the slower one', () => {
    const { alerts } = assess(objective, (window) =>
      window === '1h' || window === '5m' ? { bad: 1, total: 1 } : { bad: 6, total: 6 },
    );

    expect(alerts.page?.longWindow).toBe('6h');
  });

  it('change nothing about a budget whose share of the events is larger', () => {
    expect(budgetRemaining({ bad: 4, total: 100_000 }, 0.999, 5)).toBe(0.96);
    expect(budgetRemaining({ bad: 4, total: 5_000 }, 0.999, 5)).toBe(0.2);
    expect(budgetRemaining({ bad: 4, total: 1_000 }, 0.999, 5)).toBe(0.2);
  });
});

describe('a service over its buckets', () => {
  /** Checks of a service of little traffic, minutes apart; now and then a gap, or hours of failure. */
  const checks = fc.array(
    fc.record({
      afterMs: fc.oneof(
        fc.integer({ min: 0, max: 20 * MINUTE }),
        fc.integer({ min: 0, max: 4 * HOUR }),
        fc.constantFrom(5 * MINUTE, HOUR, 31 * DAY),
      ),
      total: fc.integer({ min: 1, max: 8 }),
      bad: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8 })),
    }),
    { maxLength: 80 },
  );
  const objectives = fc.record({
    ninesOf: fc.constantFrom(1, 10, 100, 1_000, 5_000),
    window: fc.constantFrom('28d', '30d'),
    minFailures: fc.integer({ min: 1, max: 12 }),
  });
  /** How much longer than its length a window may be: one bucket, and the one that is being filled. */
  const STEPS: Readonly<Record<Window, number>> = {
    ...{ '5m': MINUTE, '30m': MINUTE, '1h': MINUTE, '2h': 5 * MINUTE, '6h': 5 * MINUTE },
    ...{ '1d': HOUR, '3d': HOUR, '28d': 4 * HOUR, '30d': 4 * HOUR },
  };

  it('alerts, and has spent its budget, exactly when the raw checks say so, and resolves when they do', () => {
    fc.assert(
      fc.property(checks, objectives, (all, { ninesOf, window, minFailures }) => {
        const objective = { target: 1 - ninesOf / 100_000, window, minFailures };
        const heard: { time: number; bad: number; total: number }[] = [];
        let time = Date.parse('2026-03-01T00:00:00Z');
        let buckets = emptyBuckets(time);
        for (const { afterMs, total, bad: wanted } of all) {
          time += afterMs;
          const bad = Math.min(wanted, total);
          heard.push({ time, bad, total });
          buckets = addCounts(buckets, time, { bad, total });

          const raw = (name: Window): Counts => {
            const from = Math.floor(time / STEPS[name]) * STEPS[name] - lengthOf(name);
            const inside = heard.filter((check) => check.time >= from);
            const sum = (of: 'bad' | 'total'): number => inside.reduce((all, check) => all + check[of], 0);
            return { bad: sum('bad'), total: sum('total') };
          };
          // In whole numbers: bad / total >= factor * budget, with the factor as share * window / length.
          const burns = (name: Window, { budgetShare, longWindow }: BurnRule): boolean => {
            const { bad, total } = raw(name);
            const left = BigInt(bad) * 100_000n * BigInt(lengthOf(longWindow)) * 100n;
            const right = BigInt(ninesOf) * BigInt(total) * BigInt(lengthOf(window)) * BigInt(budgetShare * 100);
            return total > 0 && left >= right;
          };
          const expected = BURN_RULES.filter(
            (rule) =>
              raw(rule.longWindow).bad >= minFailures && burns(rule.longWindow, rule) && burns(rule.shortWindow, rule),
          );
          const whole = raw(window);
          const isOver = BigInt(whole.bad) * 100_000n >= BigInt(ninesOf) * BigInt(whole.total);

          const { alerts, errorBudgetRemaining } = assess(objective, (name) => buckets.sums[name]);
          for (const severity of ['page', 'ticket'] as const) {
            const fastest = expected.find((rule) => rule.severity === severity);
            expect(alerts[severity]?.longWindow).toBe(fastest?.longWindow);
          }
          expect(errorBudgetRemaining <= 0).toBe(isOver && whole.bad >= minFailures);
        }
      }),
      { numRuns: 300 },
    );
  });
});
