/**
 * Lock tokens. A delivery's tag is the token as .NET lays out a GUID, its first three groups little-endian; clients print
 * it in the usual order, and send it back in that order.
 */

const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** Between the two layouts; its own inverse. Returns new bytes. */
export function swapGuid(bytes: Buffer): Buffer {
  const swapped = Buffer.allocUnsafe(16);
  for (let i = 0; i < 16; i++) swapped[i] = bytes[ORDER[i] as number] as number;
  return swapped;
}

/** The tag of a delivery whose token is given as text. */
export function tagOf(token: string): Buffer {
  return swapGuid(Buffer.from(token.replaceAll('-', ''), 'hex'));
}
