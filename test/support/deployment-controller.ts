/**
 * The deployment controller on a virtual clock, close enough to the real one to be believed: ReplicaSets and revisions,
 * surge and unavailability of a rolling update, and the conditions with their habits, such as a missed deadline that
 * stays on a Deployment that went back to an earlier template until a pod has moved. Pods of a `fail-…` tag never
 * become ready.
 *
 * @see https://github.com/kubernetes/kubernetes/tree/v1.34.0/pkg/controller/deployment
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { containersOf, DEPLOYMENT, part, REPLICA_SET } from './api-kinds.ts';
import type { ApiObject, ApiObjects, Key } from './api-objects.ts';
import type { Json, JsonObject } from './field-sets.ts';
import type { FixedClock } from './ports.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const HISTORY = 'deployment.kubernetes.io/revision-history';
const WRITER = { manager: 'kube-controller-manager' } as const;
const READY_AFTER_MS = 1_000;

interface Condition extends JsonObject {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastUpdateTime: string;
}

/** A ReplicaSet while the controller looks at it: the times at which its pods were made stand for them. */
interface Generation {
  readonly object: ApiObject;
  readonly pods: number[];
}

export class DeploymentController {
  readonly #objects: ApiObjects;
  readonly #clock: FixedClock;
  readonly #pods = new Map<string, number[]>();

  constructor(objects: ApiObjects, clock: FixedClock) {
    this.#objects = objects;
    this.#clock = clock;
  }

  /** Lets time pass, with a look at everything every 200 ms. */
  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 200) {
      this.#clock.advance(200);
      for (const deployment of this.#objects.list(DEPLOYMENT)) this.sync(deployment);
    }
  }

  /** One look at one Deployment, as the real controller does when something about it changed. */
  sync(deployment: ApiObject): void {
    const before = part(deployment, 'status');
    const all = this.#generationsOf(deployment);
    const current = this.#currentOf(deployment, all);
    const conditions = [...((before['conditions'] ?? []) as Condition[])];
    const isNew = current !== undefined && !all.includes(current);
    if (isNew) setCondition(conditions, this.#progressing('True', 'NewReplicaSetCreated', current));
    const every = isNew ? [...all, current] : all;

    const ready = (one: Generation): number => this.#readyOf(one).length;
    const sum = (count: (one: Generation) => number): number => every.reduce((total, one) => total + count(one), 0);
    const counts = {
      replicas: sum(({ pods }) => pods.length),
      updatedReplicas: current?.pods.length ?? 0,
      readyReplicas: sum(ready),
      availableReplicas: sum(ready),
    };
    // Pods come and go after the look: what changed is seen the next time.
    if (part(deployment, 'spec')['paused'] !== true && current) this.#roll(deployment, every, current);
    if (current) this.#judge(deployment, counts, conditions, current);
    const nonzero = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
    const status = { observedGeneration: deployment.metadata.generation, ...nonzero, conditions };
    const revision = current && part(current.object, 'metadata', 'annotations')[REVISION];
    if (isDeepStrictEqual(before, status)) return;
    this.#objects.update(keyOf(deployment), { ...WRITER, subresource: 'status' }, (object) => {
      object['status'] = status;
      if (revision)
        object.metadata['annotations'] = { ...part(object, 'metadata', 'annotations'), [REVISION]: revision };
    });
    this.#prune(deployment, every, current);
  }

  #generationsOf(deployment: ApiObject): Generation[] {
    const { uid } = deployment.metadata;
    return this.#objects
      .list(REPLICA_SET, String(deployment.metadata['namespace']))
      .filter(({ metadata }) => isDeepStrictEqual((metadata['ownerReferences'] as JsonObject[])[0]?.['uid'], uid))
      .map((object) => ({ object, pods: this.#podsOf(object) }));
  }

  #podsOf({ metadata: { uid } }: ApiObject): number[] {
    const pods = this.#pods.get(uid) ?? [];
    this.#pods.set(uid, pods);
    return pods;
  }

  /** The ReplicaSet of the template, made when there is none; the newest revision either way. Paused, none is made. */
  #currentOf(deployment: ApiObject, all: readonly Generation[]): Generation | undefined {
    const template = part(deployment, 'spec', 'template');
    const found = all.find(({ object }) => isDeepStrictEqual(withoutHash(part(object, 'spec', 'template')), template));
    const newest = Math.max(0, ...all.filter((one) => one !== found).map(({ object }) => revisionOf(object)));
    const annotations = part(deployment, 'metadata', 'annotations');
    if (found) {
      if (revisionOf(found.object) > newest) return found;
      const past = part(found.object, 'metadata', 'annotations')[HISTORY];
      const history = [...(past ? [String(past)] : []), String(revisionOf(found.object))].join(',');
      const object = this.#objects.update(keyOf(found.object), WRITER, (changed) => {
        changed.metadata['annotations'] = { ...annotations, [REVISION]: String(newest + 1), [HISTORY]: history };
      });
      return Object.assign(found, { object });
    }
    if (part(deployment, 'spec')['paused'] === true) return undefined;
    return this.#create(deployment, template, { ...annotations, [REVISION]: String(newest + 1) });
  }

  #create(deployment: ApiObject, template: JsonObject, annotations: JsonObject): Generation {
    const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
    const labels = { ...part(template, 'metadata', 'labels'), 'pod-template-hash': hash };
    const { name, namespace, uid } = deployment.metadata;
    const key = { kind: REPLICA_SET, namespace: String(namespace), name: `${name}-${hash}` };
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }];
    const metadata = { labels, annotations, ownerReferences };
    const spec = { replicas: 0, template: { ...template, metadata: { ...part(template, 'metadata'), labels } } };
    const object = this.#objects.create(key, { metadata, spec }, WRITER);
    return { object, pods: this.#podsOf(object) };
  }

  /** One step of a rolling update with the default bounds of 25 %. */
  #roll(deployment: ApiObject, all: readonly Generation[], current: Generation): void {
    const wanted = Number(part(deployment, 'spec')['replicas']);
    const surge = Math.ceil(wanted / 4);
    const leastAvailable = wanted - Math.floor(wanted / 4);
    const olds = all.filter((one) => one !== current);
    const total = all.reduce((sum, { pods }) => sum + pods.length, 0);
    if (current.pods.length > wanted) current.pods.splice(wanted);
    const room = Math.min(wanted - current.pods.length, wanted + surge - total);
    for (let n = 0; n < room; n++) current.pods.push(this.#clock.now());

    const unavailable = current.pods.length - this.#readyOf(current).length;
    let spare = all.reduce((sum, { pods }) => sum + pods.length, 0) - leastAvailable - unavailable;
    for (const old of olds) {
      // Those that are not ready go first: nobody misses them.
      const ready = new Set(this.#readyOf(old));
      old.pods.sort((a, b) => Number(ready.has(b)) - Number(ready.has(a)));
      const gone = old.pods.splice(Math.max(0, old.pods.length - Math.max(0, spare)));
      spare -= gone.length;
    }
  }

  #readyOf({ object, pods }: Generation): number[] {
    if (containersOf(object).some(({ image }) => String(image).includes(':fail-'))) return [];
    return pods.filter((madeAt) => this.#clock.now() - madeAt >= READY_AFTER_MS);
  }

  /** The conditions of `syncRolloutStatus`. */
  #judge(deployment: ApiObject, counts: Record<string, number>, conditions: Condition[], current: Generation): void {
    const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = counts;
    const before = part(deployment, 'status');
    const was = (name: string): number => Number(before[name] ?? 0);
    const { replicas: wanted, progressDeadlineSeconds } = part(deployment, 'spec');
    const found = conditions.find(({ type }) => type === 'Progressing');
    if (replicas === updatedReplicas && found?.reason === 'NewReplicaSetAvailable') return;
    const isComplete = updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
    const isMoving =
      updatedReplicas > was('updatedReplicas') ||
      replicas - updatedReplicas < was('replicas') - was('updatedReplicas') ||
      readyReplicas > was('readyReplicas') ||
      availableReplicas > was('availableReplicas');
    if (isComplete) setCondition(conditions, this.#progressing('True', 'NewReplicaSetAvailable', current));
    else if (isMoving) {
      // The time has to move even though the reason may stay.
      conditions.splice(0, conditions.length, ...conditions.filter(({ type }) => type !== 'Progressing'));
      conditions.push(this.#progressing('True', 'ReplicaSetUpdated', current));
    } else if (found && found.reason !== 'NewReplicaSetAvailable') {
      const isLate = this.#clock.now() >= Date.parse(found.lastUpdateTime) + Number(progressDeadlineSeconds) * 1_000;
      if (isLate) setCondition(conditions, this.#progressing('False', 'ProgressDeadlineExceeded', current));
    }
  }

  #progressing(status: string, reason: string, { object }: Generation): Condition {
    const lastUpdateTime = `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
    const name = object.metadata.name;
    const message =
      status === 'True' ? `ReplicaSet "${name}" ${reason}` : `ReplicaSet "${name}" has timed out progressing.`;
    return { type: 'Progressing', status, reason, message, lastUpdateTime };
  }

  /** Old ReplicaSets beyond the limit are forgotten, and with them what could be rolled back to. */
  #prune(deployment: ApiObject, all: readonly Generation[], current: Generation | undefined): void {
    const limit = Number(part(deployment, 'spec')['revisionHistoryLimit']);
    const empty = all.filter((one) => one !== current && one.pods.length === 0);
    const oldest = empty.sort((a, b) => revisionOf(b.object) - revisionOf(a.object)).slice(limit);
    for (const { object } of oldest) this.#objects.delete(keyOf(object));
  }
}

/** A condition with the same status and reason stays as it is, time included. */
function setCondition(conditions: Condition[], condition: Condition): void {
  const index = conditions.findIndex(({ type }) => type === condition.type);
  const found = conditions[index];
  if (found?.status === condition.status && found.reason === condition.reason) return;
  if (index >= 0) conditions[index] = condition;
  else conditions.push(condition);
}

const revisionOf = (object: ApiObject): number => Number(part(object, 'metadata', 'annotations')[REVISION] ?? 0);

function keyOf({ kind, metadata: { namespace, name } }: ApiObject): Key {
  return { kind: kind === 'Deployment' ? DEPLOYMENT : REPLICA_SET, namespace: String(namespace), name };
}

function withoutHash(template: JsonObject): Json {
  const { 'pod-template-hash': _, ...labels } = part(template, 'metadata', 'labels');
  return { ...template, metadata: { ...part(template, 'metadata'), labels } };
}
