/** Admits a deployment, or rejects it: by policy, by freeze, or because a newer request was admitted. */

import { auditOnce } from '../../shared/access/audit.ts';
import { type EventSender, senderOf } from '../../shared/access/senders.ts';
import { type NamespaceRecord, namespaceOf } from '../../shared/clusters/inventory.ts';
import { serviceOf, wrongServiceIn } from '../../shared/config/service-lookup.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed, DeploymentRequested, DeploymentStarted } from '../../shared/events/deployment.ts';
import { targetOf } from '../../shared/events/deployment-target.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { keptData } from '../../shared/events/kept-data.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';
import { returnOverride, takeOverride } from '../../shared/releases/overrides.ts';
import { asksForRecord, violationOf } from '../../shared/releases/policy.ts';
import {
  isKnownGood,
  type ReleaseData,
  releaseOf,
  stepBy,
  type UsedOverride,
} from '../../shared/releases/release-record.ts';
import { admitRequest, type ReleaseFailure } from '../../shared/releases/release-states.ts';
import { failedData, startedData } from '../../shared/releases/report.ts';
import { changeTarget, readTarget } from '../../shared/releases/target-store.ts';
import { type Freeze, freezeOf, scopeText } from '../../shared/slo/freezes.ts';

type Requested = EventOf<typeof DeploymentRequested>;

export const handle: Handler<Requested> = async (event, ports) => {
  const { id: requestId, source: requestSource, correlationid: correlationId } = event;
  const by = eventKey(event);
  const { state, config } = ports;
  const data = releaseDataOf(keptData(DeploymentRequested, event.data));
  const at = ports.clock.now();
  const service = serviceOf(config, data);
  const freeze = service === undefined ? undefined : await freezeOf(state, service, at, data);
  // Read where it matters alone: it is one more call of the store.
  const asksForSender = freeze !== undefined || data.requestedBy !== undefined;
  const sender = asksForSender ? await senderOf(event, ports) : undefined;
  const recorded = asksForRecord(data, config)
    ? await namespaceOf(state, data.cluster ?? 'default', data.namespace)
    : undefined;
  const sentBy = sender && { sentBy: sender.who };
  const request = { requestId, requestSource, correlationId, ...sentBy, data, time: Date.parse(event.time) };
  const objectionUnder = (found: Freeze | undefined) => objectionTo(data, { freeze: found, recorded }, ports);

  const isHeld = freeze !== undefined && !objectionUnder(undefined);
  const override = isHeld ? await overrideFor(event, freeze, sender, ports) : undefined;
  const record = await changeTarget(state, targetOf(data), (current) => {
    // A return to what ran well adds no risk.
    const inTheWay = isKnownGood(current, data) ? undefined : freeze;
    const objection = objectionUnder(override ? undefined : inTheWay);
    return admitRequest(current, request, { objection, overrode: override && inTheWay?.reason, override, at });
  });
  const decided = stepBy(releaseOf(record, by), by);
  const used = decided?.to === 'requested' ? decided.override : undefined;
  if (decided && used) {
    await recordOverride(event, used, { at: decided.at, sender: sender ?? (await senderOf(event, ports)) }, ports);
  } else if (freeze && override) await returnOverride(state, { service: freeze.service, by });

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

/** By whose word the release passes the freeze: its own sender's, or that of whoever granted an override. */
async function overrideFor(
  event: Requested,
  { service }: Freeze,
  sender: EventSender | undefined,
  { state, clock }: HandlerPorts,
): Promise<UsedOverride | undefined> {
  const { override } = event.data;
  if (override && sender?.rights.includes('override')) {
    const { reason, approvedBy } = override;
    const isSender = sender.aliases.includes(approvedBy);
    return { by: isSender ? sender.who : `${sender.who}, which names ${approvedBy}`, reason };
  }
  const need = { service, target: targetOf(event.data), by: eventKey(event) };
  const record = await readTarget(state, need.target);
  if (record && isKnownGood(record, releaseDataOf(event.data))) return undefined;
  const granted = await takeOverride(state, need, clock.now());
  return granted && { by: granted.by, reason: granted.reason };
}

/** Enters an override that was used in the audit log, before anything follows from it. */
async function recordOverride(
  event: Requested,
  { by, reason }: UsedOverride,
  { at, sender }: { readonly at: number; readonly sender: EventSender },
  { state }: HandlerPorts,
): Promise<void> {
  const { who, from } = sender;
  const { type, correlationid: correlationId } = event;
  await auditOnce(state, eventKey(event), {
    ...{ at, who, from, right: 'override', correlationId },
    what: `${type} ${targetOf(event.data)}`,
    why: by === who ? reason : `${reason} (by ${by})`,
  });
}

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

  if (!freeze) return undefined;
  const { service, slo, since, reason } = freeze;
  const frozen = `service '${service}' is frozen${scopeText(freeze)} since ${since} (${slo}): ${reason}`;
  const claimed = data.override ? '; whoever sent the override has no right to it' : '';
  const message = `${frozen}${claimed}; let through are an override and the return to an image known to be good`;
  return { reason: 'Frozen', message };
}

onEvent(DeploymentRequested, handle);
