/** Reads what a release is explained by, and finds a release by what people know of it. */
import { type Page, pagesOf } from '../../blame/pages.ts';
import { serviceOf, teamOf } from '../../config/service-lookup.ts';
import { type EventRecord, readRecord } from '../../delivery/event-record.ts';
import { readHistory } from '../../delivery/history.ts';
import { type EventIdentity, eventKey } from '../../events/identity.ts';
import type { Ports } from '../../ports/handler.ts';
import type { StateStore } from '../../ports/state.ts';
import { type ReleaseRecord, releaseOf, type TargetRecord } from '../../releases/release-record.ts';
import { blameOf } from '../../releases/suspects.ts';
import { readTarget, targets } from '../../releases/target-store.ts';
import { type Freeze, freezeOf } from '../../slo/freezes.ts';
import { healthOf } from '../../slo/health-store.ts';
import { isInScope, type Objective, objectivesOf } from '../../slo/objectives.ts';
import type { ServiceHealth } from '../../slo/service-health.ts';

/** What is stored of a release, and around it. */
export interface Evidence {
  /** `cluster/namespace/deployment`. */
  readonly target: string;
  readonly record: TargetRecord;
  /** One of the record's. */
  readonly release: ReleaseRecord;
  readonly service?: string | undefined;
  readonly team?: string | undefined;
  /** Those of its service that hold where it runs. */
  readonly objectives: readonly Objective[];
  readonly health?: ServiceHealth | undefined;
  /** What it would meet now. */
  readonly freeze?: Freeze | undefined;
  /** Events of its chain at their handlers, others among them. */
  readonly events: readonly EventRecord[];
  /** The key of the violation that it was blamed by. */
  readonly blamedBy?: string | undefined;
  /** Of its service. */
  readonly pages: readonly Page[];
}

/** Of one target more are never of one release. */
const MAX_EVENTS = 200;
const REQUEST_HANDLER = 'deployment-requested';

/**
 * @param target `cluster/namespace/deployment`
 * @param key of the release; the newest one, also one that was rejected, when absent
 * @returns undefined when there is no such release, or no longer
 */
export async function evidenceOf(
  { state, config, clock }: Pick<Ports, 'state' | 'config' | 'clock'>,
  target: string,
  key?: string,
): Promise<Evidence | undefined> {
  const record = await readTarget(state, target);
  if (!record) return undefined;
  const release = key === undefined ? record.releases[0] : releaseOf(record, key);
  if (!release) return undefined;
  const { correlationId, data } = release;
  const service = serviceOf(config, data);
  const [request, chain, blamedBy, health, freeze, pages] = await Promise.all([
    // A request may be about another subject than its target.
    readRecord(state, REQUEST_HANDLER, release.key),
    readHistory(state, { correlationId, subject: target, limit: MAX_EVENTS }),
    blameOf(state, release.key),
    service === undefined ? undefined : healthOf(state, service),
    service === undefined ? undefined : freezeOf(state, service, clock.now(), data),
    service === undefined ? [] : pagesOf(state, service),
  ]);
  const objectives = service === undefined ? [] : objectivesOf(config, service);
  return {
    ...{ target, record, release, service, health, freeze, blamedBy, pages },
    team: teamOf(config, service),
    objectives: objectives.filter((objective) => isInScope(objective, data)),
    events: withoutTwice([...(request ? [request.value] : []), ...chain.records]),
  };
}

function withoutTwice(records: readonly EventRecord[]): EventRecord[] {
  return [...new Map(records.map((record) => [`${record.handler} ${eventKey(record)}`, record])).values()];
}

/** A release, and where it is. */
export interface FoundRelease extends EventIdentity {
  readonly target: string;
  readonly key: string;
}

/** The release of a request; of several sources that use its id, when no source is given. All targets are looked through. */
export async function findReleases(
  state: StateStore,
  { id, source }: { readonly id: string; readonly source?: string | undefined },
): Promise<FoundRelease[]> {
  const isIt = ({ requestId, requestSource }: ReleaseRecord): boolean =>
    requestId === id && (source === undefined || requestSource === source);
  const likely = source === undefined ? undefined : await requestRecord(state, { id, source });
  const first = likely && (await readTarget(state, likely.subject))?.releases.find(isIt);
  if (likely && first) return [foundAt(likely.subject, first)];
  const found: FoundRelease[] = [];
  for await (const { key: target, value } of targets(state)) {
    found.push(...value.releases.filter(isIt).map((release) => foundAt(target, release)));
  }
  return found;
}

/** What is known of a request as an event, also when no release came of it. */
export async function requestRecord(state: StateStore, request: EventIdentity): Promise<EventRecord | undefined> {
  return (await readRecord(state, REQUEST_HANDLER, eventKey(request)))?.value;
}

function foundAt(target: string, { requestId: id, requestSource: source, key }: ReleaseRecord): FoundRelease {
  return { target, id, source, key };
}
