/**
 * The audit log: who did what over HTTP, to what, why and from where, and every override that was used. It is only ever
 * added to, before the act itself, so that nothing is done that is not in it; what failed has a second entry that says so.
 * Old entries are forgotten by a timer.
 */
import { randomUUID } from 'node:crypto';
import { describeError } from '../describe-error.ts';
import { ConflictError } from '../errors.ts';
import type { Caller, RequestHeaders, Right } from '../ports/access.ts';
import type { Ports } from '../ports/handler.ts';
import type { Operation, StateStore } from '../ports/state.ts';

const AUDIT = 'audit';
const LAST_MS = 9_999_999_999_999;
/** What one transaction takes. */
const BATCH = 100;
const MAX_TEXT = 500;

/** One act, as whoever does it describes it. */
export interface Act {
  readonly right: Right;
  /** What it is done to, such as `errors/17` or an event's type and subject. */
  readonly what: string;
  readonly why?: string | undefined;
  readonly correlationId?: string | undefined;
}

export interface AuditEntry extends Act {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The caller's name. */
  readonly who: string;
  /** The address that the request came from, as the platform saw it; and what sent it, by its own word. */
  readonly from: string;
  /** Why it was not done; absent when nothing went wrong. */
  readonly failed?: string | undefined;
}

interface AuditRequest {
  readonly caller: Caller;
  readonly headers: RequestHeaders;
}

/**
 * Does what a request asks for, with an entry of it in the audit log.
 *
 * @throws TransientError when the entry cannot be written; then nothing is done
 */
export async function audited<T>(
  acts: readonly Act[],
  { caller, headers }: AuditRequest,
  { state, clock }: Pick<Ports, 'state' | 'clock'>,
  work: () => Promise<T>,
): Promise<T> {
  const who = caller.name;
  const from = originOf(headers);
  const entries = (failed?: string): AuditEntry[] =>
    acts.map(({ right, what, why, correlationId }) => ({
      ...{ at: clock.now(), who, right, what: what.slice(0, MAX_TEXT), why: why?.slice(0, MAX_TEXT), correlationId },
      ...{ from, failed: failed?.slice(0, MAX_TEXT) },
    }));
  await append(state, entries());
  try {
    return await work();
  } catch (error) {
    await append(state, entries(describeError(error))).catch(() => undefined);
    throw error;
  }
}

async function append(state: StateStore, entries: readonly AuditEntry[]): Promise<void> {
  const operations = entries.map((value): Operation => {
    return { kind: 'insert', key: `${newestFirst(value.at)}|${randomUUID()}`, value };
  });
  for (let at = 0; at < operations.length; at += BATCH) await state.transact(AUDIT, operations.slice(at, at + BATCH));
}

/** An entry of what follows from an event, under a key of its own: however often it is handled, there is one. */
export async function auditOnce(state: StateStore, key: string, entry: AuditEntry): Promise<void> {
  const { what, why } = entry;
  const value: AuditEntry = { ...entry, what: what.slice(0, MAX_TEXT), why: why?.slice(0, MAX_TEXT) };
  try {
    await state.insert<AuditEntry>(AUDIT, `${newestFirst(entry.at)}|${key}`, value);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

/** The last hop that the platform added; what a client put before it is its own word. */
export function originOf(headers: RequestHeaders): string {
  const address = headers.get('x-forwarded-for')?.split(',').at(-1)?.trim();
  const agent = headers.get('user-agent');
  return (
    [address, agent]
      .filter((part) => part)
      .join(' ')
      .slice(0, 200) || 'unknown'
  );
}

export interface AuditFilter {
  readonly who?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly since?: number | undefined;
  readonly limit: number;
  /** The `next` of an earlier page. */
  readonly cursor?: string | undefined;
}

/** Newest first, and where the next page begins. */
export async function readAudit(
  state: StateStore,
  { who, correlationId, since, limit, cursor }: AuditFilter,
): Promise<{ entries: AuditEntry[]; next: string | undefined }> {
  const where = { ...(who !== undefined && { who }), ...(correlationId !== undefined && { correlationId }) };
  const range = {
    ...(cursor !== undefined && { from: cursor }),
    to: since === undefined ? ':' : newestFirst(since - 1),
    ...{ where, limit: limit + 1 },
  };
  const entries: AuditEntry[] = [];
  for await (const { key, value } of state.query<AuditEntry>(AUDIT, range)) {
    if (entries.length === limit) return { entries, next: key };
    entries.push(value);
  }
  return { entries, next: undefined };
}

/**
 * Forgets what is older than the audit log is kept.
 *
 * @param atMost how many entries in one pass
 * @returns whether nothing more is to be forgotten
 */
export async function forgetOldAudit(state: StateStore, before: number, atMost = 50): Promise<boolean> {
  const keys: string[] = [];
  for await (const { key } of state.query(AUDIT, { from: newestFirst(before - 1), limit: atMost })) keys.push(key);
  for (const key of keys) await state.delete(AUDIT, key, '*');
  return keys.length < atMost;
}

function newestFirst(ms: number): string {
  return String(LAST_MS - Math.max(0, Math.min(ms, LAST_MS))).padStart(13, '0');
}
