/**
 * Changes to a Deployment. Each is one write that holds the change and its marks, and is accepted only if the object
 * still is what was read: no change is ever half made, and the marks show which one was made.
 *
 * - A release is a server-side apply of the marks, the image, and `replicas` if asked for. Nobody else's field is
 *   touched; these become ours by force, since a request to deploy is an order about just these. An autoscaler that
 *   changes the replicas owns them from then on.
 * - A rollback replaces the pod template by an earlier one, as `kubectl rollout undo` does, with a JSON patch: applied,
 *   every field of the template would be ours, and the next release would have to name them all.
 *
 * The pod template has no marks: they would restart every pod for a release that changes nothing.
 */

import { NotFoundError, SupersededError } from '../../errors.ts';
import { isImage } from '../../image.ts';
import type { Change, Release, Rollback, Workload } from '../../ports/cluster.ts';
import { type JsonPatchOperation, type KubernetesClient, untilUndisturbed } from './client.ts';
import {
  appliedFields,
  containerOf,
  type Deployment,
  deploymentSchema,
  REVISION,
  replicaSetSchema,
  type Template,
} from './objects.ts';
import { REQUEST_ID } from './rollout.ts';

const RANK = 'platform-events/rank';
const CHANGE_CAUSE = 'kubernetes.io/change-cause';

const deploymentsOf = (namespace: string): string =>
  `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`;

const deploymentPath = ({ namespace, deployment }: Workload): string =>
  `${deploymentsOf(namespace)}/${encodeURIComponent(deployment)}`;

/** @throws NotFoundError */
export async function readDeployment(client: KubernetesClient, workload: Workload): Promise<Deployment> {
  return client.read(deploymentPath(workload), deploymentSchema);
}

/** @see Cluster.apply */
export async function applyRelease(client: KubernetesClient, release: Release): Promise<void> {
  const { namespace, deployment: name, image } = release;
  await makeOnce(client, release, async ({ metadata, spec }) => {
    const { name: container } = containerOf(spec.template, release);
    const { uid, resourceVersion } = metadata;
    const ours = appliedFields(metadata, ['f:spec']);
    const replicas = release.replicas ?? (ours['f:replicas'] ? spec.replicas : undefined);
    const oursIn = appliedFields(metadata, ['f:spec', 'f:template', 'f:spec', 'f:containers']);
    const containers = spec.template.spec.containers
      .filter((one) => one.name === container || oursIn[`k:${JSON.stringify({ name: one.name })}`]?.['f:image'])
      .map((one) => ({ name: one.name, image: one.name === container ? image : one.image }));
    await client.apply(deploymentPath(release), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name, uid, resourceVersion, annotations: changeMarks(release) },
      spec: { ...(typeof replicas === 'number' && { replicas }), template: { spec: { containers } } },
    });
  });
}

/** @see Cluster.rollback */
export async function rollBack(client: KubernetesClient, rollback: Rollback): Promise<void> {
  await makeOnce(client, rollback, async (found) => {
    const { metadata, spec } = found;
    const isThere = isImage(containerOf(spec.template, rollback).image ?? '', rollback.image);
    const template = isThere ? undefined : await earlierTemplate(client, found, rollback);
    await client.patch(deploymentPath(rollback), [
      { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      ...annotate(metadata.annotations, changeMarks(rollback)),
      ...(template ? [{ op: 'replace', path: '/spec/template', value: template } as const] : []),
    ]);
  });
}

/** Reads, compares ranks, and writes if nothing changed meanwhile; otherwise again on what is there now. */
async function makeOnce(
  client: KubernetesClient,
  change: Change,
  write: (found: Deployment) => Promise<void>,
): Promise<void> {
  await untilUndisturbed(async () => {
    const found = await readDeployment(client, change);
    if (!isMade(found, change)) await write(found);
  });
}

/** @throws SupersededError when a newer change was made */
function isMade({ metadata: { annotations } }: Deployment, change: Change): boolean {
  const rank = annotations?.[RANK];
  if (rank === undefined || rank < change.rank) return false;
  if (rank === change.rank) return true;
  const { namespace, deployment, requestId } = change;
  throw new SupersededError(
    `${namespace}/${deployment} has request ${annotations?.[REQUEST_ID]}, which is newer than ${requestId}`,
  );
}

function changeMarks({ requestId, rank, changeCause }: Change): Readonly<Record<string, string>> {
  return { [REQUEST_ID]: requestId, [RANK]: rank, [CHANGE_CAUSE]: changeCause };
}

function annotate(
  present: Deployment['metadata']['annotations'],
  marks: Readonly<Record<string, string>>,
): JsonPatchOperation[] {
  if (!present) return [{ op: 'add', path: '/metadata/annotations', value: marks }];
  const pointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
  return Object.entries(marks).map(([key, value]) => ({
    op: 'add',
    path: `/metadata/annotations/${pointer(key)}`,
    value,
  }));
}

/** The template of the newest revision that ran the image, without the label of its ReplicaSet. */
async function earlierTemplate(
  client: KubernetesClient,
  { metadata, spec }: Deployment,
  { image, ...workload }: Rollback,
): Promise<Template> {
  const { namespace, deployment } = workload;
  const { name } = containerOf(spec.template, workload);
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/replicasets`;
  const all = await client.list(path, replicaSetSchema, { labelSelector: selectorText(spec.selector) });
  const revisions = all
    .filter((one) => one.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata.uid))
    .map((one) => ({ template: one.spec.template, revision: Number(one.metadata.annotations?.[REVISION] ?? 0) }))
    .sort((a, b) => b.revision - a.revision);
  const imageOf = ({ spec: { containers } }: Template): string | undefined =>
    containers.find((container) => container.name === name)?.image;
  const found = revisions.find(({ template }) => isImage(imageOf(template) ?? '', image));
  if (!found) {
    const known = revisions.map(({ template, revision }) => `${revision}: ${imageOf(template)}`).join(', ');
    throw new NotFoundError(`no kept revision of ${namespace}/${deployment} ran ${image} (${known})`);
  }
  const { 'pod-template-hash': _, ...labels } = found.template.metadata?.labels ?? {};
  return { ...found.template, metadata: { ...found.template.metadata, labels } };
}

const OPERATORS: Readonly<Record<string, string>> = { In: 'in', NotIn: 'notin' };

/** A label selector as a query says it. */
function selectorText({ matchLabels, matchExpressions }: Deployment['spec']['selector']): string {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const rest = (matchExpressions ?? []).map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${OPERATORS[operator]} (${(values ?? []).join(',')})`;
  });
  return [...equal, ...rest].join(',');
}
