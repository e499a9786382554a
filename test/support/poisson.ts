/** How many of many rare things happen (Knuth's method); for means of up to some hundreds. */
export function poisson(mean: number, random: () => number): number {
  const limit = Math.exp(-mean);
  let count = -1;
  for (let product = 1; product > limit; product *= random()) count++;
  return count;
}
