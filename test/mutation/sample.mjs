/**
 * A fair sample of the changes: so many in a hundred of those that Stryker makes, the same ones for the same seed. What
 * `drops.mjs` makes is judged one by one, and tried as a whole.
 */
import { createHash } from 'node:crypto';
import { DROP, load } from './drops.mjs';

/** @typedef {{ name: string, mutate: (path: any) => Iterable<unknown> }} Mutator as Stryker has them */

/**
 * @param {number} percent from 0 to 100
 * @param {string} seed
 */
export async function trySample(percent, seed) {
  const { allMutators } = await load('@stryker-mutator/instrumenter/dist/src/mutators/mutate.js');
  for (const mutator of allMutators) if (mutator.name !== DROP) sampled(mutator, percent, seed);
}

/** @param {Mutator} mutator @param {number} percent @param {string} seed */
function sampled(mutator, percent, seed) {
  const all = mutator.mutate;
  mutator.mutate = function* (path) {
    const { start, end } = path.node.loc;
    const place = [start.line, start.column, end.line, end.column].join(':');
    let index = 0;
    for (const change of all(path)) {
      index += 1;
      if (isDrawn([seed, mutator.name, place, index].join(' '), percent)) yield change;
    }
  };
}

/** @param {string} change @param {number} percent */
function isDrawn(change, percent) {
  return createHash('sha256').update(change).digest().readUInt32BE() < (percent / 100) * 2 ** 32;
}
