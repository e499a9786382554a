/**
 * The records of the targets in the state store: read, changed under their ETags, and listed. Beside each record stands a
 * row, written in one transaction with it, by which the most urgent are listed first.
 */
import { PermanentError } from '../errors.ts';
import { targetOf } from '../events/deployment-target.ts';
import type { Operation, StateStore, Stored } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import {
  type OfRequest,
  type ReleaseRecord,
  releaseKeyOf,
  releaseOf,
  type TargetRecord,
  URGENCIES,
  type Urgency,
  urgencyOf,
} from './release-record.ts';

const TARGETS = 'deployments';

const emptyRecord: TargetRecord = {
  releases: [],
  knownGoodImages: {},
  unverified: [],
  ended: [],
  doraTotals: {
    deployed: 0,
    completed: 0,
    failed: 0,
    rework: 0,
    rolledBack: 0,
    leadTime: { count: 0, seconds: 0 },
    recovery: { count: 0, seconds: 0 },
  },
};

/** Changes a target's record, guarded by its ETag. `change` may run several times; the same record writes nothing. */
export async function changeTarget(
  state: StateStore,
  target: string,
  change: (record: TargetRecord) => TargetRecord,
): Promise<TargetRecord> {
  const record = await updateDocument<TargetRecord>(
    state,
    TARGETS,
    target,
    (current) => {
      const next = change(current ?? emptyRecord);
      if (next === emptyRecord || next === current) return current;
      return { ...next, listedAs: listKeyOf(target, next) };
    },
    (before, { listedAs: after = '' }) => {
      if (before?.listedAs === after) return [];
      const row: Operation = { kind: 'put', key: after, value: {}, etag: '*' };
      return before?.listedAs === undefined ? [row] : [{ kind: 'delete', key: before.listedAs }, row];
    },
  );
  return record ?? emptyRecord;
}

/** Before the keys of the rows that list targets; no cluster's name begins so. */
const LISTED = '!';
/** After it. */
const TARGETS_FROM = '"';
const LAST_MS = 9_999_999_999_999;

/** The most urgent first, then what changed last. */
function listKeyOf(target: string, record: TargetRecord): string {
  const [urgency, at] = urgencyOf(record);
  return `${LISTED}${URGENCIES.indexOf(urgency)}${String(LAST_MS - Math.max(0, at)).padStart(13, '0')}|${target}`;
}

/** The targets, the most urgent first. @param after the key of a row: those behind it */
export async function* listedTargets(
  state: StateStore,
  { after, urgency, limit }: { after?: string | undefined; urgency?: Urgency; limit?: number } = {},
): AsyncIterable<{ readonly target: string; readonly key: string }> {
  const [first, to] =
    urgency === undefined
      ? [LISTED, TARGETS_FROM]
      : [`${LISTED}${URGENCIES.indexOf(urgency)}`, `${LISTED}${URGENCIES.indexOf(urgency)}:`];
  const from = after === undefined ? first : `${after}\0`;
  for await (const { key } of state.query(TARGETS, { from, to, ...(limit !== undefined && { limit }) })) {
    yield { key, target: key.slice(key.indexOf('|') + 1) };
  }
}

/** A target's record; undefined when no request was ever handled for it. */
export async function readTarget(state: StateStore, target: string): Promise<TargetRecord | undefined> {
  return (await state.get<TargetRecord>(TARGETS, target))?.value;
}

/** Every target's record in the order of the targets, from after one on. */
export function targets(state: StateStore, after?: string): AsyncIterable<Stored<TargetRecord>> {
  // The first key after it.
  return state.query(TARGETS, { from: after === undefined || after < TARGETS_FROM ? TARGETS_FROM : `${after}\0` });
}

/** So many targets whose names begin so, in their order. */
export function targetsBeginning(
  state: StateStore,
  prefix: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): AsyncIterable<Stored<TargetRecord>> {
  const first = prefix < TARGETS_FROM ? TARGETS_FROM : prefix;
  const from = after === undefined || after < first ? first : `${after}\0`;
  return state.query(TARGETS, { from, to: `${prefix}\u{ffff}`, limit });
}

/**
 * Changes the state of a release when `next` allows it: a stale or repeated event changes nothing.
 *
 * @returns the release as it is stored now; undefined when it ended so long ago that it is no longer listed
 * @throws PermanentError when the request is not known: only `requested` admits one
 */
export async function advanceRelease(
  state: StateStore,
  of: OfRequest,
  next: (record: TargetRecord, release: ReleaseRecord) => TargetRecord,
): Promise<ReleaseRecord | undefined> {
  const record = await changeTarget(state, targetOf(of), (current) => {
    const release = knownRelease(current, of);
    return release ? next(current, release) : current;
  });
  return releaseOf(record, releaseKeyOf(of) ?? '');
}

/** The release of a request; undefined when it is over and no longer listed. @throws PermanentError when it is not known */
function knownRelease(record: TargetRecord, of: OfRequest): ReleaseRecord | undefined {
  const key = releaseKeyOf(of) ?? '';
  const release = releaseOf(record, key);
  if (release || record.ended.includes(key)) return release;
  throw new PermanentError(`request '${of.requestId}' of ${of.requestSource} for ${targetOf(of)} is not known`);
}
