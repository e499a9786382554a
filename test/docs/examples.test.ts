/** The examples that the pages show are the files that tests run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
const shown = pages.flatMap((page) =>
  [...readFileSync(join('docs', page), 'utf8').matchAll(/^<!-- (docs\/examples\/\S+) -->\n```\w+\n(.*?)^```$/gms)].map(
    ([, file = '', code = '']) => ({ page, file, code }),
  ),
);

it.each(shown)('$page shows $file as it is', ({ file, code }) => {
  expect(code).toBe(readFileSync(file, 'utf8'));
});

it('shows every example somewhere', () => {
  const files = readdirSync('docs/examples').map((name) => `docs/examples/${name}`);

  expect(shown.map(({ file }) => file).sort()).toEqual(files.sort());
});
