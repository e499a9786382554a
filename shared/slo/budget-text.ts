/** How much of an error budget is left, and how many events say so, in words for people. */

/**
 * Never says more is left, or less is overspent, than there is.
 *
 * @param remaining the share that is left; negative when more than all of it is used
 */
export function budgetWords(remaining: number): string {
  // Tenths of a percent; what is off by a rounding of the arithmetic before is not rounded away from it.
  const left = Math.floor(remaining * 1_000 + 1e-6);
  if (left < 0) return `overspent: ${100 - left / 10} % used`;
  if (remaining <= 0) return 'spent';
  return left === 0 ? 'less than 0.1 % left' : `${left / 10} % left`;
}

/** How many events were bad, as a fact for a notification; none when the event does not say. */
export function eventsFact(
  { bad, total }: { readonly bad?: number | undefined; readonly total?: number | undefined },
  window: string,
): { events?: string } {
  return bad === undefined || total === undefined ? {} : { events: `${bad} of ${total} bad in ${window}` };
}
