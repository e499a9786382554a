/**
 * Made-up histories of a service: its traffic, its failures, what was released and what else was changed, and what broke
 * it. `bench/blame.ts` and the tests ask the rules about them that the handler asks.
 */
import type { RecordedChange } from '../../shared/releases/changes.ts';
import { seeded } from './seeded.ts';

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-03-01T00:00:00Z');
/** When it breaks; before that it is known for longer than the rules look back. */
const BREAKS = 10 * HOUR;
export const TARGET = 0.999;
const BUDGET = 1 - TARGET;
/** Of the logarithm of a rate of failures, from five minutes to five minutes. */
export const SCATTER = 0.3;

/** What fails at a time, as a share of the requests. */
type Failing = (time: number) => number;

export interface Place {
  readonly name: string;
  /** Requests a minute. */
  readonly traffic: (time: number) => number;
  readonly failing: Failing;
  /** Of that, what fails however well it runs, and what it was broken by; each before it scatters. */
  readonly usual: number;
  readonly broken: Failing;
  readonly changes: readonly RecordedChange[];
}

export interface BurnHistory {
  readonly start: number;
  readonly end: number;
  /** When it broke. */
  readonly onset: number;
  readonly checkMs: number;
  readonly service: Place;
  readonly neighbours: readonly Place[];
  /** What should go back; nothing when no release broke it. */
  readonly culprit: readonly RecordedChange[];
  readonly random: Random;
}

export type Random = ReturnType<typeof randomOf>;

/** @param seed of all that looks random */
export function randomOf(seed: number) {
  const next = seeded(seed);
  const between = (from: number, to: number): number => from + (to - from) * next();
  const logBetween = (from: number, to: number): number => from * (to / from) ** next();
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const poisson = (mean: number): number => {
    if (mean > 30) return Math.max(0, Math.round(mean + normal() * Math.sqrt(mean)));
    let [product, drawn] = [next(), 0];
    for (const limit = Math.exp(-mean); product > limit; drawn++) product *= next();
    return drawn;
  };
  /** How many of so many, each with that chance. */
  const binomial = (count: number, chance: number): number => {
    const [mean, p] = [count * Math.min(1, chance), Math.min(1, chance)];
    if (mean > 30 || count - mean < 30) {
      return Math.min(count, Math.max(0, Math.round(mean + normal() * Math.sqrt(mean * (1 - p)))));
    }
    return Math.min(count, poisson(mean));
  };
  const oneOf = <T>(...values: [T, ...T[]]): T => values[Math.floor(next() * values.length)] ?? values[0];
  return {
    next,
    between,
    logBetween,
    normal,
    poisson,
    binomial,
    oneOf,
    gap: (mean: number) => -mean * Math.log(1 - next()),
  };
}

export const SITUATIONS = {
  'one bad release': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS);
    return history(random, { culprit: [culprit], failing: since(onsetOf(random, culprit), badRate(random)) });
  },
  'two releases in one bucket, one container': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS);
    const other = release(random, 'web', 'other', BREAKS + random.oneOf(-1, 1) * random.between(1, 4) * MINUTE);
    const failing = since(onsetOf(random, culprit), badRate(random));
    return history(random, { culprit: [culprit], failing, changes: [other] });
  },
  'two releases in one bucket, two workloads': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS);
    const other = release(random, 'worker', 'other', BREAKS + random.between(-4, 4) * MINUTE);
    const failing = since(onsetOf(random, culprit), badRate(random));
    return history(random, { culprit: [culprit], failing, changes: [other] });
  },
  'a slow burn from a leak': (random) => {
    const culprit = release(random, 'web', 'leaks', BREAKS);
    const perHour = random.logBetween(8, 80) * BUDGET;
    const failing: Failing = (time) => (Math.max(0, time - culprit.startedAt) / HOUR) * perHour;
    return history(random, { culprit: [culprit], failing, hours: 8 });
  },
  'a dependency outage, without a control': (random) => history(random, { failing: outage(random) }),
  'a dependency outage, with a control': (random) => {
    const neighbours = Array.from({ length: random.oneOf(1, 2, 3) }, (_, n) =>
      place(random, `neighbour-${n}`, { failing: outage(random), changes: others(random, `neighbour-${n}`) }),
    );
    return history(random, { failing: outage(random), neighbours });
  },
  'a traffic drop': (random) => {
    const left = random.logBetween(0.01, 0.2);
    const traffic = (time: number): number => (time < START + BREAKS ? 1 : left);
    // What fails goes on coming: health checks of old clients, crawlers.
    const rate = random.between(0.2, 0.8) * BUDGET;
    return history(random, { traffic, failing: (time) => (time < START + BREAKS ? rate : rate / left) });
  },
  'two clusters': (random) => {
    const culprit = ['c1', 'c2'].map((cluster, n) =>
      release(random, 'web', 'bad', BREAKS + n * random.between(1, 8) * MINUTE, cluster),
    );
    const rate = badRate(random);
    const [first, second] = culprit.map((one) => since(onsetOf(random, one), rate));
    const both: Failing = (time) => ((first?.(time) ?? 0) + (second?.(time) ?? 0)) / 2;
    if (random.next() < 0.5) return history(random, { culprit, failing: both });
    // Each cluster has an objective of its own, and is the other's neighbour.
    const neighbours = [place(random, 'web in c2', { failing: second ?? both, changes: culprit.slice(1) })];
    return history(random, { culprit: culprit.slice(0, 1), failing: first ?? both, neighbours });
  },
  'the rollback itself': (random) => {
    const tried = release(random, 'web', 'tried', BREAKS - random.between(5, 60) * MINUTE);
    const rollback = { ...release(random, 'web', 'tried', BREAKS), kind: 'rollback' as const };
    const failing = since(onsetOf(random, rollback), badRate(random));
    return history(random, { failing, changes: [tried, rollback] });
  },
  'a change by others': (random) => {
    const theirs = { ...release(random, 'web', 'theirs', BREAKS), kind: 'others' as const };
    return history(random, { failing: since(onsetOf(random, theirs), badRate(random)), changes: [theirs] });
  },
  "another service's release, which burns too": (random) => {
    const [at, theirs] = releaseOfAnother(random);
    const api = place(random, 'api', { failing: since(at, badRate(random)), changes: [theirs] });
    return history(random, { failing: since(at, badRate(random)), neighbours: [api] });
  },
  "another service's release, unseen there": (random) => {
    const [at, theirs] = releaseOfAnother(random);
    const api = place(random, 'api', { failing: () => 0, changes: [theirs] });
    return history(random, { failing: since(at, badRate(random)), neighbours: [api] });
  },
  'one bad release among healthy services': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS);
    const failing = since(onsetOf(random, culprit), badRate(random));
    const neighbours = [0, 1, 2, 3, 4].map((n) =>
      place(random, `neighbour-${n}`, { failing: () => 0, changes: others(random, `neighbour-${n}`) }),
    );
    return history(random, { culprit: [culprit], failing, neighbours });
  },
  'low traffic': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS);
    const failing = since(onsetOf(random, culprit), badRate(random));
    return history(random, { culprit: [culprit], failing, perMinute: random.logBetween(0.2, 5), knownFor: 72 * HOUR });
  },
  'older than the look-back': (random) => {
    const rate = random.between(6.2, 9) * BUDGET;
    // Eight hours before it is known, at a rate that pages by the slow rule alone.
    return history(random, { failing: (time) => (time > START ? rate * (0.9 + 0.1 * random.next()) : 0), isOld: true });
  },
  'after an earlier outage': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS);
    const failing = since(onsetOf(random, culprit), badRate(random));
    const earlier = outage(random, -random.between(2, 6) * HOUR, random.between(10, 60) * MINUTE);
    return history(random, { culprit: [culprit], failing: (time) => failing(time) + earlier(time) });
  },
  'a bad release during an outage': (random) => {
    const culprit = release(random, 'web', 'bad', BREAKS + random.between(45, 90) * MINUTE);
    const mild = since(START + BREAKS, random.logBetween(30, 60) * BUDGET);
    const failing = since(onsetOf(random, culprit), random.logBetween(300, 900) * BUDGET);
    return history(random, { culprit: [culprit], failing: (time) => mild(time) + failing(time) });
  },
} as const satisfies Record<string, (random: Random) => BurnHistory>;

export type Situation = keyof typeof SITUATIONS;

interface Broken {
  readonly failing: Failing;
  readonly culprit?: readonly RecordedChange[];
  readonly changes?: readonly RecordedChange[];
  readonly neighbours?: readonly Place[];
  /** By how much the traffic is more or less than usual. */
  readonly traffic?: (time: number) => number;
  readonly perMinute?: number;
  readonly hours?: number;
  readonly isOld?: boolean;
  /** How long it was checked before it broke. */
  readonly knownFor?: number;
}

function history(
  random: Random,
  { culprit = [], changes = [], neighbours = [], hours = 6, knownFor = BREAKS, ...broken }: Broken,
): BurnHistory {
  const all = [...culprit, ...changes, ...others(random, 'web'), ...others(random, 'worker')];
  return {
    ...{
      start: START + BREAKS - knownFor,
      end: START + BREAKS + hours * HOUR,
      onset: broken.isOld ? START : START + BREAKS,
    },
    checkMs: random.oneOf(1, 1, 2, 5) * MINUTE,
    service: place(random, 'web', { ...broken, changes: all }),
    ...{ neighbours, culprit, random },
  };
}

function place(
  random: Random,
  name: string,
  { failing, changes = [], traffic = () => 1, perMinute = random.logBetween(30, 5_000) }: Broken,
): Place {
  const usual = random.logBetween(0.03, 0.5) * BUDGET;
  const phase = random.next() * 24;
  const day = (time: number): number => 1 + 0.4 * Math.sin(((time / HOUR + phase) * Math.PI) / 12);
  // A rate is never as steady as a coin.
  const noise = Array.from({ length: 400 }, () => Math.exp(SCATTER * random.normal()));
  const noiseAt = (time: number): number => noise[Math.floor(time / (5 * MINUTE)) % noise.length] ?? 1;
  return {
    ...{ name, changes, usual, broken: failing },
    traffic: (time) => perMinute * day(time) * traffic(time),
    failing: (time) => Math.min(1, (usual + failing(time)) * noiseAt(time)),
  };
}

/** Innocent releases of a workload: a service of two such workloads has one every three hours. */
function others(random: Random, deployment: string): RecordedChange[] {
  const changes: RecordedChange[] = [];
  for (let at = random.gap(6 * HOUR); at < BREAKS + 6 * HOUR; at += random.gap(6 * HOUR)) {
    changes.push(release(random, deployment, `${changes.length}`, at));
  }
  return changes;
}

function release(random: Random, deployment: string, tag: string, at: number, cluster = 'default'): RecordedChange {
  const startedAt = START + at;
  return {
    ...{ key: `${cluster}/${deployment}/${tag}`, kind: 'release' },
    ...{ target: `${cluster}/shop/${deployment}`, image: `ghcr.io/shop/${deployment}:${tag}` },
    ...{ startedAt, endedAt: startedAt + random.logBetween(0.5, 8) * MINUTE },
  };
}

/** When it breaks what depends on it, and itself. */
function releaseOfAnother(random: Random): [at: number, theirs: RecordedChange] {
  const theirs = release(random, 'api', 'bad', BREAKS);
  return [onsetOf(random, theirs), theirs];
}

/** While it is rolled out, the first pods fail. */
function onsetOf(random: Random, { startedAt, endedAt = startedAt }: RecordedChange): number {
  return startedAt + random.next() * (endedAt - startedAt);
}

function since(from: number, rate: number): Failing {
  return (time) => (time >= from ? rate : 0);
}

/** From just what pages on to nearly everything. */
function badRate(random: Random): number {
  return random.logBetween(16, 900) * BUDGET;
}

function outage(random: Random, at = 0, length = random.between(15, 240) * MINUTE): Failing {
  const from = START + BREAKS + at + random.between(0, 3) * MINUTE;
  const rate = badRate(random);
  return (time) => (time >= from && time < from + length ? rate : 0);
}
