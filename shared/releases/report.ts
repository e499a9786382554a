/** What the events and notifications of a deployment say, drawn from its record: the same on every run. */

import { serviceOf, teamOf } from '../config/service-lookup.ts';
import type { PlatformConfig } from '../config.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { DataOf } from '../events/cloud-event.ts';
import type {
  DeploymentCompleted,
  DeploymentFailed,
  DeploymentRolledBack,
  DeploymentStarted,
} from '../events/deployment.ts';
import { targetOf } from '../events/deployment-target.ts';
import type { Notification } from '../ports/notifier.ts';
import { withoutControls } from '../shown-text.ts';
import { askedImages, imagesText } from './containers.ts';
import { type ReleaseRecord, requestReference, secondsBetween, stepTo } from './release-record.ts';

const MAX_TEXT = 4_096;

export function startedData(release: ReleaseRecord): DataOf<typeof DeploymentStarted> {
  const previousImage = stepTo(release, 'requested')?.previousImage;
  return { ...release.data, ...requestOf(release), ...(previousImage && { previousImage }) };
}

/** Both, since two sources may use one id. */
function requestOf({ requestId, requestSource }: ReleaseRecord): Pick<ReleaseRecord, 'requestId' | 'requestSource'> {
  return { requestId, requestSource };
}

export function completedData(release: ReleaseRecord): DataOf<typeof DeploymentCompleted> {
  const { replicas = 0, revision } = stepTo(release, 'completed') ?? {};
  return {
    ...release.data,
    ...requestOf(release),
    durationSeconds: durationOf(release, 'completed'),
    replicas,
    ...(revision !== undefined && { revision }),
  };
}

export function failedData(release: ReleaseRecord): DataOf<typeof DeploymentFailed> {
  const { reason = 'ClusterError', message = '' } = stepTo(release, 'failed') ?? {};
  return {
    ...release.data,
    ...requestOf(release),
    reason,
    message: readable(message) || reason,
    durationSeconds: durationOf(release, 'failed'),
  };
}

export function rolledBackData(release: ReleaseRecord): DataOf<typeof DeploymentRolledBack> {
  const { reason, message } = failedData(release);
  const { images = [] } = stepTo(release, 'rolled-back') ?? {};
  return {
    ...release.data,
    ...requestOf(release),
    image: images[0]?.image ?? release.data.image,
    failedImage: release.data.image,
    ...(images.length > 1 && { restored: [...images] }),
    reason: readable(`${reason}: ${message}`),
    durationSeconds: restoreSecondsOf(release),
  };
}

/** The message of a cluster may hold control characters, and cutting may halve a character; an event may hold neither, nor U+FFFD. */
function readable(text: string): string {
  return withoutControls(text.slice(0, MAX_TEXT)).replaceAll('\ufffd', '?');
}

/** From the start, or from the request when it never was started, to its completion or failure. */
function durationOf(release: ReleaseRecord, end: 'completed' | 'failed'): number {
  const from = stepTo(release, 'started') ?? release.steps[0];
  return secondsBetween(from?.at ?? 0, stepTo(release, end)?.at ?? 0);
}

/** From the failure to the rollback. */
function restoreSecondsOf(release: ReleaseRecord): number {
  return secondsBetween(stepTo(release, 'failed')?.at ?? 0, stepTo(release, 'rolled-back')?.at ?? 0);
}

/** A notification about a release; `what` makes its key, so that a repeated run sends the same one. */
export function noticeOf(
  release: ReleaseRecord,
  event: PlatformEvent | undefined,
  config: PlatformConfig,
  { what, ...notice }: { what: string } & Pick<Notification, 'severity' | 'title' | 'text' | 'facts'>,
): Notification {
  const { key, data, sentBy } = release;
  const { commit, requestedBy } = data;
  const override = stepTo(release, 'requested')?.override;
  const team = teamOf(config, serviceOf(config, data));
  return {
    ...notice,
    key: `${targetOf(data)}/${key}/${what}`,
    facts: {
      Target: targetOf(data),
      Image: imagesText(askedImages(data)),
      Request: requestReference(release),
      ...(commit && { Commit: commit.sha }),
      // What a request says of who made it is its own word; who sent it is not.
      ...(requestedBy && { 'Requested by': sentBy ? `${requestedBy} (sent by ${sentBy})` : requestedBy }),
      ...(sentBy && !requestedBy && { 'Sent by': sentBy }),
      ...(override && { Override: `${override.reason} (by ${override.by})` }),
      ...notice.facts,
    },
    ...(team && { team }),
    ...(event && { event }),
  };
}
