/**
 * The byte order of lock tokens. In a delivery's tag the token is laid out like a .NET GUID, whose first three groups
 * are little-endian. Clients print it in the usual order and send it back in that order; the one for Rust sends it back
 * as it was in the tag.
 */
import { Uuid } from './types.ts';

/** Converts between the two layouts, in place. */
export function swapGuid(bytes: Buffer): void {
  bytes.writeUInt32LE(bytes.readUInt32BE(0), 0);
  bytes.writeUInt16LE(bytes.readUInt16BE(4), 4);
  bytes.writeUInt16LE(bytes.readUInt16BE(6), 6);
}

/** Converts a token in text. */
export function swappedGuid(text: string): string {
  const token = Uuid.parse(text);
  swapGuid(token.bytes);
  return token.toString();
}
