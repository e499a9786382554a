/**
 * Drives a real API server for the contract suite: signs in as its administrator to set the stage, gives the adapter
 * an account with the rights that `platform-events rbac` writes and no others, and plays the kubelet, so that no image has to
 * be pulled: pods ask for a scheduler that does not exist and are reported ready by hand.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  loadAllYaml,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type V1Deployment,
  type V1Pod,
} from '@kubernetes/client-node';
import { createKubernetesClusters } from '../../shared/adapters/kubernetes/clusters.ts';
import { rolesFor } from '../../shared/clusters/roles.ts';
import { parseConfig } from '../../shared/config.ts';
import type { Cluster, Workload } from '../../shared/ports/cluster.ts';
import type { ClusterDriver } from '../contract/cluster.ts';
import { setContainers } from './container-lists.ts';
import type { JsonObject } from './field-sets.ts';

/** Where the suite's workloads live; guardrails get namespaces that begin so. */
const NAMESPACE = 'contract';
const ACCOUNT = 'platform-events-contract';
const PATIENCE_MS = 60_000;

export interface RealCluster extends ClusterDriver {
  readonly admin: KubeConfig;
  /** Removes everything again. */
  tearDown(): Promise<void>;
}

/** The Deployment that a driver makes: one container, a deadline of a few seconds, pods that nobody schedules. */
export function deploymentOf({ namespace, deployment }: Workload, image: string, replicas: number): V1Deployment {
  const labels = { app: deployment };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: deployment },
    spec: {
      replicas,
      progressDeadlineSeconds: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { schedulerName: 'nobody', containers: [{ name: 'web', image }] },
      },
    },
  };
}

/** @param kubeconfig path of a kubeconfig whose current context may do anything */
export async function openRealCluster(kubeconfig: string): Promise<RealCluster> {
  const admin = new KubeConfig();
  admin.loadFromFile(kubeconfig);
  const core = admin.makeApiClient(CoreV1Api);
  const apps = admin.makeApiClient(AppsV1Api);
  await ensure(() => core.createNamespace({ body: { metadata: { name: NAMESPACE } } }));
  const account = { namespace: NAMESPACE, name: ACCOUNT };
  const subject = { kind: 'ServiceAccount', ...account } as const;
  await applyRoles(admin, rolesFor(parseConfig({}), 'default', { subject, isClusterWide: true }), ACCOUNT);
  const { path, remove } = await accountFor(admin, account);
  const config = parseConfig({ clusters: { default: { kubeconfig: path } } });
  const cluster = createKubernetesClusters({ config, clock: { now: () => Date.now() } }).get('default');
  const settleRollout = (workload: Workload): Promise<void> => settle(core, cluster, workload);
  return {
    admin,
    cluster,
    given: async (workload, image, replicas) => {
      const body = deploymentOf(workload, image, replicas);
      await apps.createNamespacedDeployment({ namespace: workload.namespace, body });
      await settleRollout(workload);
    },
    givenSeveral: async (workload, images) => {
      const body = deploymentOf(workload, 'x', 1);
      // The typed model of the client is JSON, too.
      setContainers(body as unknown as JsonObject, images);
      await apps.createNamespacedDeployment({ namespace: workload.namespace, body });
      await settleRollout(workload);
    },
    settleRollout,
    tearDown: async () => {
      await remove();
      const { items } = await core.listNamespace();
      const ours = items
        .map(({ metadata }) => metadata?.name ?? '')
        .filter((name) => /^contract(-[0-9]+)?$/.test(name));
      for (const name of ours) await core.deleteNamespace({ name });
      await until('the namespaces of the suite are gone', async () => {
        const left = await core.listNamespace();
        return !left.items.some(({ metadata }) => ours.includes(metadata?.name ?? ''));
      });
    },
  };
}

/** Applies manifests as `kubectl apply` does, under names that no installed app has. */
export async function applyRoles(admin: KubeConfig, manifests: string, name: string): Promise<void> {
  const api = KubernetesObjectApi.makeApiClient(admin);
  for (const object of loadAllYaml(manifests)) {
    const roleRef = 'roleRef' in object ? { roleRef: Object.assign({}, object['roleRef'], { name }) } : {};
    const renamed = { ...object, ...roleRef, metadata: { ...object.metadata, name } };
    await api.patch(renamed, undefined, undefined, name, true, PatchStrategy.ServerSideApply);
  }
}

/** A kubeconfig of a new ServiceAccount, which may do nothing yet. */
export async function accountFor(
  admin: KubeConfig,
  account: { namespace: string; name: string },
): Promise<{ path: string; remove: () => Promise<void> }> {
  const { namespace, name } = account;
  const core = admin.makeApiClient(CoreV1Api);
  await ensure(() => core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } }));
  const { status } = await core.createNamespacedServiceAccountToken({
    name,
    namespace,
    body: { spec: { audiences: [], expirationSeconds: 3_600 } },
  });
  const config = new KubeConfig();
  const server = admin.getCurrentCluster();
  if (!server) throw new Error('the kubeconfig has no current cluster');
  config.loadFromClusterAndUser(server, { name, token: status?.token ?? '' });
  const directory = await mkdtemp(join(tmpdir(), 'contract-'));
  const path = join(directory, 'kubeconfig');
  await writeFile(path, config.exportConfig(), { mode: 0o600 });
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api);
  return {
    path,
    remove: async () => {
      await rm(directory, { recursive: true });
      await rbac.deleteClusterRoleBinding({ name });
      await rbac.deleteClusterRole({ name });
    },
  };
}

export async function ensure(create: () => Promise<unknown>): Promise<void> {
  await create().catch((error) => {
    if (!(error instanceof ApiException && error.code === 409)) throw error;
  });
}

/** Reports pods ready as they come, but for those of a `fail-…` tag, until the rollout has come to its end. */
async function settle(core: CoreV1Api, cluster: Cluster, workload: Workload): Promise<void> {
  const { namespace, deployment } = workload;
  await until(`the rollout of ${deployment} comes to its end`, async () => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app=${deployment}` });
    for (const pod of items) if (isToBeReady(pod)) await reportReady(core, pod);
    return (await cluster.rollout(workload)).state !== 'progressing';
  });
}

function isToBeReady({ metadata, spec, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp || spec?.containers.some(({ image }) => image?.includes(':fail-'))) return false;
  return !status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}

async function reportReady(core: CoreV1Api, { metadata }: V1Pod): Promise<void> {
  const now = new Date().toISOString();
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: now }];
  const request = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
  const body = { status: { phase: 'Running', conditions } };
  const options = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);
  await core.patchNamespacedPodStatus({ ...request, body }, options).catch((error) => {
    // The controller may remove a pod at any time.
    if (!(error instanceof ApiException && error.code === 404)) throw error;
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const started = Date.now(); !(await isSo()); await sleep(50)) {
    if (Date.now() - started > PATIENCE_MS) throw new Error(`waited in vain until ${what}`);
  }
}
