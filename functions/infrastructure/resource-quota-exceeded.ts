/** Raises an exhausted quota by a step, outside production and up to a cap; otherwise tells the team. */

import { profileOf } from '../../shared/clusters/guardrails.ts';
import { changeNamespace, type NamespaceRecord, namespaceOf } from '../../shared/clusters/inventory.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { ResourceQuotaExceeded } from '../../shared/events/infrastructure.ts';
import { onEvent } from '../../shared/on-event.ts';
import { GUARDRAILS_NAME, type Handler, type HandlerPorts } from '../../shared/ports.ts';
import {
  compareQuantities,
  formatQuantity,
  multiplyQuantity,
  parseQuantity,
  type Quantity,
} from '../../shared/quantity.ts';

type Exceeded = EventOf<typeof ResourceQuotaExceeded>;

export const handle: Handler<Exceeded> = async (event, ports) => {
  const { namespace, resource, used, hard, quotaName = GUARDRAILS_NAME, cluster = 'default' } = event.data;
  parseQuantity(used, 'data.used');
  const reported = parseQuantity(hard, 'data.hard');

  const record = await namespaceOf(ports.state, cluster, namespace);
  if (!record) return tell(event, ports, undefined, 'its environment is not known: no NamespaceCreated was handled');
  if (record.environment === 'production') return tell(event, ports, record.team, 'production is not raised by itself');
  if (quotaName !== GUARDRAILS_NAME) return tell(event, ports, record.team, `the quota '${quotaName}' is not ours`);
  const profile = profileOf(ports.config, record.profile);
  const cap = profile && Object.hasOwn(profile.quotaCap, resource) ? profile.quotaCap[resource] : undefined;
  if (!profile || cap === undefined) {
    return tell(event, ports, record.team, `the profile '${record.profile}' has no cap for '${resource}'`);
  }

  const api = ports.clusters.get(cluster);
  const quota = (await api.quotas(namespace)).find(({ name }) => name === GUARDRAILS_NAME);
  const actualText = quota && Object.hasOwn(quota.hard, resource) ? quota.hard[resource] : undefined;
  if (actualText === undefined) return tell(event, ports, record.team, `our quota does not limit '${resource}'`);
  const actual = parseQuantity(actualText);
  const isMine = raisedFor(record, resource)?.by === event.id;
  // The namespace got more since this was reported: by another report of the same, or by people.
  if (!isMine && compareQuantities(actual, reported) > 0) return;
  if (!isMine && compareQuantities(actual, parseQuantity(cap)) >= 0) {
    return tell(event, ports, record.team, `it is at its cap of ${cap}`);
  }

  // Recorded before it is set: a second run sets the same, however often the quota was raised before.
  const wanted = smaller(raise(actual, profile.quotaStep, resource), parseQuantity(cap));
  const after = await changeNamespace(ports.state, cluster, namespace, (found) =>
    withRaise(found ?? record, resource, formatQuantity(wanted), event.id),
  );
  const raised = raisedFor(after, resource);
  const target = raised ? smaller(parseQuantity(raised.hard), parseQuantity(cap)) : wanted;
  if (compareQuantities(actual, target) < 0) {
    await api.setQuota(namespace, GUARDRAILS_NAME, resource, formatQuantity(target));
  }
  if (raised?.by !== event.id) return;
  await ports.notifier.notify({
    key: `${event.id}/raised`,
    severity: 'info',
    title: `quota of ${namespace} raised`,
    text: `${resource} in '${namespace}' (${cluster}) is raised to ${formatQuantity(target)}; the cap is ${cap}`,
    team: record.team,
    event,
  });
};

function raisedFor(record: NamespaceRecord | undefined, resource: string): { hard: string; by: string } | undefined {
  return record && Object.hasOwn(record.raised, resource) ? record.raised[resource] : undefined;
}

/** The record with the raise; unchanged when it, or another event's at least as high, is in it. */
function withRaise(record: NamespaceRecord, resource: string, hard: string, by: string): NamespaceRecord {
  const known = raisedFor(record, resource);
  if (known && (known.by === by || compareQuantities(parseQuantity(known.hard), parseQuantity(hard)) >= 0))
    return record;
  return { ...record, raised: { ...record.raised, [resource]: { hard, by } } };
}

/** A step up, to a whole millicore of CPU or a whole unit of anything else: Kubernetes refuses a fraction of a pod. */
function raise(from: Quantity, step: number, resource: string): Quantity {
  return multiplyQuantity(from, step, parseQuantity(/(^|\.)cpu$/.test(resource) ? '1m' : '1'));
}

function smaller(a: Quantity, b: Quantity): Quantity {
  return compareQuantities(a, b) <= 0 ? a : b;
}

async function tell(event: Exceeded, { notifier }: HandlerPorts, team: string | undefined, why: string): Promise<void> {
  const { namespace, resource, used, hard, cluster = 'default' } = event.data;
  await notifier.notify({
    key: `${event.id}/quota`,
    severity: 'warning',
    title: `quota of ${namespace} exhausted`,
    text: `${resource} in '${namespace}' (${cluster}): ${used} used of ${hard}. It is not raised: ${why}`,
    team,
    event,
  });
}

onEvent(ResourceQuotaExceeded, handle);
