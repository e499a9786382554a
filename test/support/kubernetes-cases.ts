import { createKubernetesClusters } from '../../shared/adapters/kubernetes/clusters.ts';
import { parseConfig } from '../../shared/config.ts';
import type { Cluster, Release, Rollback, Workload } from '../../shared/ports/cluster.ts';
import { DEPLOYMENT, NAMESPACE } from './api-kinds.ts';
import type { Key } from './api-objects.ts';
import type { ApiServer } from './api-server.ts';
import { setContainers } from './container-lists.ts';
import type { Json, JsonObject } from './field-sets.ts';
import { deploymentOf } from './real-cluster.ts';

export const KUBECTL = { manager: 'kubectl' };
export const CONTROLLER = { manager: 'kube-controller-manager' };
export const web: Workload = { namespace: 'shop', deployment: 'web' };
export const key: Key = { kind: DEPLOYMENT, namespace: 'shop', name: 'web' };

export function open(server: ApiServer): Cluster {
  const config = parseConfig({ clusters: { default: { kubeconfig: server.kubeconfig } } });
  return createKubernetesClusters({ config, clock: server.clock, timeoutMs: 1_000 }).get('default');
}

/** Makes the Deployment as kubectl would, and lets it become complete. */
export function given(
  server: ApiServer,
  workload: Workload,
  image: string,
  replicas: number,
  change?: (o: JsonObject) => void,
) {
  const { namespace, deployment } = workload;
  const space = { kind: NAMESPACE, namespace: '', name: namespace };
  if (server.objects.list(NAMESPACE).every(({ metadata }) => metadata.name !== namespace)) {
    server.objects.create(space, {}, KUBECTL);
  }
  // The typed model of the client is JSON, too.
  const object = deploymentOf(workload, image, replicas) as unknown as JsonObject;
  change?.(object);
  server.objects.create({ kind: DEPLOYMENT, namespace, name: deployment }, object, KUBECTL);
  server.controller.advance(8_000);
}

/** The same with several containers; `migrate` is an init container. */
export function givenSeveral(server: ApiServer, workload: Workload, images: Readonly<Record<string, string>>): void {
  given(server, workload, 'x', 1, (object) => setContainers(object, images));
}

export function release(tag: string, change: Partial<Release> = {}): Release {
  const rank = `2026-03-01T12:00:00.000Z/${tag}/apply`;
  const containers = [{ image: `shop/web:${tag}` }];
  return { ...web, containers, requestId: `r-${tag}`, rank, changeCause: `r-${tag}`, ...change };
}

export function rollback(tag: string): Rollback {
  return { ...release(tag), requestId: `back-to-${tag}`, rank: '2026-03-01T12:00:00.000Z/z/rollback' };
}

export const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error) => error,
  );
export const set = (holder: JsonObject, field: string, value: Json): void => {
  holder[field] = value;
};
