/** How commands are called. */
import { describe, expect, it } from 'vitest';
import { readFlags, UsageError } from '../../../shared/local/command.ts';

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
