/** The kinds that the test API server knows, with as much of their rules as a client can run into. */
import { isDeepStrictEqual } from 'node:util';
import type { Kind } from './api-objects.ts';
import type { Json, JsonObject } from './field-sets.ts';

/** A part of an object; an empty one when there is none. */
export function part(object: Json | undefined, ...path: string[]): JsonObject {
  const found = path.reduce<Json | undefined>((at, key) => (at as JsonObject | undefined)?.[key], object);
  return (found ?? {}) as JsonObject;
}

export function containersOf(object: JsonObject): JsonObject[] {
  return (part(object, 'spec', 'template', 'spec')['containers'] ?? []) as JsonObject[];
}

const spec = (object: JsonObject): Json[] => [object['spec'] ?? null];

export const DEPLOYMENT: Kind = {
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  plural: 'deployments',
  isNamespaced: true,
  // Annotations count, too: https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/registry/apps/deployment/strategy.go
  generationOf: (object) => [object['spec'] ?? null, part(object, 'metadata')['annotations'] ?? null],
  defaults: (object) => {
    const found = part(object, 'spec');
    found['replicas'] ??= 1;
    found['progressDeadlineSeconds'] ??= 600;
    found['revisionHistoryLimit'] ??= 10;
    found['strategy'] ??= { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } };
    for (const container of containersOf(object)) container['imagePullPolicy'] ??= 'IfNotPresent';
    object['spec'] = found;
  },
  problems: (object, before) => {
    const { replicas, selector } = part(object, 'spec');
    return {
      ...(selector === undefined && { 'spec.selector': 'Required value' }),
      ...(before &&
        !isDeepStrictEqual(selector, part(before, 'spec')['selector']) && { 'spec.selector': 'field is immutable' }),
      ...(typeof replicas === 'number' && replicas < 0 && { 'spec.replicas': 'must be greater than or equal to 0' }),
      ...(containersOf(object).length === 0 && { 'spec.template.spec.containers': 'Required value' }),
      ...(containersOf(object).some(({ image }) => !image) && {
        'spec.template.spec.containers[0].image': 'Required value',
      }),
    };
  },
};

export const REPLICA_SET: Kind = {
  kind: 'ReplicaSet',
  apiVersion: 'apps/v1',
  plural: 'replicasets',
  isNamespaced: true,
  generationOf: spec,
};

export const NAMESPACE: Kind = {
  kind: 'Namespace',
  apiVersion: 'v1',
  plural: 'namespaces',
  isNamespaced: false,
};

export const POD: Kind = { kind: 'Pod', apiVersion: 'v1', plural: 'pods', isNamespaced: true };

export const RESOURCE_QUOTA: Kind = {
  kind: 'ResourceQuota',
  apiVersion: 'v1',
  plural: 'resourcequotas',
  isNamespaced: true,
};

const LIMIT_RANGE: Kind = { kind: 'LimitRange', apiVersion: 'v1', plural: 'limitranges', isNamespaced: true };

const NETWORK_POLICY: Kind = {
  kind: 'NetworkPolicy',
  apiVersion: 'networking.k8s.io/v1',
  plural: 'networkpolicies',
  isNamespaced: true,
  generationOf: spec,
};

const ROLE_BINDING: Kind = {
  kind: 'RoleBinding',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  plural: 'rolebindings',
  isNamespaced: true,
  problems: (object, before): Record<string, string> =>
    before && !isDeepStrictEqual(object['roleRef'], before['roleRef']) ? { roleRef: 'cannot change roleRef' } : {},
};

export const KINDS: readonly Kind[] = [
  DEPLOYMENT,
  REPLICA_SET,
  NAMESPACE,
  POD,
  RESOURCE_QUOTA,
  LIMIT_RANGE,
  NETWORK_POLICY,
  ROLE_BINDING,
];
