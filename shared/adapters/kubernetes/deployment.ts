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

import { NotFoundError, PlatformError, SupersededError } from '../../errors.ts';
import type { Change, Release, Rollback, Workload } from '../../ports/cluster.ts';
import { type JsonPatchOperation, type KubernetesClient, untilUndisturbed } from './client.ts';
import { changeMarks, marksOf } from './marks.ts';
import {
  appliedFields,
  CONTAINER_LISTS,
  type Deployment,
  deploymentSchema,
  imagesByContainer,
  imagesIn,
  namespaceSchema,
  REVISION,
  replicaSetSchema,
  type Template,
  withImages,
} from './objects.ts';

/** The revisions that a ReplicaSet had before it became the newest again, with commas. */
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';

type Images = ReadonlyMap<string, string>;

const deploymentsOf = (namespace: string): string =>
  `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`;

const deploymentPath = ({ namespace, deployment }: Workload): string =>
  `${deploymentsOf(namespace)}/${encodeURIComponent(deployment)}`;

/** @throws NotFoundError also when it is being deleted */
export async function readDeployment(client: KubernetesClient, workload: Workload): Promise<Deployment> {
  const found = await client.read(deploymentPath(workload), deploymentSchema);
  const { namespace, deployment } = workload;
  if (found.metadata.deletionTimestamp) throw new NotFoundError(`${namespace}/${deployment} is being deleted`);
  return found;
}

/**
 * Nothing comes to be in a namespace that is being deleted, and it goes with all that is in it. The controllers give up
 * there without a word in the status of a Deployment.
 *
 * @throws NotFoundError when it is being deleted, as far as the app may see that
 */
export async function refuseEndingNamespace(client: KubernetesClient, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const found = await client.read(path, namespaceSchema).catch((error: unknown) => {
    if (error instanceof PlatformError) return undefined;
    throw error;
  });
  if (found?.metadata.deletionTimestamp) throw new NotFoundError(`namespace '${namespace}' is being deleted`);
}

/** @see Cluster.apply */
export async function applyRelease(client: KubernetesClient, release: Release): Promise<void> {
  const { namespace, deployment: name } = release;
  await makeOnce(client, release, async (found, images) => {
    const { metadata, spec } = found;
    const { uid, resourceVersion } = metadata;
    const ours = appliedFields(metadata, ['f:spec']);
    const replicas = release.replicas ?? (ours['f:replicas'] ? spec.replicas : undefined);
    const annotations = changeMarks(found, release, images.keys(), client.now());
    await client.apply(deploymentPath(release), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name, uid, resourceVersion, annotations },
      spec: {
        ...(typeof replicas === 'number' && { replicas }),
        template: { spec: Object.fromEntries(CONTAINER_LISTS.flatMap((list) => appliedImages(found, images, list))) },
      },
    });
  });
}

/** The images of a list of containers that are to be ours: those of this change, and those that are ours already. */
function appliedImages(
  { metadata, spec }: Deployment,
  images: Images,
  list: (typeof CONTAINER_LISTS)[number],
): [string, unknown][] {
  const ours = appliedFields(metadata, ['f:spec', 'f:template', 'f:spec', `f:${list}`]);
  const applied = (spec.template.spec[list] ?? [])
    .filter(({ name }) => images.has(name) || ours[`k:${JSON.stringify({ name })}`]?.['f:image'])
    .map(({ name, image }) => ({ name, image: images.get(name) ?? image }));
  return applied.length > 0 ? [[list, applied]] : [];
}

/** @see Cluster.rollback */
export async function rollBack(client: KubernetesClient, rollback: Rollback): Promise<void> {
  await makeOnce(client, rollback, async (found, images) => {
    const { metadata, spec } = found;
    const template = hasImages(spec.template, images) ? undefined : await goodTemplate(client, found, rollback, images);
    await client.patch(deploymentPath(rollback), [
      { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      ...annotate(metadata.annotations, changeMarks(found, rollback, images.keys(), client.now())),
      ...(template ? [{ op: 'replace', path: '/spec/template', value: template } as const] : []),
    ]);
  });
}

function hasImages(template: Template, images: Images): boolean {
  const found = imagesIn(template);
  return [...images].every(([name, image]) => found.get(name) === image);
}

/** Reads, compares ranks, and writes if nothing changed meanwhile; otherwise again on what is there now. */
async function makeOnce(
  client: KubernetesClient,
  change: Change,
  write: (found: Deployment, images: Images) => Promise<void>,
): Promise<void> {
  await untilUndisturbed(async () => {
    const found = await readDeployment(client, change);
    const images = imagesByContainer(found.spec.template, change);
    if (isMade(found, change, { images, now: client.now() })) return;
    await refuseEndingNamespace(client, change.namespace);
    await write(found, images);
  });
}

/** @throws SupersededError when a newer change was made to one of the containers */
function isMade(
  found: Deployment,
  { namespace, deployment, requestId, rank }: Change,
  { images, now }: { readonly images: Images; readonly now: number },
): boolean {
  const all = marksOf(found, now);
  const marks = [...images.keys()].map((name) => all.get(name));
  const newer = marks.find((mark) => mark && mark.rank > rank);
  if (newer) {
    throw new SupersededError(
      `${namespace}/${deployment} has request ${newer.requestId}, which is newer than ${requestId}`,
    );
  }
  return marks.every((mark) => mark?.rank === rank);
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

/**
 * The template in which the images ran: that of the revision, or of the newest one with these images when none is known.
 * One that would change other containers is no choice, and a Deployment may keep none (`revisionHistoryLimit: 0`): then
 * the images are set in the template of now.
 */
async function goodTemplate(
  client: KubernetesClient,
  { metadata, spec }: Deployment,
  { namespace, revision }: Rollback,
  images: Images,
): Promise<Template> {
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/replicasets`;
  const all = await client.list(path, replicaSetSchema, { labelSelector: selectorText(spec.selector) });
  const wanted = withImages(spec.template, images);
  const [found] = all
    .filter((one) => one.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata.uid))
    .map((one) => ({ template: one.spec.template, revisions: revisionsOf(one.metadata.annotations) }))
    .filter(({ template, revisions }) => {
      const isKnown = revision === undefined || revisions.includes(revision);
      return isKnown && imagesIn(template).size === imagesIn(wanted).size && hasImages(template, imagesIn(wanted));
    })
    .sort((a, b) => Number(b.revisions[0]) - Number(a.revisions[0]));
  if (!found) return wanted;
  // The label of its ReplicaSet is not the Deployment's.
  const { 'pod-template-hash': _, ...labels } = found.template.metadata?.labels ?? {};
  return { ...found.template, metadata: { ...found.template.metadata, labels } };
}

/** The revision of a ReplicaSet, then those that it had before. */
function revisionsOf(annotations: Deployment['metadata']['annotations']): readonly string[] {
  return [annotations?.[REVISION] ?? '0', ...(annotations?.[REVISION_HISTORY] ?? '').split(',')];
}

const OPERATORS: Readonly<Record<string, string>> = { In: 'in', NotIn: 'notin' };

/** A label selector as a query says it. */
export function selectorText({ matchLabels, matchExpressions }: Deployment['spec']['selector']): string {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const rest = (matchExpressions ?? []).map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${OPERATORS[operator]} (${(values ?? []).join(',')})`;
  });
  return [...equal, ...rest].join(',');
}
