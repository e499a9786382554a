/** Raises an exhausted quota by a step, outside production and up to a cap; otherwise notifies the team. */
import { profileOf } from '../../shared/clusters/guardrails.ts';
import { changeNamespace, namespaceOf } from '../../shared/clusters/inventory.ts';
import { capOf, decideRaise, raisedFor, refusalOf, withRaise } from '../../shared/clusters/quota.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { ResourceQuotaExceeded } from '../../shared/events/infrastructure.ts';
import { onEvent } from '../../shared/on-event.ts';
import { GUARDRAILS_NAME } from '../../shared/ports/cluster.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';
import { isLargerQuantity, parseQuantity, smallerQuantity } from '../../shared/quantity.ts';

type Exceeded = EventOf<typeof ResourceQuotaExceeded>;

export const handle: Handler<Exceeded> = async (event, ports) => {
  const { namespace, resource, used, hard, quotaName = GUARDRAILS_NAME, cluster = 'default' } = event.data;
  parseQuantity(used, 'data.used');
  parseQuantity(hard, 'data.hard');
  const report = { id: event.id, quotaName, resource, hard };

  const record = await namespaceOf(ports.state, cluster, namespace);
  const profile = record && profileOf(ports.config, record.profile);
  const refusal = refusalOf(report, record, profile);
  if (refusal !== undefined || !record || !profile) return notifyTeam(event, ports, record?.team, refusal ?? '');

  const api = ports.clusters.get(cluster);
  const quota = (await api.quotas(namespace)).find(({ name }) => name === GUARDRAILS_NAME);
  const actual = quota && Object.hasOwn(quota.hard, resource) ? quota.hard[resource] : undefined;
  const decision = decideRaise(report, record, profile, actual);
  if (decision.kind === 'ignore') return;
  if (decision.kind === 'refuse') return notifyTeam(event, ports, record.team, decision.why);

  // Recorded before it is set: a second run sets the same, however often the quota was raised before.
  const after = await changeNamespace(ports.state, cluster, namespace, (found) =>
    withRaise(found ?? record, resource, decision.hard, event.id),
  );
  const raised = raisedFor(after, resource);
  const cap = capOf(profile, resource) ?? decision.hard;
  const target = smallerQuantity(raised?.hard ?? decision.hard, cap);
  if (actual === undefined || isLargerQuantity(target, actual)) {
    await api.setQuota(namespace, GUARDRAILS_NAME, resource, target);
  }
  if (raised?.by !== event.id) return;
  await ports.notifier.notify({
    key: `${event.id}/raised`,
    severity: 'info',
    title: `quota of ${namespace} raised`,
    text: `${resource} in '${namespace}' (${cluster}) is raised to ${target}; the cap is ${cap}`,
    team: record.team,
    event,
  });
};

async function notifyTeam(
  event: Exceeded,
  { notifier }: HandlerPorts,
  team: string | undefined,
  why: string,
): Promise<void> {
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
