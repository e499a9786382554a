/** Makes errors of what the Kubernetes API answers: transient or permanent. */
import * as z from 'zod/mini';
import { ConflictError, NotFoundError, PermanentError, RefusedError, TransientError } from '../../errors.ts';
import { retryAfterMsOf } from '../retry-after.ts';

/** The message of an error ends up in events and notifications. */
const MAX_MESSAGE = 1_000;

/** A request that got an answer. */
export interface KubernetesResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** What the request signed in with: no message repeats it. */
  readonly credentials: readonly string[];
  readonly body: string;
}

/** `Status`, the body of every error that the API server itself answers. A proxy's may be anything, and is not shown. */
const statusSchema = z.object({
  kind: z.literal('Status'),
  message: z.optional(z.string()),
  details: z.optional(
    z.object({
      retryAfterSeconds: z.optional(z.number()),
    }),
  ),
});

/**
 * The error of an answer that is no success. Server-side apply with `force` knows no conflict of field managers, so
 * 409 always means that the object changed, appeared or went while we looked.
 *
 * @param request what was asked, for the message: cluster, verb and object
 */
export function errorOf(request: string, answer: KubernetesResponse, now: number): Error {
  const { status, retryAfter } = answer;
  const said = parseStatus(answer.body);
  const text = withoutCredentials(said?.message ?? '', answer.credentials);
  const message =
    `${request}: ${status} ${text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}...` : text}`.trimEnd();
  // Only the API server knows what exists; the 404 of a proxy says that it does not find the API server.
  if (status === 404) return said ? new NotFoundError(message) : new TransientError(message);
  if (status === 409) return new ConflictError(message);
  const seconds = said?.details?.retryAfterSeconds;
  const retryAfterMs = retryAfterMsOf(retryAfter, now) ?? (seconds ? seconds * 1_000 : undefined);
  if (REFUSALS.has(status)) return new RefusedError(message, { retryAfterMs });
  return isTransientStatus(status) ? new TransientError(message, { retryAfterMs }) : new PermanentError(message);
}

/**
 * Nothing was done, and the same request may be granted later. 401: a token or a signing key in the middle of its
 * rotation. 403: RBAC that is not synced yet (for minutes after a restart of the API server), a quota that is full, an
 * admission webhook, a namespace on its way out.
 */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429]);

/** 410 is a list that took too long to page through. A webhook that cannot be reached is 500; one that says no answers 4xx. */
function isTransientStatus(status: number): boolean {
  return [408, 410, 425].includes(status) || status >= 500;
}

/** Why the API server refuses is what people need to know; it quotes objects and admission webhooks, and those anything. */
export function withoutCredentials(message: string, credentials: readonly string[] = []): string {
  const isTelling = CREDENTIAL.test(message) || credentials.some((secret) => message.includes(secret));
  return isTelling ? '(what it says holds credentials, and is not shown)' : message;
}

/** An authorization header, a JSON web token, a user in an address, a signature or key of Azure. */
const CREDENTIAL =
  /\b(Bearer|Basic) [\w+/=.-]{8}|\beyJ[\w-]+\.|:\/\/[^/\s]*@|[?&]sig=|Shared\w+(Key|Signature)=|AccountKey=/i;

function parseStatus(body: string): z.output<typeof statusSchema> | undefined {
  try {
    return statusSchema.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}
