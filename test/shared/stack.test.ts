import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { TransientError } from '../../shared/errors.ts';
import { stackOf } from '../../shared/stack.ts';

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

it('is the frames of an error that nobody expected, without its message', () => {
  const stack = stackOf(thrownBy(() => JSON.parse('secret')));

  expect(stack).toMatch(/^ {4}at JSON\.parse \(<anonymous>\)\n {4}at .*stack\.test\.ts:\d+:\d+/);
  expect(stack).not.toContain('secret');
});

it.each([
  ['what looks like frames', 'secret\n    at secret (file:///secret.js:1:1)'],
  ['several lines', 'one\ntwo'],
  ['nothing', ''],
])('leaves out a message of %s', (_, message) => {
  const lines = stackOf(new RangeError(message))?.split('\n');

  expect(lines?.[0]).toMatch(/^ {4}at .*stack\.test\.ts/);
  expect(lines?.join()).not.toMatch(/secret|\bone\b|\btwo\b/);
});

it('names the causes, with theirs', () => {
  const root = new TypeError('root');
  const stack = stackOf(new Error('outer', { cause: new Error('middle', { cause: root }) }));

  expect(stack?.match(/^caused by .*\n {4}at /gm)).toEqual([
    'caused by Error\n    at ',
    'caused by TypeError\n    at ',
  ]);
});

it.each([
  ['a fault that is no bug', new TransientError('busy')],
  ['no error', 'x'],
  ['nothing', undefined],
])('is none for %s', (_, thrown) => {
  expect(stackOf(thrown)).toBeUndefined();
});

it('shows an error without frames as one', () => {
  const bare = new Error('x');
  bare.stack = undefined as never;

  expect(stackOf(bare)).toBe('');
});

it('gives the places in the sources, when the file has a map beside it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stack-'));
  const source = join(folder, 'bug.ts');
  const built = join(folder, 'out', 'bug.mjs');
  writeFileSync(
    source,
    '// A type takes no room.\ninterface A { b: string }\nexport const fail = (a?: A) => {\n  a!.b.trim();\n};\n',
  );
  await build({ entryPoints: [source], outfile: built, format: 'esm', minify: true, sourcemap: 'external' });
  const { fail } = await import(/* @vite-ignore */ built);

  const stack = stackOf(thrownBy(fail));
  rmSync(folder, { recursive: true });

  expect(stack).toMatch(/^ {4}at \S+ \(bug\.ts:4:6\)\n/);
});
