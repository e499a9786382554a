/** Applies the guardrails of a namespace and records its team. Running it again repairs drift. */

import { guardrailsOf, type Profile, profileOf } from '../../shared/clusters/guardrails.ts';
import { changeNamespace, type NamespaceRecord, namespaceOf, withNamespace } from '../../shared/clusters/inventory.ts';
import { objectionToNamespace, profileNameOf } from '../../shared/clusters/namespace-rules.ts';
import { entryOf } from '../../shared/config/namespace-lookup.ts';
import { ConflictError, InvalidEventError, PolicyViolationError } from '../../shared/errors.ts';
import type { EventOf } from '../../shared/events/cloud-event.ts';
import { NamespaceCreated } from '../../shared/events/infrastructure.ts';
import { onEvent } from '../../shared/on-event.ts';
import type { Handler, HandlerPorts } from '../../shared/ports/handler.ts';

type Created = EventOf<typeof NamespaceCreated>;

/** Other events may change the same namespace at the same time, but not for long. */
const MAX_ROUNDS = 5;

export const handle: Handler<Created> = async (event, ports) => {
  const { config, state } = ports;
  const { data } = event;
  const { namespace, cluster = 'default' } = data;
  const api = ports.clusters.get(cluster);
  const adopt = entryOf(config, data)?.adopt ?? false;
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const found = await namespaceOf(state, cluster, namespace);
    const objection = objectionToNamespace(config, data, found);
    // In a later round something was applied that another event has decided meanwhile: that is put back.
    if (objection && (round === 1 || !found)) throw new PolicyViolationError(objection);
    const next = (known: NamespaceRecord | undefined): NamespaceRecord =>
      known && objectionToNamespace(config, data, known)
        ? known
        : withNamespace(known, event, profileNameOf(config, data, known));
    const record = next(found);
    // Applied before it is recorded, so that what the inventory says is in the cluster. When somebody else has recorded
    // something meanwhile, what was applied here may have undone it, and the newest is applied again.
    await api.applyGuardrails(guardrailsOf(record, profileFor(record, event, ports), adopt));
    const recorded = await changeNamespace(state, cluster, namespace, next);
    if (JSON.stringify(recorded) !== JSON.stringify(record)) continue;
    if (objection) throw new PolicyViolationError(objection);
    return;
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
