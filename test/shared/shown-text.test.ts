import { expect, it } from 'vitest';
import { oneLine, withoutControls } from '../../shared/shown-text.ts';

it.each([
  ['drives the terminal', 'a\u001b[2Jb', 'a [2Jb'],
  ['turns the reading direction', 'a\u202eb\u2066c\u200fd\u061ce', 'a b c d e'],
  ['is no character', 'a\ud800b\ufffec', 'a b c'],
])('what %s becomes a space', (_, text, expected) => {
  expect([oneLine(text), withoutControls(text)]).toEqual([expected, expected]);
});

it('a text as part of a line has one line', () => {
  expect(oneLine(' a\r\n\tb\u2028c\u0085d ')).toBe('a b c d');
});

it('a text with its lines keeps them, and its other characters', () => {
  expect(withoutControls('  a\n  b\r\n\u{1f600}é')).toBe('  a\n  b \n\u{1f600}é');
});
