/** Applies the guardrails of a namespace and records its team. Running it again repairs drift. */

import { guardrailsOf, type Profile, profileOf } from '../../shared/clusters/guardrails.ts';
import { changeNamespace, type NamespaceRecord, namespaceOf, withNamespace } from '../../shared/clusters/inventory.ts';
import { ConflictError, InvalidEventError } from '../../shared/errors.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { NamespaceCreated } from '../../shared/events/infrastructure.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';

type Created = EventOf<typeof NamespaceCreated>;

/** Other events may change the same namespace at the same time, but not for long. */
const MAX_ROUNDS = 5;

export const handle: Handler<Created> = async (event, ports) => {
  const { namespace, cluster = 'default' } = event.data;
  if (namespace.startsWith('kube-')) {
    // Default-deny and a quota would cut the cluster's own workloads off.
    throw refused(event, 'data.namespace', namespace, "a namespace that is not Kubernetes' own (kube-…)");
  }
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const record = withNamespace(await namespaceOf(ports.state, cluster, namespace), event);
    // Applied before it is recorded, so that what the inventory says is in the cluster. When somebody else has recorded
    // something meanwhile, what was applied here may have undone it, and the newest is applied again.
    await ports.clusters.get(cluster).applyGuardrails(guardrailsOf(record, profileFor(record, event, ports)));
    const recorded = await changeNamespace(ports.state, cluster, namespace, (found) => withNamespace(found, event));
    if (JSON.stringify(recorded) === JSON.stringify(record)) return;
  }
  throw new ConflictError(`namespace '${namespace}' in cluster '${cluster}' kept changing`);
};

function profileFor(record: NamespaceRecord, event: Created, { config }: HandlerPorts): Profile {
  const profile = profileOf(config, record.profile);
  if (profile) return profile;
  const known = Object.keys(config.profiles).join(', ');
  const path = event.data.profile === undefined ? 'data.environment' : 'data.profile';
  throw refused(event, path, record.profile, `a profile of platform.config.json (${known})`);
}

function refused({ id, type }: Created, path: string, value: string, expected: string): InvalidEventError {
  return new InvalidEventError({ id, type }, [{ path, value, expected }]);
}

onEvent(NamespaceCreated, handle);
