/** What we read of Kubernetes objects. Everything else of them stays untouched, and unread. */
import * as z from 'zod/mini';
import { PermanentError } from '../../errors.ts';
import type { Change } from '../../ports/cluster.ts';
import { FIELD_MANAGER } from './client.ts';

const texts = z.record(z.string(), z.string());

const containerSchema = z.looseObject({ name: z.string(), image: z.optional(z.string()) });

/** A pod template: whole, since a rollback puts it back. */
const templateSchema = z.looseObject({
  metadata: z.nullish(z.looseObject({ labels: z.nullish(texts) })),
  spec: z.looseObject({ containers: z.array(containerSchema), initContainers: z.nullish(z.array(containerSchema)) }),
});
export type Template = z.output<typeof templateSchema>;

const managedFieldsSchema = z.nullish(
  z.array(
    z.object({
      manager: z.optional(z.string()),
      operation: z.optional(z.string()),
      subresource: z.optional(z.string()),
      time: z.optional(z.string()),
      fieldsV1: z.unknown(),
    }),
  ),
);

const metadataSchema = z.object({
  name: z.string(),
  namespace: z._default(z.string(), ''),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z._default(z.number(), 0),
  deletionTimestamp: z.nullish(z.string()),
  labels: z.nullish(texts),
  annotations: z.nullish(texts),
  managedFields: managedFieldsSchema,
});

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.optional(z.string()),
  message: z.optional(z.string()),
  lastUpdateTime: z.nullish(z.string()),
});

export const deploymentSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({
    replicas: z.nullish(z.number()),
    paused: z.nullish(z.boolean()),
    template: templateSchema,
    selector: z.object({
      matchLabels: z.nullish(texts),
      matchExpressions: z.nullish(
        z.array(z.object({ key: z.string(), operator: z.string(), values: z.nullish(z.array(z.string())) })),
      ),
    }),
  }),
  status: z.prefault(
    z.object({
      observedGeneration: z._default(z.number(), 0),
      replicas: z._default(z.number(), 0),
      updatedReplicas: z._default(z.number(), 0),
      availableReplicas: z._default(z.number(), 0),
      conditions: z.nullish(z.array(conditionSchema)),
    }),
    {},
  ),
});
export type Deployment = z.output<typeof deploymentSchema>;

export const replicaSetSchema = z.object({
  metadata: z.object({
    annotations: z.nullish(texts),
    ownerReferences: z.nullish(z.array(z.object({ uid: z.string(), controller: z.nullish(z.boolean()) }))),
  }),
  spec: z.object({ template: templateSchema }),
});

const terminatedSchema = z.nullish(z.object({ reason: z.optional(z.string()), exitCode: z.number() }));

const containerStatusSchema = z.object({
  name: z.string(),
  ready: z.optional(z.boolean()),
  state: z.nullish(
    z.object({
      waiting: z.nullish(z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) })),
      running: z.nullish(z.unknown()),
      terminated: terminatedSchema,
    }),
  ),
  lastState: z.nullish(z.object({ terminated: terminatedSchema })),
});
export type ContainerStatus = z.output<typeof containerStatusSchema>;

export const podSchema = z.object({
  status: z.prefault(
    z.object({
      conditions: z.nullish(z.array(conditionSchema)),
      initContainerStatuses: z.nullish(z.array(containerStatusSchema)),
      containerStatuses: z.nullish(z.array(containerStatusSchema)),
    }),
    {},
  ),
});
export type Pod = z.output<typeof podSchema>;

export const quotaSchema = z.object({
  metadata: metadataSchema,
  spec: z.nullish(z.object({ hard: z.nullish(texts) })),
});

export const namespaceSchema = z.object({ metadata: metadataSchema });

export const roleBindingSchema = z.object({
  metadata: z.object({ uid: z.string() }),
  roleRef: z.object({ apiGroup: z.string(), kind: z.string(), name: z.string() }),
});

/** How many times `kubectl rollout` counts it; the newest has the highest. */
export const REVISION = 'deployment.kubernetes.io/revision';

/** The lists of containers in a template, by the field that holds them. */
export const CONTAINER_LISTS = ['containers', 'initContainers'] as const;

/** The images that are asked for, by container. @throws PermanentError naming the containers when it is not clear which */
export function imagesByContainer({ spec }: Template, change: Change): ReadonlyMap<string, string> {
  const { namespace, deployment, containers } = change;
  const known = CONTAINER_LISTS.flatMap((list) => (spec[list] ?? []).map(({ name }) => name));
  return new Map(
    containers.map(({ name, image }) => {
      const [only, ...others] = spec.containers;
      if (name === undefined && only && others.length === 0) return [only.name, image];
      if (name !== undefined && known.includes(name)) return [name, image];
      throw new PermanentError(
        name === undefined
          ? `${namespace}/${deployment} has several containers (${known.join(', ')}): say which`
          : `${namespace}/${deployment} has no container '${name}' (it has ${known.join(', ')})`,
      );
    }),
  );
}

/** The images of all containers, by name. */
export function imagesIn({ spec }: Template): ReadonlyMap<string, string> {
  return new Map(CONTAINER_LISTS.flatMap((list) => (spec[list] ?? []).map(({ name, image = '' }) => [name, image])));
}

/** The template with other images in some of its containers. */
export function withImages(template: Template, images: ReadonlyMap<string, string>): Template {
  const changed = (containers: Template['spec']['containers']): Template['spec']['containers'] =>
    containers.map((container) => {
      const image = images.get(container.name);
      return image === undefined ? container : { ...container, image };
    });
  const { containers, initContainers } = template.spec;
  return {
    ...template,
    spec: {
      ...template.spec,
      containers: changed(containers),
      ...(initContainers && { initContainers: changed(initContainers) }),
    },
  };
}

/** What an object's fields say about who set them, as nested maps: `f:spec`, then `f:replicas`. */
interface FieldSet {
  readonly [key: string]: FieldSet;
}

/**
 * The fields at this path that are ours by server-side apply. Each apply has to name them all again: what it leaves
 * out would be removed, or fall back to its default, and that is how a release without `replicas` scales down to one.
 */
export function appliedFields(metadata: Pick<Deployment['metadata'], 'managedFields'>, path: string[]): FieldSet {
  const entry = metadata.managedFields?.find(
    ({ manager, operation, subresource }) => manager === FIELD_MANAGER && operation === 'Apply' && !subresource,
  );
  // FieldsV1 is nested maps by definition.
  return path.reduce<FieldSet>((set, key) => set[key] ?? {}, (entry?.fieldsV1 ?? {}) as FieldSet);
}

/** Whether a field is ours, by apply or by update; nobody else has set it since. */
export function isOurs(
  { managedFields }: Pick<Deployment['metadata'], 'managedFields'>,
  path: readonly string[],
): boolean {
  return (managedFields ?? []).some(({ manager, subresource, fieldsV1 }) => {
    if (manager !== FIELD_MANAGER || subresource) return false;
    return path.reduce<FieldSet | undefined>((set, key) => set?.[key], (fieldsV1 ?? {}) as FieldSet) !== undefined;
  });
}

/** The manager other than us that has set a field; the last one of several. */
export function otherManagerOf(
  { managedFields }: Pick<Deployment['metadata'], 'managedFields'>,
  path: readonly string[],
): string | undefined {
  const others = (managedFields ?? []).filter(({ manager, subresource, fieldsV1 }) => {
    if (manager === FIELD_MANAGER || subresource) return false;
    return path.reduce<FieldSet | undefined>((set, key) => set?.[key], (fieldsV1 ?? {}) as FieldSet) !== undefined;
  });
  return others.toSorted((a, b) => Date.parse(b.time ?? '') - Date.parse(a.time ?? ''))[0]?.manager;
}

/** Whether a field of an object's metadata is anybody else's, or nobody's. */
export function isSetByOthers(metadata: Pick<Deployment['metadata'], 'managedFields'>, path: string[]): boolean {
  const holders = (metadata.managedFields ?? []).filter(({ fieldsV1 }) => {
    const fields = Object(fieldsV1)['f:metadata'];
    return path.reduce<FieldSet | undefined>((set, key) => set?.[key], fields) !== undefined;
  });
  return holders.length === 0 || holders.some(({ manager }) => manager !== FIELD_MANAGER);
}

/** When we last changed the object, by the API server's clock, in milliseconds. */
export function lastChangeAt({ managedFields }: Pick<Deployment['metadata'], 'managedFields'>): number {
  const ours = managedFields?.filter(({ manager, subresource }) => manager === FIELD_MANAGER && !subresource) ?? [];
  return Math.max(0, ...ours.map(({ time }) => Date.parse(time ?? '') || 0));
}
