/** What `npm run mutate` makes of a report, and of its options. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { groups, scoresOf } from '../../scripts/mutate.mjs';

const mutants = (counts: Record<string, number>): { mutants: { status: string }[] } => ({
  mutants: Object.entries(counts).flatMap(([status, count]) => Array.from({ length: count }, () => ({ status }))),
});

it('scores each group by what its tests notice; what was not tried counts nowhere', () => {
  const files = {
    'shared/delivery/replay.ts': mutants({ Killed: 8, Timeout: 1, Survived: 1, CompileError: 5, Ignored: 5 }),
    'shared/on-event.ts': mutants({ Killed: 1, NoCoverage: 3 }),
    'functions/http/publish.ts': mutants({ Killed: 6 }),
    'shared/http/on-http.ts': mutants({ Ignored: 1 }),
  };

  expect(scoresOf({ files })).toEqual([
    { name: 'the heart', atLeast: 85, noticed: 16, tried: 20, score: 80 },
    { name: 'from delivery to replay', atLeast: 90, noticed: 9, tried: 10, score: 90 },
    { name: 'on-event', atLeast: 85, noticed: 1, tried: 4, score: 25 },
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
])('%j ends with %d', (args, code, text) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/mutate.mjs', ...args], { encoding: 'utf8' });

  expect([status, stdout + stderr]).toEqual([code, expect.stringMatching(text)]);
});
