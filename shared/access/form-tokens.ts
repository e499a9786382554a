/**
 * The tokens that forms carry: whoever sends one has been shown a page by this app, as the same caller, within half a day.
 * Signed with a key that lies in the state store, so that every instance knows it, and no page of anybody else can read it.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { HOUR_MS, MINUTE_MS } from '../duration.ts';
import { ConflictError } from '../errors.ts';
import type { StateStore } from '../ports/state.ts';

const PARTITION = 'platform';
const KEY = 'form-key';
const VALID_MS = 12 * HOUR_MS;
/** Asked for again after so long: a store that was emptied has another. */
const KNOWN_FOR_MS = 5 * MINUTE_MS;

interface FormKey {
  readonly key: string;
}

const known = new WeakMap<StateStore, { readonly at: number; readonly key: Promise<string> }>();

/** @param caller the name of whoever is shown the form @param now milliseconds since the epoch */
export async function formToken(state: StateStore, caller: string, now: number): Promise<string> {
  const until = now + VALID_MS;
  return `${until}.${signature(await formKey(state, now), caller, until)}`;
}

/** Whether a token was given to this caller, lately. */
export async function isFormToken(state: StateStore, token: string, caller: string, now: number): Promise<boolean> {
  const [, time = '', signed = ''] = /^([0-9]{13})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  const until = Number(time);
  if (signed === '' || until <= now || until > now + VALID_MS) return false;
  const expected = signature(await formKey(state, now), caller, until);
  return timingSafeEqual(Buffer.from(signed), Buffer.from(expected));
}

function signature(key: string, caller: string, until: number): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([caller, until]))
    .digest('base64url');
}

async function formKey(state: StateStore, now: number): Promise<string> {
  const last = known.get(state);
  if (last && Math.abs(now - last.at) < KNOWN_FOR_MS) return last.key;
  const key = readOrMake(state);
  known.set(state, { at: now, key });
  // What failed is asked for again.
  key.catch(() => known.delete(state));
  return key;
}

async function readOrMake(state: StateStore): Promise<string> {
  const found = await state.get<FormKey>(PARTITION, KEY);
  if (found) return found.value.key;
  const made: FormKey = { key: randomBytes(32).toString('base64url') };
  try {
    await state.insert(PARTITION, KEY, made);
    return made.key;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return readOrMake(state);
  }
}
