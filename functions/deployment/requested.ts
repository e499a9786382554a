/** Admits a deployment, or rejects it: by policy, by freeze, or because a newer request was admitted. */

import { type NamespaceRecord, namespaceOf } from '../../shared/clusters/inventory.ts';
import { serviceOf, wrongServiceIn } from '../../shared/config/service-lookup.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed, DeploymentRequested, DeploymentStarted } from '../../shared/events/deployment.ts';
import { targetOf } from '../../shared/events/deployment-target.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { keptData } from '../../shared/events/kept-data.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';
import { asksForRecord, violationOf } from '../../shared/releases/policy.ts';
import { changeTarget, isKnownGood, type ReleaseData, stepBy } from '../../shared/releases/release-record.ts';
import { admitRequest, type ReleaseFailure } from '../../shared/releases/release-states.ts';
import { failedData, startedData } from '../../shared/releases/report.ts';
import { type Freeze, freezeOf, scopeText } from '../../shared/slo/freezes.ts';

export const handle: Handler<EventOf<typeof DeploymentRequested>> = async (event, ports) => {
  const { id: requestId, source: requestSource, correlationid: correlationId } = event;
  const by = eventKey(event);
  const data = releaseDataOf(keptData(DeploymentRequested, event.data));
  const request = { requestId, requestSource, correlationId, data, time: Date.parse(event.time) };
  const at = ports.clock.now();
  const service = serviceOf(ports.config, data);
  const freeze = service === undefined ? undefined : await freezeOf(ports.state, service, at, data);
  const recorded = asksForRecord(data, ports.config)
    ? await namespaceOf(ports.state, data.cluster ?? 'default', data.namespace)
    : undefined;
  const record = await changeTarget(ports.state, targetOf(data), (current) => {
    // A return to what ran well adds no risk.
    const inTheWay = isKnownGood(current, data) ? undefined : freeze;
    const overrode = data.override && inTheWay?.reason;
    const objection = objectionTo(data, { freeze: inTheWay, recorded }, ports);
    return admitRequest(current, request, { objection, overrode, at });
  });

  // What this event decided, in this run or in one that died before it could publish: the outcome of this request, and
  // of the older one that it superseded.
  for (const release of record.releases) {
    const step = stepBy(release, by);
    if (step?.to === 'requested') ports.publish(DeploymentStarted, startedData(release));
    if (step?.to === 'failed') {
      const { correlationId: correlationid } = release;
      ports.publish(DeploymentFailed, failedData(release), { key: release.key, correlationid });
    }
  }
};

/** The image of the first of several containers stands for all where there is room for one. */
function releaseDataOf(data: EventOf<typeof DeploymentRequested>['data']): ReleaseData {
  const { image = data.containers?.[0]?.image ?? '' } = data;
  return { ...data, image };
}

interface Known {
  readonly freeze: Freeze | undefined;
  readonly recorded: NamespaceRecord | undefined;
}

function objectionTo(data: ReleaseData, { freeze, recorded }: Known, ports: HandlerPorts): ReleaseFailure | undefined {
  const { config } = ports;
  const violation = violationOf(data, config, recorded) ?? wrongServiceIn(config, data);
  if (violation) return { reason: 'PolicyViolation', message: violation };

  const { cluster = 'default' } = data;
  const { names } = ports.clusters;
  if (!names.includes(cluster)) {
    return { reason: 'NotFound', message: `unknown cluster '${cluster}'; known: ${names.join(', ')}` };
  }

  if (freeze && !data.override) {
    const { service, slo, since, reason } = freeze;
    const message = `service '${service}' is frozen${scopeText(freeze)} since ${since} (${slo}): ${reason}; let through are an override and the return to an image known to be good`;
    return { reason: 'Frozen', message };
  }
  return undefined;
}

onEvent(DeploymentRequested, handle);
