/** Clusters on the Kubernetes API. What rights they need is in `infra/cluster-role.yaml`. */
import * as z from 'zod/mini';
import { isSystemNamespace } from '../../config/system-namespaces.ts';
import type { PlatformConfig } from '../../config.ts';
import { NotFoundError, PolicyViolationError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster, Clusters } from '../../ports/cluster.ts';
import type { Issuer } from '../entra-token.ts';
import { KubernetesClient } from './client.ts';
import { connectorOf } from './connection.ts';
import { applyRelease, readDeployment, refuseEndingNamespace, rollBack } from './deployment.ts';
import { applyGuardrails, readQuotas, setQuota } from './guardrails.ts';
import { withCause } from './pods.ts';
import { judgeRollout } from './rollout.ts';

interface KubernetesOptions {
  readonly config: PlatformConfig;
  readonly clock: Clock;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How long one request may take; 10 s unless set. */
  readonly timeoutMs?: number;
  /** Gives Entra tokens; the identity of this app unless set. */
  readonly issuer?: Issuer;
}

/** The clusters of the configuration. Connects to none before it is needed. */
export function createKubernetesClusters(options: KubernetesOptions): Clusters {
  const { config, clock, environment = process.env, issuer, timeoutMs } = options;
  const entries = Object.entries(config.clusters);
  const names = entries.map(([name]) => name);
  const clusters = new Map(
    entries.map(([name, cluster]) => {
      const connector = connectorOf(name, cluster, { clock, environment, issuer });
      const client = new KubernetesClient(name, connector, { clock, ...(timeoutMs && { timeoutMs }) });
      return [name, clusterOn(client, config)];
    }),
  );
  return {
    names,
    get: (name = 'default') => {
      const cluster = clusters.get(name);
      if (!cluster) throw new NotFoundError(`unknown cluster '${name}'; known: ${names.join(', ')}`);
      return cluster;
    },
  };
}

function clusterOn(client: KubernetesClient, config: PlatformConfig): Cluster {
  // The handlers refuse them, too; this holds for what they recorded under another configuration, and whoever else asks.
  const unlessSystem =
    <T extends { readonly namespace: string }>(change: (it: T) => Promise<void>) =>
    async (it: T) => {
      if (!isSystemNamespace(config, it.namespace)) return change(it);
      throw new PolicyViolationError(`'${it.namespace}' is a system namespace, which is never touched`);
    };
  return {
    apply: unlessSystem((release) => applyRelease(client, release)),
    rollout: async (workload) => {
      const deployment = await readDeployment(client, workload);
      const rollout = judgeRollout(deployment, client.now());
      if (rollout.state !== 'complete') await refuseEndingNamespace(client, workload.namespace);
      return withCause(client, deployment, rollout);
    },
    rollback: unlessSystem((rollback) => rollBack(client, rollback)),
    applyGuardrails: unlessSystem((guardrails) => applyGuardrails(client, guardrails)),
    quotas: (namespace) => readQuotas(client, namespace),
    setQuota: (namespace, quota, resource, hard) =>
      unlessSystem(() => setQuota(client, namespace, quota, resource, hard))({ namespace }),
    ping: async () => {
      await client.read('/version', z.unknown());
    },
  };
}
