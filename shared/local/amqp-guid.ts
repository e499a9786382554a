/**
 * Lock tokens. A delivery's tag is the token as .NET lays out a GUID, its first three groups little-endian; clients print
 * it in the usual order, and send it back in that order.
 */

/** Between the two layouts, in place. */
export function swapGuid(bytes: Buffer): void {
  bytes.writeUInt32LE(bytes.readUInt32BE(0), 0);
  bytes.writeUInt16LE(bytes.readUInt16BE(4), 4);
  bytes.writeUInt16LE(bytes.readUInt16BE(6), 6);
}
