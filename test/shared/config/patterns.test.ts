import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matches, matchesPath, overlap, pathsOverlap } from '../../../shared/config/patterns.ts';

it.each([
  ['*/shop/web', 'default/shop/web', true],
  ['*/shop-*/*', 'default/shop-eu/web', true],
  ['*/web', 'default/shop/web', false],
  ['*/*/*', 'default/shop/web', true],
  ['default/shop/web.*', 'default/shop/webs', false],
])('%s takes %s: %s', (pattern, path, expected) => {
  expect(matchesPath(pattern, path)).toBe(expected);
});

const letters = fc.stringMatching(/^[ab]{0,5}$/);
const pattern = fc.stringMatching(/^[ab*]{0,5}$/);

it('patterns overlap exactly when some name fits both', () => {
  // Of two patterns with a common name, one has at most the letters of both.
  const names = [''];
  for (let at = 0; names.length < 2 ** 9; at++) for (const letter of 'ab') names.push(`${names[at]}${letter}`);

  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      const common = names.some((name) => matches(a, name) && matches(b, name));
      // Longer names than are listed may be needed.
      if (common || a.length + b.length <= 8) expect(overlap(a, b)).toBe(common);
      expect(overlap(a, b)).toBe(overlap(b, a));
    }),
  );
});

it('paths overlap when each part does', () => {
  fc.assert(
    fc.property(pattern, pattern, letters, (a, b, name) => {
      expect(pathsOverlap(`${a}/${b}`, `*/${name}`)).toBe(matches(b, name));
    }),
  );
});
