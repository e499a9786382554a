/** The Retry-After header of HTTP. */

/** Milliseconds to wait; the header holds seconds or a date. Undefined when it is absent or neither. */
export function retryAfterMsOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
