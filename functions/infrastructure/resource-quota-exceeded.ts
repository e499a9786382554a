/** Raises an exhausted quota by a step, outside production and up to a cap; otherwise notifies the team. */
import { reasonNotToAct } from '../../shared/automation.ts';
import { profileOf } from '../../shared/clusters/guardrails.ts';
import { changeNamespace, namespaceOf } from '../../shared/clusters/inventory.ts';
import { decideRaise, raiseOf, raiseTermsOf, withRaise } from '../../shared/clusters/quota.ts';
import { isProduction, namespaceObjection } from '../../shared/config/namespace-lookup.ts';
import { PolicyViolationError } from '../../shared/errors.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { eventKey } from '../../shared/events/identity.ts';
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
  const by = eventKey(event);
  const report = { by, quotaName, resource, hard };

  const objection = namespaceObjection(ports.config, event.data);
  if (objection) throw new PolicyViolationError(objection);
  const recorded = await namespaceOf(ports.state, cluster, namespace);
  const isOfProduction = recorded && isProduction(ports.config, event.data, recorded);
  const found = isOfProduction ? { ...recorded, environment: 'production' as const } : recorded;
  const terms = raiseTermsOf(report, found, found && profileOf(ports.config, found.profile));
  if (terms.kind === 'refuse') return notifyNotRaised(event, ports, found?.team, terms.why);
  const { record, cap } = terms;

  const api = ports.clusters.get(cluster);
  const quota = (await api.quotas(namespace)).find(({ name }) => name === GUARDRAILS_NAME);
  const actual = quota && Object.hasOwn(quota.hard, resource) ? quota.hard[resource] : undefined;
  const decision = decideRaise(report, terms, actual);
  if (decision.kind === 'ignore') return;
  if (decision.kind === 'refuse') return notifyNotRaised(event, ports, record.team, decision.why);

  const paused = await reasonNotToAct(ports.state);
  if (paused !== undefined) return notifyNotRaised(event, ports, record.team, paused);

  // Recorded before it is set: a second run sets the same, however often the quota was raised before.
  const after = await changeNamespace(ports.state, cluster, namespace, (current) =>
    withRaise(current ?? record, resource, decision.hard, by),
  );
  const raise = raiseOf(after, resource);
  const target = smallerQuantity(raise?.hard ?? decision.hard, cap);
  if (actual === undefined || isLargerQuantity(target, actual)) {
    await api.setQuota(namespace, GUARDRAILS_NAME, resource, target);
  }
  if (raise?.by !== by) return;
  await ports.notifier.notify({
    key: `${by}/raised`,
    severity: 'info',
    title: `quota of ${namespace} raised`,
    text: `${resource} in '${namespace}' (${cluster}) is raised to ${target}; the cap is ${cap}`,
    team: record.team,
    event,
  });
};

async function notifyNotRaised(
  event: Exceeded,
  { notifier }: HandlerPorts,
  team: string | undefined,
  why: string,
): Promise<void> {
  const { namespace, resource, used, hard, cluster = 'default' } = event.data;
  await notifier.notify({
    key: `${eventKey(event)}/quota`,
    severity: 'warning',
    title: `quota of ${namespace} exhausted`,
    text: `${resource} in '${namespace}' (${cluster}): ${used} used of ${hard}. It is not raised: ${why}`,
    team,
    event,
  });
}

onEvent(ResourceQuotaExceeded, handle);
