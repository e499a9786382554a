/** Closes a deployment that was rolled back and notifies people, with the time it took to restore the target. */

import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentRolledBack } from '../../shared/events/deployment.ts';
import { targetOf } from '../../shared/events/deployment-target.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import { askedImages, imagesText } from '../../shared/releases/containers.ts';
import { expectsRolledBack } from '../../shared/releases/expected.ts';
import { stepBy, stepTo } from '../../shared/releases/release-record.ts';
import { closeRelease } from '../../shared/releases/release-states.ts';
import { noticeOf, rolledBackData } from '../../shared/releases/report.ts';
import { advanceRelease } from '../../shared/releases/target-store.ts';

export const handle: Handler<EventOf<typeof DeploymentRolledBack>> = async (event, ports) => {
  const by = eventKey(event);
  const release = await advanceRelease(ports.state, event.data, (record, it) =>
    closeRelease(record, it, { by, at: ports.clock.now() }, 'rolled-back'),
  );
  if (!release || !stepBy(release, by)) return;

  const { reason, durationSeconds } = rolledBackData(release);
  const { images = [] } = stepTo(release, 'rolled-back') ?? {};
  await ports.notifier.notify(
    noticeOf(release, event, ports.config, {
      what: 'rolled-back',
      severity: 'warning',
      title: `${targetOf(release.data)} is back on ${imagesText(images)}`,
      text: `${imagesText(askedImages(release.data))} was rolled back: ${reason}`,
      facts: { 'Recovery time': `${Math.round(durationSeconds)} s` },
    }),
  );
};

onEvent(DeploymentRolledBack, handle, expectsRolledBack);
