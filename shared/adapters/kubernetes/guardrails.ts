/**
 * The guardrails of a namespace, by server-side apply with force: a second run repairs drift, removes what this app once
 * set and no longer sets, and leaves everything else alone.
 *
 * `setQuota` is an apply of the same field manager, so the next `applyGuardrails` sets the quota that it is
 * given: a raised quota has to be recorded and passed on.
 */

import * as z from 'zod/mini';
import { NotFoundError, NotOwnedError } from '../../errors.ts';
import { GUARDRAILS_NAME, type Guardrails, POD_SECURITY, type PodSecurity, type Quota } from '../../ports/cluster.ts';
import { type Applied, type KubernetesClient, untilUndisturbed } from './client.ts';
import { appliedFields, isSetByOthers, namespaceSchema, quotaSchema, roleBindingSchema } from './objects.ts';

/** Where NodeLocal DNSCache listens on every node. */
const NODE_LOCAL_DNS = '169.254.20.10/32';

const LEVELS: readonly (string | undefined)[] = POD_SECURITY;
const ENFORCE = 'pod-security.kubernetes.io/enforce';

const RBAC = 'rbac.authorization.k8s.io';

const namespacePath = (namespace: string): string => `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
const quotasPath = (namespace: string): string => `${namespacePath(namespace)}/resourcequotas`;

/** @see Cluster.applyGuardrails */
export async function applyGuardrails(client: KubernetesClient, guardrails: Guardrails): Promise<void> {
  const { namespace, quota, limits, access } = guardrails;
  const metadata = { namespace, name: GUARDRAILS_NAME };
  const bindings = `/apis/${RBAC}/v1/namespaces/${encodeURIComponent(namespace)}/rolebindings`;

  await applyNamespace(client, guardrails);
  await client.apply(`${quotasPath(namespace)}/${GUARDRAILS_NAME}`, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata,
    spec: { hard: quota },
  });
  await client.apply(`${namespacePath(namespace)}/limitranges/${GUARDRAILS_NAME}`, {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata,
    spec: { limits: [{ type: 'Container', ...limits }] },
  });
  await client.apply(
    `/apis/networking.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/networkpolicies/${GUARDRAILS_NAME}`,
    networkPolicy(namespace),
  );
  await removeOtherRole(client, `${bindings}/${GUARDRAILS_NAME}`, access.clusterRole);
  await client.apply(`${bindings}/${GUARDRAILS_NAME}`, {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: access.clusterRole },
    subjects: [{ apiGroup: RBAC, kind: 'Group', name: access.group }],
  });
}

/**
 * Made, or written over if it is ours or to be adopted, and still is what was read. Whose it is, the server itself keeps:
 * what our field manager has applied, nobody takes away by writing to other fields.
 */
async function applyNamespace(client: KubernetesClient, guardrails: Guardrails): Promise<void> {
  const { namespace: name, adopt, labels, podSecurity } = guardrails;
  const path = namespacePath(name);
  await untilUndisturbed(async () => {
    const found = await readIfThere(client, path);
    if (found && !adopt && !isOurs(found)) {
      throw new NotOwnedError(
        `namespace '${name}' was not made by this app, and is left alone; 'adopt' at its entry in platform.config.json lets it be taken over`,
      );
    }
    const { uid, resourceVersion } = found ?? {};
    const levels = hasStricter(found, podSecurity) ? {} : { [ENFORCE]: podSecurity };
    const metadata = { name, ...(found && { uid, resourceVersion }), labels: { ...labels, ...levels } };
    // One that somebody makes at this moment is not taken from them.
    await client.apply(path, { apiVersion: 'v1', kind: 'Namespace', metadata }, { force: found !== undefined });
  });
}

type NamespaceMetadata = z.output<typeof namespaceSchema>['metadata'];

async function readIfThere(client: KubernetesClient, path: string): Promise<NamespaceMetadata | undefined> {
  try {
    return (await client.read(path, namespaceSchema)).metadata;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** Whether fields of an object are ours by server-side apply. */
function isOurs(metadata: NamespaceMetadata): boolean {
  return Object.keys(appliedFields(metadata, [])).length > 0;
}

/**
 * Whether somebody else has set a stricter level of Pod Security: that was for a reason, and is not undone by an event. It
 * stays theirs, so that the next event finds it so, too.
 */
function hasStricter(found: NamespaceMetadata | undefined, level: PodSecurity): boolean {
  const label = found?.labels?.[ENFORCE];
  const current = LEVELS.indexOf(label);
  return found !== undefined && current > LEVELS.indexOf(level) && isSetByOthers(found, ['f:labels', `f:${ENFORCE}`]);
}

/** Nothing in, nothing out but questions to DNS; teams add policies of their own for what they need. */
function networkPolicy(namespace: string): Applied {
  const dns = {
    to: [
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
      { ipBlock: { cidr: NODE_LOCAL_DNS } },
    ],
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace, name: GUARDRAILS_NAME },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], egress: [dns] },
  };
}

/** A binding's role cannot be changed: when the profile has another one now, the binding is created again. */
async function removeOtherRole(client: KubernetesClient, path: string, clusterRole: string): Promise<void> {
  try {
    const { metadata, roleRef } = await client.read(path, roleBindingSchema);
    if (roleRef.kind === 'ClusterRole' && roleRef.name === clusterRole) return;
    await client.delete(path, metadata.uid);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}

/** @see Cluster.quotas */
export async function readQuotas(client: KubernetesClient, namespace: string): Promise<readonly Quota[]> {
  const found = await client.list(quotasPath(namespace), quotaSchema);
  // A namespace without quotas and no namespace at all have the same list.
  if (found.length === 0) await client.read(namespacePath(namespace), z.unknown());
  return found.map(({ metadata, spec }) => ({ name: metadata.name, hard: spec?.hard ?? {} }));
}

/** @see Cluster.setQuota */
export async function setQuota(
  client: KubernetesClient,
  namespace: string,
  name: string,
  resource: string,
  hard: string,
): Promise<void> {
  const path = `${quotasPath(namespace)}/${encodeURIComponent(name)}`;
  await untilUndisturbed(async () => {
    const { metadata, spec } = await client.read(path, quotaSchema);
    if (!isOurs(metadata)) throw new NotOwnedError(`the quota '${name}' in '${namespace}' was not made by this app`);
    const ours = appliedFields(metadata, ['f:spec', 'f:hard']);
    const kept = Object.entries(spec?.hard ?? {}).filter(([key]) => ours[`f:${key}`]);
    await client.apply(path, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { namespace, name, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
      spec: { hard: { ...Object.fromEntries(kept), [resource]: hard } },
    });
  });
}
