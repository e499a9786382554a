/**
 * Rollbacks that people ask for. The newest release of a target is failed with their reason, which rolls it back to what
 * is known to be good in the way of every failure. What was asked for is stored first: the fact counts by that record.
 */
import { HOUR_MS } from '../duration.ts';
import { NotFoundError, PermanentError } from '../errors.ts';
import { childEvent, type EventOf, newEventId } from '../events/cloud-event.ts';
import { DeploymentFailed } from '../events/deployment.ts';
import { targetOf } from '../events/deployment-target.ts';
import type { Derivation } from '../events/identity.ts';
import type { Ports } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { withoutControls } from '../shown-text.ts';
import { updateDocument } from '../update-document.ts';
import { askedImages, imagesText, type NamedImage } from './containers.ts';
import { newestOf, type ReleaseRecord, secondsBetween } from './release-record.ts';
import { rollbackPlan } from './rollback-states.ts';
import { readTarget } from './target-store.ts';

/** By target: who asked for a rollback there. */
const ASKED = 'asked-rollbacks';
const HANDLER = 'rollback';
/** The event of an older one was handled long ago. */
const MAX_ASKED = 10;
/** An event has all its attempts by then: if nothing has come of it, nothing will, and another one is needed. */
const SAME_FOR_MS = HOUR_MS;

interface AskedRollback {
  readonly id: string;
  /** The key of the release. */
  readonly of: string;
  readonly who: string;
  readonly reason: string;
  /** How far the release was. */
  readonly steps: number;
  /** In milliseconds since the Unix epoch; absent when an earlier build wrote it. */
  readonly at?: number;
}

/** The last one first. */
interface AskedRollbacks {
  readonly asked: readonly AskedRollback[];
}

/** The release cannot be rolled back, or is on its way. */
export class NotRollbackableError extends PermanentError {}

export interface RollbackRequest {
  readonly cluster: string;
  readonly namespace: string;
  readonly deployment: string;
  readonly who: string;
  readonly reason: string;
  readonly traceparent?: string | undefined;
}

/** What was asked for. */
export interface RequestedRollback {
  readonly eventId: string;
  readonly correlationId: string;
  /** What fails, and what is to run instead. */
  readonly failed: string;
  readonly restored: string;
}

interface Rollbackable {
  readonly release: ReleaseRecord;
  readonly images: readonly NamedImage[];
}

/** @throws NotFoundError when nothing was released there @throws NotRollbackableError saying why not */
export async function rollbackableRelease(
  state: StateStore,
  place: Pick<RollbackRequest, 'cluster' | 'namespace' | 'deployment'>,
): Promise<Rollbackable> {
  const target = targetOf(place);
  const record = await readTarget(state, target);
  const release = record && newestOf(record);
  if (!release) throw new NotFoundError(`nothing was released on ${target}`);
  const plan = rollbackPlan(record, release);
  if ('against' in plan) throw new NotRollbackableError(`${target} is not rolled back: ${plan.against}`);
  return { release, images: plan.images };
}

/**
 * Asks for the newest release of a target to be rolled back. Asked again within an hour, before anything has come of it, it is
 * one request.
 *
 * @throws NotFoundError when nothing was released there @throws NotRollbackableError saying why not
 */
export async function requestRollback(
  { who, reason, traceparent, ...place }: RollbackRequest,
  { state, clock, publisher }: Pick<Ports, 'state' | 'clock' | 'publisher'>,
): Promise<RequestedRollback> {
  const { release, images } = await rollbackableRelease(state, place);
  const steps = release.steps.length;
  const at = clock.now();
  const { key: of } = release;
  const { asked } = await updateDocument<AskedRollbacks>(state, ASKED, targetOf(place), (found) => {
    const [last] = found?.asked ?? [];
    if (found && last?.of === of && last.steps === steps && at < (last.at ?? 0) + SAME_FOR_MS) return found;
    return { asked: [{ id: newEventId(), of, who, reason, steps, at }, ...(found?.asked ?? [])].slice(0, MAX_ASKED) };
  });
  const [first] = asked;
  if (!first) throw new TypeError('what was asked for is not stored');
  const event = eventOf(release, first, { now: at, traceparent });
  await publisher.publish(event);
  const failed = imagesText(askedImages(release.data));
  return { eventId: event.id, correlationId: event.correlationid, failed, restored: imagesText(images) };
}

/** The facts that were published when the rollback of a release was asked for. */
export async function askedRollbacks(state: StateStore, { key, data }: ReleaseRecord): Promise<readonly Derivation[]> {
  const found = await state.get<AskedRollbacks>(ASKED, targetOf(data));
  return (found?.value.asked ?? []).flatMap(({ id, of }) =>
    of === key ? { parent: key, type: DeploymentFailed.type, handler: HANDLER, key: id } : [],
  );
}

function eventOf(
  { data, requestId, requestSource, correlationId, steps }: ReleaseRecord,
  { id, who, reason }: AskedRollback,
  { now, traceparent }: { readonly now: number; readonly traceparent: string | undefined },
): EventOf<typeof DeploymentFailed> {
  const parent = { source: requestSource, id: requestId, correlationid: correlationId };
  return childEvent(parent, DeploymentFailed, {
    ...{ handler: HANDLER, key: id, time: new Date(now).toISOString(), traceparent },
    data: {
      ...{ ...data, requestId, requestSource, reason: 'RollbackRequested' },
      message: withoutControls(`asked for by ${who}: ${reason}`),
      durationSeconds: secondsBetween(steps[0]?.at ?? now, now),
    },
  });
}
