/** What an issuer of tokens publishes about itself: its discovery document and its keys. */
import { TransientError } from '../errors.ts';
import { wholeOf } from './answer-text.ts';

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 1024 * 1024;

/** Follows no redirect: whose keys these are is what the address says. @throws TransientError */
export async function fetchIssuerDocument(url: string): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', signal });
    const text = await wholeOf(response, MAX_BYTES);
    if (!response.ok) throw new TypeError(`status ${response.status}`);
    return JSON.parse(text);
  } catch (error) {
    throw new TransientError(`${new URL(url).origin} does not tell of its keys`, { cause: error });
  }
}
