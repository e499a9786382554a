/**
 * The cluster that is tried: a real one by its kubeconfig, or the test API server of the suite in this process, whose
 * virtual time is driven along with the real one. It needs a namespace of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Deployment,
} from '@kubernetes/client-node';
import { containersOf, DEPLOYMENT, NAMESPACE } from '../../test/support/api-kinds.ts';
import { startApiServer } from '../../test/support/api-server.ts';
import type { JsonObject } from '../../test/support/field-sets.ts';
import { CONTAINERS } from './plan.ts';

export interface Stage {
  readonly kubeconfig: string;
  readonly context: string | undefined;
  /** What it is, for people. */
  readonly name: string;
  /** Makes the Deployments, all with one image, and waits until they are ready. */
  deploy(deployments: readonly string[], image: string): Promise<void>;
  /** By container. */
  imagesOf(deployment: string): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

interface StageOptions {
  readonly namespace: string;
  /** After so long without progress a rollout has failed. */
  readonly progressDeadlineSeconds: number;
}

function deploymentObject(
  { namespace, progressDeadlineSeconds }: StageOptions,
  name: string,
  image: string,
  isUnscheduled: boolean,
): V1Deployment {
  const labels = { app: name, 'app.kubernetes.io/part-of': 'fuzz-cluster' };
  const containers = CONTAINERS.map((container) => ({ name: container, image }));
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name, labels },
    spec: {
      replicas: 2,
      progressDeadlineSeconds,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels },
        // Nobody takes the pods then, and an API server removes them at once when they are deleted.
        spec: { containers, ...(isUnscheduled && { schedulerName: 'nobody' }) },
      },
    },
  };
}

export async function testStage(options: StageOptions): Promise<Stage> {
  const server = await startApiServer();
  const writer = { manager: 'kubectl' };
  server.objects.create({ kind: NAMESPACE, namespace: '', name: options.namespace }, {}, writer);
  const keyOf = (name: string) => ({ kind: DEPLOYMENT, namespace: options.namespace, name });
  const timer = setInterval(() => server.controller.advance(200), 200);
  return {
    ...{ kubeconfig: server.kubeconfig, context: undefined, name: 'the test API server' },
    async deploy(deployments, image) {
      for (const name of deployments) {
        // The typed model of the client is JSON, too.
        const object = deploymentObject(options, name, image, false) as unknown as JsonObject;
        server.objects.create(keyOf(name), object, writer);
      }
      server.controller.advance(8_000);
    },
    async imagesOf(name) {
      return Object.fromEntries(
        containersOf(server.objects.get(keyOf(name))).map(({ name: container, image }) => [container, String(image)]),
      );
    },
    async close() {
      clearInterval(timer);
      await server.close();
    },
  };
}

/** @param isReadyReported whether to report pods ready in the place of a kubelet, where there are no nodes */
export async function realStage(
  options: StageOptions,
  {
    kubeconfig,
    context,
    isReadyReported,
  }: { kubeconfig: string; context?: string | undefined; isReadyReported: boolean },
): Promise<Stage> {
  const { namespace } = options;
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  if (context !== undefined) config.setCurrentContext(context);
  const [apps, core] = [config.makeApiClient(AppsV1Api), config.makeApiClient(CoreV1Api)];
  await unlessThere(core.createNamespace({ body: { metadata: { name: namespace } } }));
  let isOver = false;
  const kubelet = isReadyReported ? reportReady(core, namespace, () => isOver) : undefined;
  const made: string[] = [];
  return {
    ...{ kubeconfig, context, name: config.getCurrentCluster()?.server ?? kubeconfig },
    async deploy(deployments, image) {
      for (const name of deployments) {
        const body = deploymentObject(options, name, image, isReadyReported);
        await apps.createNamespacedDeployment({ namespace, body });
        made.push(name);
      }
      for (const name of deployments) {
        for (let status = await statusOf(name); status.availableReplicas !== 2; status = await statusOf(name)) {
          await sleep(500);
        }
      }
    },
    async imagesOf(name) {
      const { spec } = await apps.readNamespacedDeployment({ namespace, name });
      return Object.fromEntries((spec?.template.spec?.containers ?? []).map((one) => [one.name, one.image ?? '']));
    },
    async close() {
      for (const name of made) await apps.deleteNamespacedDeployment({ namespace, name });
      isOver = true;
      await kubelet;
    },
  };

  async function statusOf(name: string) {
    return (await apps.readNamespacedDeployment({ namespace, name })).status ?? {};
  }
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error) => {
    if (!(error instanceof ApiException && error.code === 409)) throw error;
  });
}

/** Plays the kubelet until it is over: pods become ready, but for those that are to fail. */
async function reportReady(core: CoreV1Api, namespace: string, isOver: () => boolean): Promise<void> {
  const options = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);
  while (!isOver()) {
    const { items } = await core.listNamespacedPod({ namespace });
    for (const { metadata, spec, status } of items) {
      const isReady = status?.conditions?.some(
        (condition) => condition.type === 'Ready' && condition.status === 'True',
      );
      const isBad = spec?.containers.some(({ image }) => image?.includes(':fail-'));
      if (isReady || isBad || metadata?.deletionTimestamp) continue;
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }];
      const body = { status: { phase: 'Running', conditions } };
      await core.patchNamespacedPodStatus({ namespace, name: metadata?.name ?? '', body }, options).catch((error) => {
        // The controller may remove a pod at any time.
        if (!(error instanceof ApiException && (error.code === 404 || error.code === 409))) throw error;
      });
    }
    await sleep(200);
  }
}
