/**
 * The rights that `platform-events rbac` writes, on the RBAC of a real API server (1.34 or newer); no controllers and no
 * nodes are needed. It makes namespaces that begin with `rights-`, and cluster roles of the same names, and leaves the
 * namespaces to be deleted.
 */
import { AppsV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createKubernetesClusters } from '../../shared/adapters/kubernetes/clusters.ts';
import { rolesFor } from '../../shared/clusters/roles.ts';
import { parseConfig } from '../../shared/config.ts';
import { NotOwnedError, PolicyViolationError, RefusedError } from '../../shared/errors.ts';
import type { Cluster, Guardrails } from '../../shared/ports/cluster.ts';
import { accountFor, applyRoles, deploymentOf, ensure } from '../support/real-cluster.ts';

const kubeconfig = process.env['KUBECONFIG_CONTRACT'];

interface Rights {
  readonly cluster: Cluster;
  readonly admin: KubeConfig;
  /** Applies the manifests again: a Role needs its namespace. */
  grant(): Promise<void>;
  remove(): Promise<void>;
}

let runs = 0;

async function open(path: string, ...names: string[]): Promise<Rights> {
  const admin = new KubeConfig();
  admin.loadFromFile(path);
  const namespace = `rights-home-${Date.now()}-${++runs}`;
  await admin.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name: namespace } } });
  const account = await accountFor(admin, { namespace, name: namespace });
  const namespaces = names.map((name) => ({ namespace: name, team: 'shop', environment: 'staging' }));
  const config = parseConfig({ clusters: { default: { kubeconfig: account.path, namespaces } } });
  const subject = { kind: 'ServiceAccount', namespace, name: namespace } as const;
  const manifests = rolesFor(config, 'default', { subject, isClusterWide: false });
  const clusters = createKubernetesClusters({ config, clock: { now: () => Date.now() } });
  return {
    ...{ cluster: clusters.get('default'), admin, remove: account.remove },
    grant: () => applyRoles(admin, manifests, namespace),
  };
}

const guardrails = (namespace: string, clusterRole = 'edit'): Guardrails => ({
  ...{ namespace, adopt: false, labels: { team: 'shop' }, podSecurity: 'baseline', quota: { pods: '5' } },
  limits: { default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } },
  access: { group: 'shop', clusterRole },
});

async function deploy({ admin }: Rights, namespace: string): Promise<void> {
  await ensure(() => admin.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name: namespace } } }));
  const body = deploymentOf({ namespace, deployment: 'web' }, 'example.com/web:1', 1);
  await admin.makeApiClient(AppsV1Api).createNamespacedDeployment({ namespace, body });
}

const release = (namespace: string) => ({
  ...{
    namespace,
    deployment: 'web',
    containers: [{ image: 'example.com/web:2' }],
    requestId: 'r',
    rank: '2026-03-01T00:00:00.000Z/r',
    changeCause: 'r',
  },
});

if (kubeconfig) {
  vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
  const stamp = Date.now();
  const name = (text: string): string => `rights-${text}-${stamp}`;

  describe('rights in each namespace, on a real API server', () => {
    let rights: Rights;
    beforeAll(async () => {
      rights = await open(kubeconfig, name('a'), name('b'));
      // Those of the cluster; the Roles have no namespaces yet.
      await rights.grant().catch(() => {});
    });
    afterAll(() => rights?.remove());

    it('are enough to make a namespace, and for all that is done in it once its Role is there', async () => {
      const [a, { cluster }] = [name('a'), rights];

      await expect(cluster.applyGuardrails(guardrails(a))).rejects.toThrow(/403 .*resourcequotas/);
      await deploy(rights, name('b'));
      await rights.grant();
      await cluster.applyGuardrails(guardrails(a));
      await cluster.applyGuardrails(guardrails(a));
      await deploy(rights, a);
      await cluster.apply(release(a));
      await cluster.setQuota(a, 'platform', 'pods', '8');

      expect(await cluster.quotas(a)).toEqual([{ name: 'platform', hard: { pods: '8' } }]);
      const { containers } = await cluster.rollout(release(a));
      expect(containers).toMatchObject([{ image: 'example.com/web:2', requestId: 'r' }]);
    });

    it('give no other role than those of the profiles', async () => {
      const given = rights.cluster.applyGuardrails(guardrails(name('a'), 'cluster-admin'));

      await expect(given).rejects.toThrow(/403 .*RBAC|attempting to grant/);
    });

    it('leave a namespace alone that somebody else made', async () => {
      await expect(rights.cluster.applyGuardrails(guardrails(name('b')))).rejects.toThrow(NotOwnedError);
    });

    it('are none in any other namespace', async () => {
      const other = name('other');
      await deploy(rights, other);

      for (const change of [
        () => rights.cluster.applyGuardrails({ ...guardrails(other), adopt: true }),
        () => rights.cluster.applyGuardrails(guardrails(name('new'))),
        () => rights.cluster.apply(release(other)),
        () => rights.cluster.quotas(other),
      ]) {
        await expect(change()).rejects.toThrow(RefusedError);
        await expect(change()).rejects.toThrow(/ 403 /);
      }
    });
  });

  describe('rights in the whole cluster, on a real API server', () => {
    let rights: Rights;
    beforeAll(async () => {
      rights = await open(kubeconfig, name('*'));
      await rights.grant();
    });
    afterAll(() => rights?.remove());

    it('are enough for a namespace that fits a pattern', async () => {
      const [one, { cluster }] = [name('one'), rights];

      await cluster.applyGuardrails(guardrails(one));
      await deploy(rights, one);
      await cluster.apply(release(one));
      await cluster.setQuota(one, 'platform', 'pods', '8');

      expect(await cluster.quotas(one)).toEqual([{ name: 'platform', hard: { pods: '8' } }]);
    });

    it('reach into system namespaces, which the app refuses by itself', async () => {
      await expect(rights.cluster.quotas('kube-system')).resolves.toEqual([]);
      await expect(rights.cluster.applyGuardrails(guardrails('kube-system'))).rejects.toThrow(PolicyViolationError);
    });

    it('leave a namespace alone that somebody else made, and adopt it when told, without lowering it', async () => {
      const [theirs, { cluster, admin }] = [name('theirs'), rights];
      const level = 'pod-security.kubernetes.io/enforce';
      const core = admin.makeApiClient(CoreV1Api);
      const labels = { team: 'others', [level]: 'restricted' };
      await core.createNamespace({ body: { metadata: { name: theirs, labels } } });

      await expect(cluster.applyGuardrails(guardrails(theirs))).rejects.toThrow(NotOwnedError);
      expect((await core.readNamespace({ name: theirs })).metadata?.labels).toMatchObject(labels);

      await cluster.applyGuardrails({ ...guardrails(theirs), adopt: true });
      await cluster.applyGuardrails(guardrails(theirs));
      const { metadata } = await core.readNamespace({ name: theirs });
      expect(metadata?.labels).toMatchObject({ team: 'shop', [level]: 'restricted' });
    });
  });
} else {
  describe('rights on a real API server', () => {
    it.skip('are skipped: KUBECONFIG_CONTRACT names no kubeconfig', () => {});
  });
}
