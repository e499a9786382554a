/** Cases worked out by hand, and what must be so for any load. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { billOf } from '../../../shared/cli/cost/bill.ts';
import { limitsOf } from '../../../shared/cli/cost/limits.ts';
import { MEASURED } from '../../../shared/cli/cost/measured.ts';
import { LIMIT_SOURCES, PRICE_SOURCES, quantityFor, SERVICE_BUS, tiered } from '../../../shared/cli/cost/prices.ts';
import { costReport } from '../../../shared/cli/cost/report.ts';
import { type Load, type Setup, total, type Usage, usageOf } from '../../../shared/cli/cost/usage.ts';
import { routeTo, topology } from '../../../shared/topology.ts';
import { Command } from '../../support/processes.ts';

const DAY = 86_400_000;

const setup: Setup = {
  concurrency: 16,
  receiveMs: 60_000,
  memoryMb: 2_048,
  alwaysReady: 1,
  historyMs: 90 * DAY,
  historyEvents: 1_000_000,
};
const load: Load = { deploymentsPerDay: 24, checksPerMinute: 1, rolloutMs: 10_000, requeueAfterMs: 2_000 };

/** A month in which nothing happens, and no timer runs. */
const nothing: Usage = {
  runs: {},
  storeCalls: 0,
  entities: {},
  logLines: 0,
  timerRuns: 0,
  peeks: 0,
  idleReceives: 0,
  eventsKept: 0,
};
const free: Setup = { ...setup, alwaysReady: 0 };

const item = (usage: Partial<Usage>, what: string, how = free) =>
  billOf({ ...nothing, ...usage }, how).items.find((one) => one.what === what) ?? expect.fail(`no item '${what}'`);

describe('the usage of a month', () => {
  it('is that of 730 hours', () => {
    const usage = usageOf(load, setup, topology);

    // One deployment an hour, looked at five times in ten seconds; one check a minute.
    expect(usage.runs['deployment-started']).toBe(730 * ((MEASURED.deployment.runs['deployment-started'] ?? 0) + 4));
    expect(usage.runs['health-check']).toBe(43_800);
    // Each deployment leaves three records, each check one.
    const forgotten = (3 * 730 + 43_800) * MEASURED.forgotten.storeCalls;
    const perDeployment = MEASURED.deployment.storeCalls + 4 * MEASURED.look.storeCalls;
    expect(usage.storeCalls).toBeCloseTo(730 * perDeployment + 43_800 * MEASURED.check.storeCalls + forgotten, 6);
    // Twice a minute the errors queue and its dead letters, once each of twelve subscriptions; sixteen receives at each.
    expect(usage.timerRuns).toBe(4.5 * 43_800);
    expect(usage.peeks).toBe((2 * 2 + 12) * 43_800);
    expect(usage.idleReceives).toBe(12 * 16 * 43_800);
  });

  it('counts a look for each part of the rollout, at least one, and no more than runs can follow each other', () => {
    const looks = (rolloutMs: number, requeueAfterMs: number): number => {
      const usage = usageOf({ ...load, rolloutMs, requeueAfterMs }, setup, topology);
      return (usage.runs['deployment-started'] ?? 0) / 730 - 1;
    };

    expect(looks(10_000, 3_000)).toBeCloseTo(4, 9);
    expect(looks(0, 2_000)).toBeCloseTo(1, 9);
    expect(looks(10_000, 0)).toBeCloseTo(50, 9);
  });

  it('follows the topology', () => {
    const [first, second] = topology.topics;
    if (!first || !second) return expect.fail('no topics');

    const usage = usageOf(load, setup, { topics: [first, second], queues: [] });

    expect(usage.peeks).toBe(2 * 43_800);
    expect(usage.idleReceives).toBe(2 * 16 * 43_800);
  });

  it('keeps a million events, more while they are young, fewer when they are old', () => {
    const kept = (checksPerMinute: number): number =>
      usageOf({ ...load, deploymentsPerDay: 0, checksPerMinute }, setup, topology).eventsKept;

    // 1,440 a day for 90 days; a million; 144,000 a day for the 44 days in which each can come again.
    expect(kept(1)).toBeCloseTo(1_440 * 90, 3);
    expect(kept(10)).toBe(1_000_000);
    expect(kept(100)).toBeCloseTo(144_000 * 44, 3);
  });

  it('has a measured figure for functions and partitions that exist', () => {
    for (const { runs } of Object.values(MEASURED)) {
      for (const name of Object.keys(runs)) expect(routeTo(name), name).toBeDefined();
    }
  });
});

describe('the bill', () => {
  it('charges three operations a message, from the fourteenth million on', () => {
    // 20 M messages are 60 M operations: 47 M at 80 cents a million.
    expect(item({ runs: { a: 15e6, b: 5e6 } }, 'operations')).toMatchObject({ quantity: 60e6, dollars: 47 * 0.8 });
    expect(item({ runs: { a: 4e6 } }, 'operations')).toMatchObject({ quantity: 12e6, dollars: 0 });
    expect(item({ peeks: 10e6, idleReceives: 4e6 }, 'operations').dollars).toBeCloseTo(0.8, 9);
  });

  it('charges 80, 50 and 20 cents a million as they grow', () => {
    expect(tiered(100e6, SERVICE_BUS.tiers)).toBeCloseTo(87 * 0.8, 9);
    expect(tiered(2_500e6, SERVICE_BUS.tiers)).toBeCloseTo(87 * 0.8 + 2_400 * 0.5, 9);
    expect(tiered(3_000e6, SERVICE_BUS.tiers)).toBeCloseTo(87 * 0.8 + 2_400 * 0.5 + 500 * 0.2, 9);
  });

  it('finds where Premium is cheaper', () => {
    // 677.08 - 9.81 - 69.60 are left after the first 100 M, at 50 cents a million.
    const operations = 100e6 + (677.08 - 9.81 - 69.6) * 2e6;
    const { premium } = billOf({ ...nothing, runs: { a: 1e6 }, peeks: 340_000 }, free);

    expect(premium.operations).toBeCloseTo(operations, 0);
    expect(premium.timesLoad).toBeCloseTo((operations - 340_000) / 3e6, 6);
    expect(tiered(quantityFor(1_000, SERVICE_BUS.tiers), SERVICE_BUS.tiers)).toBeCloseTo(1_000, 6);
  });

  it('charges executions and a second of memory for each, beyond what is free', () => {
    // 1 M executions of a second with 2 GB, at most all the time of one instance: 730 h.
    expect(item({ runs: { a: 1e6 } }, 'executions').dollars).toBeCloseTo(0.75 * 0.4, 9);
    expect(item({ runs: { a: 1e6 } }, 'on demand')).toMatchObject({ quantity: 2e6, dollars: 1.9e6 * 0.000026 });
    expect(item({ runs: { a: 10e6 } }, 'on demand').quantity).toBe(2 * 2_628_000);
    // 420.48 M runs of 0.2 s, 16 at once, are two instances at all times; one more is three.
    expect(item({ runs: { a: 420.48e6 } }, 'on demand').quantity).toBe(2 * 2 * 2_628_000);
    expect(item({ runs: { a: 420.48e6 + 1 } }, 'on demand').quantity).toBe(3 * 2 * 2_628_000);
    // Each function has instances of its own.
    expect(item({ runs: { a: 10e6, b: 10e6 } }, 'on demand').quantity).toBe(2 * 2 * 2_628_000);
    expect(item({ timerRuns: 43_800 }, 'on demand')).toMatchObject({ quantity: 87_600, dollars: 0 });
  });

  it('charges instances that are always ready for all of their memory', () => {
    expect(item({}, 'always ready', { ...setup, alwaysReady: 2 }).dollars).toBeCloseTo(2 * 2 * 2_628_000 * 0.000004, 9);
    expect(item({}, 'always ready', { ...setup, memoryMb: 512 }).dollars).toBeCloseTo(0.5 * 2_628_000 * 0.000004, 9);
  });

  it('charges table transactions, and what is stored', () => {
    expect(item({ storeCalls: 100e6 }, 'transactions').dollars).toBeCloseTo(3.6, 9);
    expect(item({ eventsKept: 1e6 }, 'stored')).toMatchObject({ quantity: 3.7 });
    expect(item({ eventsKept: 1e6 }, 'stored').dollars).toBeCloseTo(3.7 * 0.045, 9);
  });

  it('charges logs, and says what sampling saves', () => {
    // Spans: 1 M runs, 1 M sends, 8 M calls. Lines: 3 M of the host, 2 M of the app. 1,000 bytes each.
    const { logs } = billOf({ ...nothing, runs: { a: 1e6 }, storeCalls: 8e6, logLines: 2e6 }, free);

    expect(logs.dollars).toBeCloseTo((10 + 5 - 5) * 2.3, 9);
    expect(logs.sampledTracesDollars).toBeCloseTo((1 + 5 - 5) * 2.3, 9);
    expect(logs.sampledAllDollars).toBe(0);
  });

  it('is the sum of its items', () => {
    const { items, dollars } = billOf(usageOf(load, setup, topology), setup);

    expect(dollars).toBeCloseTo(
      items.reduce((sum, one) => sum + one.dollars, 0),
      9,
    );
    // The base charge, one instance with 2 GB, and what little is beyond the free grants.
    expect(dollars).toBeGreaterThan(9.81 + 21.02);
  });
});

describe('the limits', () => {
  const [first] = topology.topics;
  const monthly = 2_628_000;

  it('count credits to send, to hold against the rule, and to receive, and one for a look', () => {
    const name = first?.subscriptions[0]?.name ?? '';
    const [limit] = limitsOf({ ...nothing, runs: { [name]: 100 * monthly }, peeks: monthly }, topology);

    expect(limit).toMatchObject({ capacity: 1_000, used: 301 });
    expect(limit?.timesLoad).toBeCloseTo(999 / 300, 9);
  });

  it('count a rule more for each subscription that a topic has', () => {
    const [subscription] = first?.subscriptions ?? [];
    if (!first || !subscription) return expect.fail('no topic');
    const both = { topics: [{ ...first, subscriptions: [subscription, { ...subscription, name: 'x' }] }], queues: [] };

    const [limit] = limitsOf({ ...nothing, runs: { [subscription.name]: monthly } }, both);

    expect(limit?.used).toBe(4);
  });

  it('spread records over sixteen partitions, and nothing else', () => {
    const entities = { records: 1_600 * monthly, deployments: 100 * monthly };
    const limits = limitsOf({ ...nothing, entities, storeCalls: 500 * monthly }, topology);

    expect(limits.slice(0, 3)).toMatchObject([
      { what: expect.stringContaining('records'), used: 100, timesLoad: 20 },
      { what: expect.stringContaining("'deployments'"), used: 100, timesLoad: 20 },
      { what: expect.stringContaining('account'), used: 500, timesLoad: 40 },
    ]);
  });

  it('put the one that binds first at the top', () => {
    const rates = { checks: 1e5, deployments: 1e3 };
    const usage = usageOf(
      { ...load, deploymentsPerDay: rates.deployments, checksPerMinute: rates.checks },
      setup,
      topology,
    );
    const [top, ...others] = limitsOf(usage, topology);

    for (const limit of others) expect(limit.timesLoad).toBeGreaterThanOrEqual(top?.timesLoad ?? Number.NaN);
  });
});

describe('for any load', () => {
  const rate = fc.double({ min: 0, max: 1e6, noNaN: true });
  const of = (deploymentsPerDay: number, checksPerMinute: number) => {
    const usage = usageOf({ ...load, deploymentsPerDay, checksPerMinute }, setup, topology);
    return { usage, bill: billOf(usage, setup), limits: limitsOf(usage, topology) };
  };

  it('more deployments or checks cost no less, and bring every limit no further away', () => {
    fc.assert(
      fc.property(rate, rate, rate, rate, (deployments, checks, moreDeployments, moreChecks) => {
        const less = of(deployments, checks);
        const more = of(deployments + moreDeployments, checks + moreChecks);

        // Rounding of the sums.
        const slack = 1 + 1e-9;
        expect(more.bill.dollars * slack).toBeGreaterThanOrEqual(less.bill.dollars);
        for (const [at, one] of less.bill.items.entries()) {
          expect((more.bill.items[at]?.dollars ?? -1) * slack).toBeGreaterThanOrEqual(one.dollars);
        }
        for (const { what, timesLoad } of less.limits) {
          const now = more.limits.find((one) => one.what === what)?.timesLoad ?? Number.NaN;
          expect(now).toBeLessThanOrEqual(timesLoad * slack);
        }
      }),
    );
  });

  it('at the load that the first limit says, that limit is used up and no other', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e6, noNaN: true }), rate, (deployments, checks) => {
        const { timesLoad, what } = of(deployments, checks).limits[0] ?? expect.fail('no limit');
        const { limits } = of(deployments * timesLoad, checks * timesLoad);

        expect(limits[0]?.what).toBe(what);
        expect(limits[0]?.timesLoad).toBeCloseTo(1, 6);
        for (const { used, capacity } of limits) expect(used).toBeLessThanOrEqual(capacity * (1 + 1e-9));
      }),
    );
  });

  it('sampling costs no more than all, and no less than sampling log lines too', () => {
    fc.assert(
      fc.property(rate, rate, (deployments, checks) => {
        const { logs } = of(deployments, checks).bill;
        expect(logs.dollars).toBeGreaterThanOrEqual(logs.sampledTracesDollars);
        expect(logs.sampledTracesDollars).toBeGreaterThanOrEqual(logs.sampledAllDollars);
      }),
    );
  });
});

describe('the report', () => {
  const report = (deploymentsPerDay: number, checksPerMinute: number): string => {
    const rates = { ...load, deploymentsPerDay, checksPerMinute };
    const usage = usageOf(rates, setup, topology);
    return costReport(rates, billOf(usage, setup), limitsOf(usage, topology));
  };

  it('says the sum and the first limit', () => {
    const text = report(1_000, 600);

    expect(text).toMatch(/^1,000 deployments a day, 600 health checks a minute: \$[\d,]+\.\d\d a month$/m);
    expect(text).toMatch(/^The first limit is .*: it binds at [\d,.]+ times this load\./m);
    expect(text).toContain('Logs cost more than all else together.');
  });

  it('says what gets through a limit that binds now', () => {
    expect(report(0, 1e6)).toMatch(
      /^The limit is credits of the Service Bus namespace: [\d.]+ % of this load gets through/m,
    );
  });

  it('shows no load and no limit without a word of infinity', () => {
    expect(report(0, 0)).toContain('Nothing of this load meets a limit.');
    expect(report(0, 0)).not.toMatch(/infinit|∞|NaN/i);
  });

  it('holds numbers below each other', () => {
    const lines = report(1_000, 600).split('\n');
    const ends = lines.filter((line) => /\$[\d,]+\.\d\d$/.test(line)).map((line) => line.length);

    expect(ends.length).toBeGreaterThan(6);
    expect(new Set(ends).size).toBe(1);
  });
});

describe('npm run cost', () => {
  const rates = ['--deployments-per-day', '200', '--checks-per-minute', '100'];

  it('prints what docs/cost.md shows', async () => {
    const called = new Command('shared/cli/cost', rates);

    expect(await called.exit()).toBe(0);
    const page = readFileSync(join(import.meta.dirname, '../../../docs/cost.md'), 'utf8').replaceAll('\r\n', '\n');
    expect(page.split('```text\n')[1]?.split('\n```')[0]).toBe(called.output);
  });

  it('prints one JSON object with the sources of its prices', async () => {
    const called = new Command('shared/cli/cost', [...rates, '--json', '--memory', '512', '--always-ready', '0']);

    expect(await called.exit()).toBe(0);
    const { bill, setup: used, sources } = JSON.parse(called.output);
    expect(used).toMatchObject({ memoryMb: 512, alwaysReady: 0 });
    expect(bill.dollars).toBeGreaterThan(9.81);
    expect(sources).toEqual({ ...PRICE_SOURCES, ...LIMIT_SOURCES });
  });
});

describe('a price', () => {
  it.each(Object.entries({ ...PRICE_SOURCES, ...LIMIT_SOURCES }))(
    'of %s names its page and its date',
    (_name, { url, seen }) => {
      expect(url).toMatch(/^https:\/\//);
      expect(seen).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
    },
  );

  it('of nothing is the base charge alone', () => {
    expect(billOf(nothing, free).dollars).toBe(SERVICE_BUS.base);
    expect(total({})).toBe(0);
  });
});
