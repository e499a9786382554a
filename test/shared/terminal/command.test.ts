/** How commands are called. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { complain, explain, print, printJson, readFlags, UsageError } from '../../../shared/terminal/command.ts';

const FLAGS = { json: { type: 'boolean', default: false }, out: { type: 'string' } } as const;
const read = (args: readonly string[], words = 0) => readFlags('usage: it', FLAGS, { args, words });

describe('flags', () => {
  it('are read, and so are the words that a command takes', () => {
    expect(read(['--', '--out', 'x', '--json'])).toMatchObject({ values: { out: 'x', json: true }, positionals: [] });
    expect(read(['word', '--json'], 1)).toMatchObject({ values: { json: true }, positionals: ['word'] });
  });

  it.each([
    ['a word that nothing takes', ['extra'], "unexpected argument 'extra'"],
    ['a word after a flag that has no value', ['--json', 'true'], "unexpected argument 'true'"],
    ['an unknown flag', ['--jsno'], "Unknown option '--jsno'"],
    ['a flag without its value', ['--out'], "Option '--out <value>' argument missing"],
  ])('refuse %s, with the usage', (_, args, message) => {
    expect(() => read(args)).toThrow(UsageError);
    expect(() => read(args)).toThrow(`${message}\n\nusage: it`);
  });

  it('refuse one word more than the command takes', () => {
    expect(() => read(['one', 'two'], 1)).toThrow("unexpected argument 'two'");
  });
});

it('an unexpected error is explained with its stack', () => {
  expect(explain(new RangeError('x'))).toMatch(/^RangeError: x\n {4}at .*command\.test\.ts/);
  expect(explain(new UsageError('x'))).toBe('x');
});

describe('what is printed', () => {
  const HOSTILE = 'a\u0007b\u001b]0;title\u001b[2Jc\u009b1m\r\u202ed\nnext';
  const printed: string[] = [];
  afterEach(() => {
    printed.length = 0;
    vi.restoreAllMocks();
  });
  const listen = (): void => {
    vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
    vi.spyOn(console, 'error').mockImplementation((line: string) => void printed.push(line));
  };

  it('drives no terminal', () => {
    listen();
    print(HOSTILE);
    complain(HOSTILE);

    const harmless = 'a b ]0;title [2Jc 1m  d\nnext';
    expect(printed).toEqual([harmless, harmless]);
  });

  it('reaches programs as it was, on one line', () => {
    listen();
    printJson({ type: HOSTILE });

    expect(printed[0]).toMatch(/^[ -~]+$/);
    expect(JSON.parse(printed[0] ?? '')).toEqual({ type: HOSTILE });
  });
});
