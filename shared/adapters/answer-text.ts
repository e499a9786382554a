/** What a server answers, read no further than is of use: it may answer with any number of bytes. */

/** At most so much of an answer's body as text. The rest is not fetched: the connection is closed. */
export async function beginningOf({ body }: Response, maxBytes: number): Promise<string> {
  const { bytes } = await read(body, maxBytes);
  return bytes.toString('utf8', 0, maxBytes);
}

/** The whole body as text. @throws RangeError when it is larger; the rest is not fetched */
export async function wholeOf({ body }: Response, maxBytes: number): Promise<string> {
  const { bytes, isWhole } = await read(body, maxBytes);
  if (!isWhole) throw new RangeError(`an answer of more than ${maxBytes} bytes`);
  return bytes.toString();
}

async function read(body: Response['body'], maxBytes: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the body.
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) return { bytes: Buffer.concat(chunks), isWhole: false };
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}
