/** `docs/security.md` proves what it says that nobody can do: each proof is a test that is there. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const page = readFileSync('docs/security.md', 'utf8');

it('names tests that exist', () => {
  const named = [...page.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file = '']) => file);

  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((file) => !existsSync(`test/${file}`))).toEqual([]);
});

it('names one for each right and what its holder cannot', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$/gm)];
  const rights = ['read', 'publish', 'override', 'unfreeze', 'pause', 'rollback', 'replay', 'discard'];

  expect(rows.map(([, right]) => right)).toEqual(rights);
  for (const [, right, cannot = ''] of rows) expect(cannot, right).toContain('.test.ts`');
});
