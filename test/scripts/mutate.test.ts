/** What `npm run mutate` makes of a report, and of its options. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { foldersOf, groups, intervalOf, missedDrops, partOf, scoresOf } from '../../scripts/mutate.mjs';

type File = Parameters<typeof scoresOf>[0]['files'][string];

const mutants = (counts: Record<string, number>, mutatorName = 'BlockStatement'): File => ({
  mutants: Object.entries(counts).flatMap(([status, count]) =>
    Array.from({ length: count }, (_, n) => ({
      ...{ status, mutatorName, replacement: `{\n  n:  ${n}\n}`, location: { start: { line: n + 1 } } },
    })),
  ),
});

it('scores each group by what its tests notice; what was not tried counts nowhere', () => {
  const files = {
    'shared/delivery/replay.ts': mutants({ Killed: 8, Timeout: 1, Survived: 1, CompileError: 5, Ignored: 5 }),
    'shared/on-event.ts': mutants({ Killed: 1, NoCoverage: 3 }),
    'functions/http/publish.ts': mutants({ Killed: 6 }),
    'shared/http/on-http.ts': mutants({ Ignored: 1 }),
  };

  expect(scoresOf({ files })).toEqual([
    { name: 'the heart', atLeast: 85, noticed: 16, timedOut: 1, tried: 20, score: 80 },
    { name: 'from delivery to replay', atLeast: 90, noticed: 9, timedOut: 1, tried: 10, score: 90 },
    { name: 'on-event', atLeast: 85, noticed: 1, timedOut: 0, tried: 4, score: 25 },
  ]);
  expect(foldersOf({ files })).toEqual([
    { name: 'functions/http', noticed: 6, timedOut: 0, tried: 6, score: 100 },
    { name: 'shared', noticed: 1, timedOut: 0, tried: 4, score: 25 },
    { name: 'shared/delivery', noticed: 9, timedOut: 1, tried: 10, score: 90 },
  ]);
});

it.each([
  // The examples of Newcombe, Statistics in Medicine 17 (1998), table I.
  [81, 263, 25.5, 36.6],
  [15, 148, 6.2, 16.0],
  [0, 20, 0, 16.1],
  [1, 29, 0.6, 17.2],
])('%d of %d, drawn by lot: between %d and %d %% of all', (noticed, tried, low, high) => {
  const interval = intervalOf({ noticed, tried });

  expect(interval.map((percent) => Number(percent.toFixed(1)))).toEqual([low, high]);
});

it('names every word that no test misses when it is dropped, and counts it in no share', () => {
  const files = { 'shared/on-event.ts': mutants({ Killed: 1, Survived: 2, Ignored: 1, NoCoverage: 1 }, 'Drop') };

  expect(missedDrops({ files })).toEqual([
    'shared/on-event.ts:1: { n: 0 }',
    'shared/on-event.ts:2: { n: 1 }',
    'shared/on-event.ts:1: { n: 0 }',
  ]);
  expect(scoresOf({ files })).toEqual([]);
});

it('judges what was asked for: the report has what earlier runs have found out, too', () => {
  const files = Object.fromEntries(
    ['shared/blame/judge.ts', 'shared/blame/weigh.ts', 'functions/http/audit.ts'].map((file) => [file, mutants({})]),
  );
  const fits = (file: string, glob: string): boolean => file === glob || glob === `${file.split('/')[0]}/**`;
  const asked = (globs: string): string[] => Object.keys(partOf({ files }, globs, fits).files);

  expect(asked('shared/**,!shared/blame/weigh.ts')).toEqual(['shared/blame/judge.ts']);
  expect(asked('shared/blame/judge.ts:10-20,functions/**')).toEqual([
    'shared/blame/judge.ts',
    'functions/http/audit.ts',
  ]);
});

it('asks for what was promised', () => {
  expect(groups.map(({ name, atLeast }) => [name, atLeast])).toEqual([
    ['the heart', 85],
    ['from delivery to replay', 90],
    ['on-event', 85],
    ['on-http', 85],
  ]);
});

it.each([
  [['--help'], 0, /^Usage: npm run mutate/],
  [['--mutated', 'x'], 2, /--mutated/],
  [['--concurrency', 'two'], 2, /--concurrency: expected a number from 1 to 99, got 'two'/],
  [['--sample', '101'], 2, /--sample: expected a percentage from 0 to 100, got '101'/],
  [['--sample', ''], 2, /got ''/],
  [['--sample', 'ten'], 2, /got 'ten'/],
  [['--seed', '2'], 2, /--seed: goes with --sample only/],
  [['--timeout', '1m'], 2, /--timeout: expected a number of seconds from 1 to 9999, got '1m'/],
])('%j ends with %d', (args, code, text) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/mutate.mjs', ...args], { encoding: 'utf8' });

  expect([status, stdout + stderr]).toEqual([code, expect.stringMatching(text)]);
});
