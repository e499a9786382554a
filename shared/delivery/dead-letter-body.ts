/**
 * The body of an entry in the errors queue. A small gzip can unpack to a thousand times its size, and anybody who may send
 * can leave one there: so it is unpacked only where one entry is looked at, and never beyond a limit.
 */
import type { DeadLetterEntry } from '../ports/bus.ts';

/** In bytes. An event takes 256 KiB on Standard; a broker that takes larger ones still sends few as large as this. */
export const MAX_UNPACKED_BYTES = 1024 * 1024;

/**
 * The body as text, unpacked when it is a gzip.
 *
 * @returns undefined when it unpacks to more than MAX_UNPACKED_BYTES
 */
export function bodyOf({ body, gzipped }: Pick<DeadLetterEntry, 'body' | 'gzipped'>): string | undefined {
  if (!gzipped) return body;
  try {
    // Loaded when first needed: that takes 2 ms, and hardly any instance does.
    const { gunzipSync } = process.getBuiltinModule('node:zlib');
    return gunzipSync(gzipped, { maxOutputLength: MAX_UNPACKED_BYTES }).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    // It says that it is a gzip, and is none.
    return Buffer.from(gzipped).toString();
  }
}
