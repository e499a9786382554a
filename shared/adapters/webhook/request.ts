/** One POST to a webhook. Its address is a secret: it is in no message, and no error that could hold it is passed on. */
import { PermanentError, TransientError } from '../../errors.ts';
import { inChildSpan } from '../../telemetry/spans.ts';
import { beginningOf } from '../answer-text.ts';
import { retryAfterMsOf } from '../retry-after.ts';
import type { Payload } from './formats.ts';

/** A short fault is over by then; a longer one is left to the back-off of the delivery. */
const PAUSES_MS = [250, 1_000] as const;

/** Of an answer; Slack and Teams answer with a word or a line. */
const MAX_ANSWER_BYTES = 4 * 1024;

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * @param channel how messages call the receiver
 * @throws TransientError when it is busy or away, after a few quick attempts
 * @throws PermanentError when it refuses
 */
export async function post(channel: string, url: URL, payload: Payload, options: RequestOptions): Promise<void> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await postOnce(channel, url, payload, options);
    } catch (error) {
      if (!(error instanceof TransientError) || error instanceof NoAnswerError) throw error;
      const waitMs = error.retryAfterMs ?? pauseMs;
      if (waitMs > pauseMs) throw error;
      await options.pause(waitMs);
    }
  }
  return postOnce(channel, url, payload, options);
}

/** Not tried again at once: that would use up the time of the handler, and it may have arrived all the same. */
class NoAnswerError extends TransientError {}

async function postOnce(
  channel: string,
  url: URL,
  payload: Payload,
  { timeoutMs, now }: RequestOptions,
): Promise<void> {
  // The address is a secret, so the span names the channel alone.
  const attributes = { 'http.request.method': 'POST', 'platform.notification.channel': channel };
  await inChildSpan('POST webhook', 'CLIENT', attributes, async (span) => {
    const response = await exchange(channel, url, payload, timeoutMs);
    span?.set('http.response.status_code', response.status);
    await checkAnswer(channel, response, now);
  });
}

async function exchange(
  channel: string,
  url: URL,
  { contentType, body, headers }: Payload,
  timeoutMs: number,
): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': contentType, 'User-Agent': 'platform-events' },
      body,
      // Followed, the secret would be sent to wherever it points.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    throw isLate
      ? new NoAnswerError(`${channel}: no answer in time`)
      : new TransientError(`${channel}: ${codeOf(error)}`);
  }
}

async function checkAnswer(channel: string, response: Response, now: () => number): Promise<void> {
  // The status says it all; a body that breaks off changes nothing, and one without an end is left.
  const said = await beginningOf(response, MAX_ANSWER_BYTES).catch(() => '');
  const { status, headers, ok } = response;
  if (ok) return;
  // Slack explains itself in one word, such as `channel_is_archived`; longer answers might repeat the address.
  const why = /^[a-z_]{1,40}$/.test(said) ? ` ${said}` : '';
  const message = `${channel}: answered ${status}${why}`;
  if (isTransientStatus(status)) {
    throw new TransientError(message, { retryAfterMs: retryAfterMsOf(headers.get('retry-after') ?? undefined, now()) });
  }
  throw new PermanentError(message);
}

/** 401 and 403: a token, a role or a firewall rule may still be on its way. */
function isTransientStatus(status: number): boolean {
  return [401, 403, 408, 409, 423, 425, 429].includes(status) || status >= 500;
}

/** What went wrong, by its code alone. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  const { code } = (error.cause ?? error) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z_0-9]+$/.test(code) ? `no connection (${code})` : 'no connection';
}
