/** What the command line says of many entries, and how it is stopped. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { workThrough } from '../../../shared/cli/errors/errors-batch.ts';
import type { AppClient } from '../../../shared/client/app-client.ts';
import { NotFoundError, PermanentError, TransientError } from '../../../shared/errors.ts';

const printed: string[] = [];
const NAMED = { isJson: false, isAll: false };
const ALL = { isJson: false, isAll: true };

beforeEach(() => {
  printed.length = 0;
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  vi.spyOn(console, 'error').mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

function appThat(replay: (sequenceNumber: string) => Promise<void>): AppClient {
  // The work asks for nothing else.
  return { replay, discard: replay } as unknown as AppClient;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n + 1));

it('says of each what became of it, and fails when one was refused', async () => {
  const app = appThat(async (number) => {
    if (number === '2') throw new PermanentError('not replayed: it is no CloudEvent');
  });

  await workThrough(app, 'replay', ['1', '2'], NAMED);

  expect(printed.sort()).toEqual(['1  replayed', '2  refused  not replayed: it is no CloudEvent']);
  expect(process.exitCode).toBe(1);
});

it('shows a reason with any contents as a part of its line', async () => {
  const app = appThat(() => Promise.reject(new PermanentError("'A\u001b[2J\u009b1m\n2  replayed' is unknown")));

  await workThrough(app, 'replay', ['1'], NAMED);

  expect(printed).toEqual(["1  refused  'A [2J 1m 2 replayed' is unknown"]);
});

it('begins them in order, each once', async () => {
  const seen: string[] = [];

  await workThrough(
    appThat(async (number) => void seen.push(number)),
    'discard',
    numbers(100),
    ALL,
  );

  expect(seen).toEqual(numbers(100));
  expect(printed).toEqual(['discarded 100 of 100']);
  expect(process.exitCode).toBe(0);
});

it('takes an entry that is gone for a failure only when it was named', async () => {
  const app = appThat(() => Promise.reject(new NotFoundError('404 there is no entry')));

  await workThrough(app, 'replay', ['1'], ALL);
  const found = process.exitCode;
  await workThrough(app, 'replay', ['1'], NAMED);

  expect(found).toBe(0);
  expect(process.exitCode).toBe(1);
});

it('completes the requests in progress when it is stopped, and says how many entries were not attempted', async () => {
  const ended: string[] = [];
  const app = appThat(async (number) => {
    if (number === '3') process.emit('SIGINT');
    await Promise.resolve();
    ended.push(number);
  });

  await workThrough(app, 'replay', numbers(50), ALL);

  expect(ended).toEqual(['1', '2', '3']);
  expect(printed).toEqual(['stopping after the requests in progress', 'replayed 3 of 50, 47 not attempted']);
  expect(process.exitCode).toBe(130);
});

it('gives up when the app is unavailable', async () => {
  const app = appThat(() => Promise.reject(new TransientError('cannot reach the app')));

  await workThrough(app, 'replay', numbers(50), { ...ALL, wait: async () => {} });

  const refusals = printed.filter((line) => line.includes('failed  cannot reach the app'));
  expect(refusals.length).toBeLessThan(20);
  expect(printed.slice(-2)).toEqual([
    `replayed 0 of 50, ${50 - refusals.length} not attempted`,
    `left ${refusals.length}: cannot reach the app`,
  ]);
  expect(process.exitCode).toBe(1);
});

it('says at the end what it left, and why', async () => {
  const [misdirected, handled] = ['409 came on the topic of another type', '409 was handled'];
  const app = appThat(async (number) => {
    if (number === '30') throw new PermanentError(handled);
    if (Number(number) > 20) throw new PermanentError(misdirected);
  });

  await workThrough(app, 'replay', numbers(50), ALL);

  expect(printed.slice(-3)).toEqual(['replayed 20 of 50', `left 29: ${misdirected}`, `left 1: ${handled}`]);
  expect(process.exitCode).toBe(1);
});

it('prints an object a line for programs', async () => {
  await workThrough(
    appThat(async () => {}),
    'replay',
    ['7'],
    { isJson: true, isAll: false },
  );

  expect(printed.map((line) => JSON.parse(line))).toEqual([{ sequenceNumber: '7', outcome: 'replayed' }]);
});
