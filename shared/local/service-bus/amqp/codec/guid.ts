/**
 * Lock tokens. A delivery's tag is the token as .NET lays out a GUID, its first three groups little-endian; clients print
 * it in the usual order, and send it back in that order; Rust's sends it back as it stood in the tag.
 */

/** Between the two layouts, in place. */
export function swapGuid(bytes: Buffer): void {
  bytes.writeUInt32LE(bytes.readUInt32BE(0), 0);
  bytes.writeUInt16LE(bytes.readUInt16BE(4), 4);
  bytes.writeUInt16LE(bytes.readUInt16BE(6), 6);
}

/** The same for a token in text. */
export function swappedGuid(text: string): string {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  swapGuid(bytes);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
