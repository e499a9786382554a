/**
 * The Cluster contract on a real Kubernetes cluster (1.34 or newer), which needs the controllers of Deployments,
 * ReplicaSets, ServiceAccounts and namespaces, and no nodes. It makes the namespaces `contract` and `contract-N`, a
 * ClusterRole and a binding, and removes them again.
 */
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { openRealCluster, type RealCluster } from '../support/real-cluster.ts';
import { clusterContract } from './cluster.ts';

const kubeconfig = process.env['KUBECONFIG_CONTRACT'];

if (kubeconfig) {
  vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });
  let driver: RealCluster;
  beforeAll(async () => {
    driver = await openRealCluster(kubeconfig);
  });
  afterAll(() => driver?.tearDown());
  clusterContract('a real Kubernetes cluster', async () => driver, { createsDeployments: false });
} else {
  describe('cluster contract: a real Kubernetes cluster', () => {
    it.skip('is skipped: KUBECONFIG_CONTRACT names no kubeconfig', () => {});
  });
}
