import { expect, it } from 'vitest';
import { budgetWords, eventsFact } from '../../../shared/slo/budget-text.ts';

it.each([
  [1, '100 % left'],
  [0.9999, '99.9 % left'],
  [1 - 0.7, '30 % left'],
  [0.0004, 'less than 0.1 % left'],
  [0, 'spent'],
  [-0.0004, 'overspent: 100.1 % used'],
  [-0.1, 'overspent: 110 % used'],
  [-5.4321, 'overspent: 643.3 % used'],
  [-999, 'overspent: 100000 % used'],
])('says of a budget of which %d remains: %s', (remaining, words) => {
  expect(budgetWords(remaining)).toBe(words);
});

it('says how many events a judgement rests on, when the event says so', () => {
  expect(eventsFact({ bad: 5, total: 6 }, '1h')).toEqual({ events: '5 of 6 bad in 1h' });
  expect(eventsFact({}, '1h')).toEqual({});
});
