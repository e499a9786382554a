/**
 * Clusters that exist only in the state store: deployments whose rollouts take time, revisions, guardrails. Nothing
 * runs by itself: how far a rollout is follows from when it began and what the clock says now, so a restarted host
 * finds it where it would be. The tag of any of the images decides how a rollout goes:
 *
 * - `fail-…` never becomes ready and misses its progress deadline;
 * - `slow-…` takes ten times as long;
 * - `error-…` answers the apply with a server error twice and then works.
 */
import type { PlatformConfig } from '../config.ts';
import { NotFoundError, PermanentError, SupersededError, TransientError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import {
  type Change,
  type Cluster,
  type Clusters,
  GUARDRAILS_NAME,
  type Guardrails,
  type Quota,
  type Release,
  type Rollback,
  type Rollout,
  type RunningContainer,
  type Workload,
} from '../ports/cluster.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';

const PARTITION = 'simulated-cluster';
const SERVER_ERRORS = 2;
const SLOWNESS = 10;
/** Kubernetes keeps ten old ReplicaSets of a deployment by default. */
const REVISIONS = 11;

interface SimulationOptions {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly config: PlatformConfig;
  /** How long a rollout takes; a second unless set. */
  readonly rolloutMs?: number;
  /** When a rollout that does not become ready counts as failed; three seconds unless set. */
  readonly deadlineMs?: number;
}

/** By container. */
type Images = Readonly<Record<string, string>>;

/** The deployment as it is kept. The newest of its revisions is what the template asks for. */
interface SimulatedDeployment {
  readonly replicas: number;
  readonly revisions: readonly { readonly revision: number; readonly images: Images; readonly at: number }[];
  /** The change last made to each container. */
  readonly marks?: Readonly<Record<string, Mark>>;
  /** How often the apply of which request was answered with a server error. */
  readonly refused?: { readonly requestId: string; readonly times: number };
}

interface Mark {
  readonly requestId: string;
  readonly rank: string;
  readonly image: string;
}

/** The clusters of the configuration, simulated. */
export function createSimulatedClusters(options: SimulationOptions): Clusters {
  const names = Object.keys(options.config.clusters);
  const clusters = new Map(names.map((name) => [name, simulatedCluster(name, options)]));
  return {
    names,
    get: (name = 'default') => {
      const cluster = clusters.get(name);
      if (!cluster) throw new NotFoundError(`unknown cluster '${name}'; known: ${names.join(', ')}`);
      return cluster;
    },
  };
}

/**
 * What somebody else does, such as a GitOps controller: the images change, and the marks of our changes stay.
 *
 * @throws NotFoundError when there is no such deployment
 */
export async function setSimulatedImages(options: {
  readonly state: StateStore;
  readonly cluster: string;
  readonly namespace: string;
  readonly deployment: string;
  readonly containers: Change['containers'];
  readonly now: number;
}): Promise<void> {
  const { state, cluster, namespace, deployment, containers, now } = options;
  await updateDocument<SimulatedDeployment>(state, PARTITION, `${cluster}/${namespace}/${deployment}`, (found) => {
    if (!found?.revisions.length) throw notFound({ namespace, deployment });
    const images = imagesOf(found, { namespace, deployment, containers });
    return { ...found, revisions: withTemplate(found, images, now, found.replicas) };
  });
}

function simulatedCluster(
  name: string,
  { state, clock, rolloutMs = 1_000, deadlineMs = 3_000 }: SimulationOptions,
): Cluster {
  const keyOf = (workload: Workload): string => `${name}/${workload.namespace}/${workload.deployment}`;
  const quotaKeyOf = (namespace: string): string => `${name}/${namespace}`;

  return {
    async apply(release) {
      const key = keyOf(release);
      const after = await updateDocument<SimulatedDeployment>(state, PARTITION, key, (found) =>
        applied(found, release, clock.now()),
      );
      const isMade = Object.values(after.marks ?? {}).some(({ rank }) => rank === release.rank);
      if (after.refused?.requestId === release.requestId && !isMade) {
        throw new TransientError(
          `cluster '${name}' answered the apply of ${textOf(imagesOf(after, release))} with 500`,
        );
      }
    },

    async rollout(workload) {
      const stored = await state.get<SimulatedDeployment>(PARTITION, keyOf(workload));
      if (!stored?.value.revisions.length) throw notFound(workload);
      return judge(stored.value, clock.now(), { rolloutMs, deadlineMs });
    },

    async rollback(rollback) {
      await updateDocument<SimulatedDeployment>(state, PARTITION, keyOf(rollback), (found) => {
        if (!found?.revisions.length) throw notFound(rollback);
        return rolledBack(found, rollback, clock.now());
      });
    },

    async applyGuardrails(guardrails) {
      await state.put<Guardrails>(`${PARTITION}-namespaces`, quotaKeyOf(guardrails.namespace), guardrails, '*');
    },

    async quotas(namespace): Promise<readonly Quota[]> {
      const stored = await state.get<Guardrails>(`${PARTITION}-namespaces`, quotaKeyOf(namespace));
      if (!stored) throw new NotFoundError(`namespace '${namespace}' does not exist in cluster '${name}'`);
      return [{ name: GUARDRAILS_NAME, hard: stored.value.quota }];
    },

    async setQuota(namespace, quota, resource, hard) {
      await updateDocument<Guardrails>(state, `${PARTITION}-namespaces`, quotaKeyOf(namespace), (found) => {
        if (!found || quota !== GUARDRAILS_NAME)
          throw new NotFoundError(`quota '${quota}' does not exist in '${namespace}'`);
        return found.quota[resource] === hard ? found : { ...found, quota: { ...found.quota, [resource]: hard } };
      });
    },

    async ping() {
      await state.ping();
    },
  };
}

const nothing: SimulatedDeployment = { replicas: 1, revisions: [] };

function applied(found: SimulatedDeployment = nothing, release: Release, now: number): SimulatedDeployment {
  if (isDone(found, release)) return found;
  const { requestId, replicas = found.replicas } = release;
  if (release.containers.some(({ image }) => tagOf(image).startsWith('error-'))) {
    const times = found.refused?.requestId === requestId ? found.refused.times : 0;
    if (times < SERVER_ERRORS) return { ...found, refused: { requestId, times: times + 1 } };
  }
  return { ...changed(found, release, now, replicas), replicas };
}

/** A template has nothing but images here, so that setting them restores what ran. */
function rolledBack(found: SimulatedDeployment, rollback: Rollback, now: number): SimulatedDeployment {
  return isDone(found, rollback) ? found : changed(found, rollback, now, found.replicas);
}

function changed(found: SimulatedDeployment, change: Change, now: number, replicas: number): SimulatedDeployment {
  const images = imagesOf(found, change);
  const { requestId, rank } = change;
  const marks = Object.fromEntries(Object.entries(images).map(([name, image]) => [name, { requestId, rank, image }]));
  return { ...found, marks: { ...found.marks, ...marks }, revisions: withTemplate(found, images, now, replicas) };
}

/** What is asked for, by container. A deployment that does not exist is created with a container of its name. */
function imagesOf(
  { revisions: [current] }: SimulatedDeployment,
  { containers, deployment, namespace }: Pick<Change, 'containers' | 'deployment' | 'namespace'>,
): Images {
  const known = Object.keys(current?.images ?? {});
  const [only = deployment, ...others] = known;
  return Object.fromEntries(
    containers.map(({ name, image }) => {
      if (name === undefined && others.length > 0) {
        throw new PermanentError(`${namespace}/${deployment} has several containers (${known.join(', ')}): say which`);
      }
      return [name ?? only, image];
    }),
  );
}

/** Whether this change was made already. @throws SupersededError when a newer one was */
function isDone(found: SimulatedDeployment, change: Change): boolean {
  const { namespace, deployment, requestId, rank } = change;
  const marks = Object.keys(imagesOf(found, change)).map((name) => found.marks?.[name]);
  const newer = marks.find((mark) => mark && mark.rank > rank);
  if (newer) {
    throw new SupersededError(
      `${namespace}/${deployment} has request ${newer.requestId}, which is newer than ${requestId}`,
    );
  }
  return marks.every((mark) => mark?.rank === rank);
}

/** As in Kubernetes a template that ran before becomes the newest revision again, under a new number. */
function withTemplate(
  { revisions, replicas: before }: SimulatedDeployment,
  images: Images,
  at: number,
  replicas: number,
): SimulatedDeployment['revisions'] {
  const current = revisions[0];
  const wanted = { ...current?.images, ...images };
  if (current && textOf(current.images) === textOf(wanted)) {
    // More replicas of the same template have to become ready, too.
    return replicas > before ? [{ ...current, at }, ...revisions.slice(1)] : revisions;
  }
  const others = revisions.filter((revision) => textOf(revision.images) !== textOf(wanted));
  return [{ revision: (current?.revision ?? 0) + 1, images: wanted, at }, ...others].slice(0, REVISIONS);
}

function judge(
  { revisions: [current], replicas, marks = {} }: SimulatedDeployment,
  now: number,
  { rolloutMs, deadlineMs }: { rolloutMs: number; deadlineMs: number },
): Rollout {
  if (!current) throw new PermanentError('a simulated deployment has no revision');
  const containers = Object.entries(current.images).map(([name, image]): RunningContainer => {
    const mark = marks[name];
    return { name, image, isInit: false, requestId: mark?.requestId, isAsChanged: mark?.image === image };
  });
  const common = { containers, replicas, revision: String(current.revision) };
  const tags = containers.map(({ image }) => tagOf(image));
  const elapsed = now - current.at;
  if (tags.some((tag) => tag.startsWith('fail-'))) {
    if (elapsed < deadlineMs)
      return { ...common, state: 'progressing', message: `0 of ${replicas} replicas are ready` };
    return {
      ...common,
      state: 'failed',
      message: `progress deadline exceeded after ${deadlineMs} ms: ${textOf(current.images)}`,
    };
  }
  const needed = tags.some((tag) => tag.startsWith('slow-')) ? rolloutMs * SLOWNESS : rolloutMs;
  if (elapsed >= needed)
    return { ...common, state: 'complete', message: `${replicas} of ${replicas} replicas are ready` };
  const ready = Math.floor((replicas * elapsed) / needed);
  return { ...common, state: 'progressing', message: `${ready} of ${replicas} replicas are ready` };
}

function textOf(images: Images): string {
  const [only, ...others] = Object.entries(images);
  if (only && others.length === 0) return only[1];
  return Object.keys(images)
    .sort()
    .map((name) => `${name}=${images[name]}`)
    .join(', ');
}

function tagOf(image: string): string {
  return /:([\w][\w.-]*)(?:@.*)?$/.exec(image)?.[1] ?? 'latest';
}

function notFound({ namespace, deployment }: Workload): NotFoundError {
  return new NotFoundError(`deployment '${deployment}' does not exist in namespace '${namespace}'`);
}
