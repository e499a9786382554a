/** Closes a completed deployment and notifies people, with its lead time. */

import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentCompleted } from '../../shared/events/deployment.ts';
import { targetOf } from '../../shared/events/deployment-target.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler } from '../../shared/ports/handler.ts';
import { askedImages, imagesText } from '../../shared/releases/containers.ts';
import { expectsCompleted } from '../../shared/releases/expected.ts';
import { stepBy, stepTo } from '../../shared/releases/release-record.ts';
import { closeRelease } from '../../shared/releases/release-states.ts';
import { completedData, noticeOf } from '../../shared/releases/report.ts';
import { advanceRelease } from '../../shared/releases/target-store.ts';

export const handle: Handler<EventOf<typeof DeploymentCompleted>> = async (event, ports) => {
  const by = eventKey(event);
  const release = await advanceRelease(ports.state, event.data, (record, it) =>
    closeRelease(record, it, { by, at: ports.clock.now() }, 'completed'),
  );
  // Not closed by this event: it has failed meanwhile, and that is the news.
  if (!release || !stepBy(release, by)) return;

  const { durationSeconds, replicas } = completedData(release);
  const leadSeconds = stepTo(release, 'completed')?.leadSeconds;
  await ports.notifier.notify(
    noticeOf(release, event, ports.config, {
      what: 'completed',
      severity: 'info',
      title: `${targetOf(release.data)} runs ${imagesText(askedImages(release.data))}`,
      text: `the rollout took ${durationSeconds} s; ${replicas} replica${replicas === 1 ? ' is' : 's are'} ready`,
      facts: leadSeconds === undefined ? {} : { 'Change lead time': `${Math.round(leadSeconds)} s` },
    }),
  );
};

onEvent(DeploymentCompleted, handle, expectsCompleted);
