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
    ['a flag without its value', ['--out'], "Option '--out <value>' argument missing"],
  ])('refuse %s in one line that says where the help is', (_, args, message) => {
    expect(() => read(args)).toThrow(new UsageError(`${message}; see 'it --help'`));
  });

  it.each([
    ['--jsno', "unknown option '--jsno'; did you mean '--json'?"],
    ['--oout=x', "unknown option '--oout'; did you mean '--out'?"],
    ['--hlep', "unknown option '--hlep'; did you mean '--help'?"],
    ['--verbose', "unknown option '--verbose'; see 'it --help'"],
    ['-x', "unknown option '-x'; see 'it --help'"],
  ])('refuse the unknown option %s, and name the nearest one', (arg, message) => {
    expect(() => read([arg])).toThrow(new UsageError(message));
  });

  it('say how to ask npm for the help of a script', () => {
    expect(() => readFlags('usage: npm run bus [-- options]', FLAGS, { args: ['x'] })).toThrow(
      "unexpected argument 'x'; see 'npm run bus -- --help'",
    );
  });

  it('refuse one word more than the command takes', () => {
    expect(() => read(['one', 'two'], 1)).toThrow("unexpected argument 'two'");
  });
});

it('an unexpected error is explained with its stack', () => {
  expect(explain(new RangeError('x'))).toMatch(/^RangeError: x\n {4}at .*command\.test\.ts/);
  expect(explain(new UsageError('x'))).toBe('x');
});

describe('colours', () => {
  const isTTY = [process.stdout.isTTY, process.stderr.isTTY] as const;
  afterEach(() => {
    [process.stdout.isTTY, process.stderr.isTTY] = isTTY;
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  it.each([
    ['are for a terminal', true, { NO_COLOR: '', TERM: 'xterm' }, '\u001b[32mx\u001b[0m'],
    ['are not for a file', false, { NO_COLOR: '', TERM: 'xterm' }, 'x'],
    ['are not for who sets NO_COLOR', true, { NO_COLOR: '1', TERM: 'xterm' }, 'x'],
    ['are not for a terminal without them', true, { NO_COLOR: '', TERM: 'dumb' }, 'x'],
  ])('%s', async (_, isTerminal, env, expected) => {
    [process.stdout.isTTY, process.stderr.isTTY] = [isTerminal, false];
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    vi.resetModules();
    const { green, ...command } = await import('../../../shared/terminal/command.ts');
    const written: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => void written.push(line));
    vi.spyOn(console, 'error').mockImplementation((line: string) => void written.push(line));

    command.print(green('x'));
    command.complain(green('x'));

    // The standard error is a file in every row.
    expect(written).toEqual([expected, 'x']);
  });
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
