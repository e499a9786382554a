/** The Kubernetes adapter: guardrails, and the rights it is given. */
import { readFileSync } from 'node:fs';
import { loadAllYaml, type V1ClusterRole } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NotOwnedError, PermanentError, PolicyViolationError } from '../../../../shared/errors.ts';
import type { Cluster, Guardrails } from '../../../../shared/ports/cluster.ts';
import { DEPLOYMENT, KINDS, NAMESPACE, part, RESOURCE_QUOTA } from '../../../support/api-kinds.ts';
import type { ApiObject, Key } from '../../../support/api-objects.ts';
import { type ApiServer, startApiServer } from '../../../support/api-server.ts';
import { CONTROLLER, given, KUBECTL, open, release, rollback, set, web } from '../../../support/kubernetes-cases.ts';

const ENFORCE = 'pod-security.kubernetes.io/enforce';

let server: ApiServer;
let cluster: Cluster;
beforeEach(async () => {
  server = await startApiServer();
  cluster = open(server);
});
afterEach(() => server.close());

describe('guardrails', () => {
  const guardrails: Guardrails = {
    namespace: 'shop',
    adopt: false,
    labels: { team: 'shop', environment: 'staging' },
    podSecurity: 'baseline',
    quota: { 'requests.cpu': '4', pods: '50' },
    limits: { default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } },
    access: { group: 'shop-team', clusterRole: 'edit' },
  };
  const objectOf = (kind: string): ApiObject => {
    const found = KINDS.find((one) => one.kind === kind) ?? DEPLOYMENT;
    return server.objects.get({
      kind: found,
      namespace: found.isNamespaced ? 'shop' : '',
      name: found.isNamespaced ? 'platform' : 'shop',
    });
  };
  const quota: Key = { kind: RESOURCE_QUOTA, namespace: 'shop', name: 'platform' };

  it('are a labelled namespace, a quota, limits, a network policy and a binding', async () => {
    await cluster.applyGuardrails(guardrails);

    expect(objectOf('Namespace').metadata['labels']).toEqual({ ...guardrails.labels, [ENFORCE]: 'baseline' });
    expect(objectOf('ResourceQuota')['spec']).toEqual({ hard: guardrails.quota });
    expect(objectOf('LimitRange')['spec']).toEqual({ limits: [{ type: 'Container', ...guardrails.limits }] });
    expect(objectOf('NetworkPolicy')['spec']).toMatchObject({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
      ],
    });
    expect(objectOf('RoleBinding')).toMatchObject({
      roleRef: { kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'Group', name: 'shop-team' }],
    });
  });

  it("repair what drifted, drop what is no longer asked for, and leave others' fields", async () => {
    await cluster.applyGuardrails(guardrails);
    server.objects.update({ kind: NAMESPACE, namespace: '', name: 'shop' }, KUBECTL, ({ metadata }) => {
      metadata['labels'] = {
        team: 'stolen',
        'istio-injection': 'enabled',
        environment: 'staging',
        [ENFORCE]: 'privileged',
      };
    });
    server.objects.update(quota, KUBECTL, (object) => {
      object['spec'] = { hard: { pods: '9999', 'requests.cpu': '4', services: '7' } };
    });

    await cluster.applyGuardrails({ ...guardrails, quota: { pods: '50' } });

    expect(objectOf('Namespace').metadata['labels']).toEqual({
      ...{ ...guardrails.labels, [ENFORCE]: 'baseline' },
      'istio-injection': 'enabled',
    });
    expect(objectOf('ResourceQuota')['spec']).toEqual({ hard: { pods: '50', services: '7' } });
  });

  it('change nothing when nothing changed', async () => {
    await cluster.applyGuardrails(guardrails);
    const before = KINDS.flatMap((kind) => server.objects.list(kind));

    await cluster.applyGuardrails(guardrails);

    expect(KINDS.flatMap((kind) => server.objects.list(kind))).toEqual(before);
  });

  it('bind the team to another role when the profile has changed', async () => {
    await cluster.applyGuardrails(guardrails);

    await cluster.applyGuardrails({ ...guardrails, access: { group: 'shop-team', clusterRole: 'view' } });

    expect(objectOf('RoleBinding')['roleRef']).toMatchObject({ name: 'view' });
  });

  it('are refused for a name that Kubernetes refuses', async () => {
    await expect(cluster.applyGuardrails({ ...guardrails, namespace: 'Shop_1' })).rejects.toThrow(PermanentError);
  });

  it('raise one resource of our quota, and leave what others added to it', async () => {
    await cluster.applyGuardrails(guardrails);
    server.objects.update(quota, KUBECTL, (object) => set(part(object, 'spec', 'hard'), 'services', '6'));

    await cluster.setQuota('shop', 'platform', 'pods', '9');

    const hard = { ...guardrails.quota, pods: '9', services: '6' };
    expect(await cluster.quotas('shop')).toContainEqual({ name: 'platform', hard });
  });

  it.each(['theirs', 'platform'])("raise nothing of somebody else's quota '%s'", async (name) => {
    server.objects.create({ kind: NAMESPACE, namespace: '', name: 'shop' }, {}, KUBECTL);
    server.objects.create({ ...quota, name }, { spec: { hard: { pods: '5' } } }, KUBECTL);

    await expect(cluster.setQuota('shop', name, 'pods', '8')).rejects.toThrow(NotOwnedError);

    expect(await cluster.quotas('shop')).toEqual([{ name, hard: { pods: '5' } }]);
  });

  describe('of a namespace that somebody else made', () => {
    const name: Key = { kind: NAMESPACE, namespace: '', name: 'shop' };
    const labels = { team: 'others', [ENFORCE]: 'restricted' };
    const everything = (): unknown => KINDS.flatMap((kind) => server.objects.list(kind));

    it('are refused, and nothing is changed, though the labels say that it is ours', async () => {
      server.objects.create(name, { metadata: { labels: { ...labels, ...guardrails.labels } } }, KUBECTL);
      const before = everything();

      await expect(cluster.applyGuardrails(guardrails)).rejects.toThrow(NotOwnedError);
      await expect(cluster.applyGuardrails(guardrails)).rejects.toThrow("namespace 'shop' was not made by this app");

      expect(everything()).toEqual(before);
    });

    it('are refused when it is made between looking and writing', async () => {
      server.before('PATCH', () => void server.objects.create(name, { metadata: { labels } }, KUBECTL));

      await expect(cluster.applyGuardrails(guardrails)).rejects.toThrow(NotOwnedError);

      expect(objectOf('Namespace').metadata['labels']).toEqual(labels);
    });

    it('are refused when it was ours, was deleted, and was made anew', async () => {
      await cluster.applyGuardrails(guardrails);
      server.objects.delete(name);
      server.objects.create(name, { metadata: { labels } }, KUBECTL);

      await expect(cluster.applyGuardrails(guardrails)).rejects.toThrow(NotOwnedError);
    });

    it('adopt it when the configuration says so, and it is ours from then on', async () => {
      server.objects.create(name, { metadata: { labels: { team: 'others' } } }, KUBECTL);

      await cluster.applyGuardrails({ ...guardrails, adopt: true });
      await cluster.applyGuardrails(guardrails);

      expect(objectOf('Namespace').metadata['labels']).toEqual({ ...guardrails.labels, [ENFORCE]: 'baseline' });
    });

    it('lower its pod security neither then nor later', async () => {
      server.objects.create(name, { metadata: { labels } }, KUBECTL);

      for (let times = 1; times <= 3; times++) {
        await cluster.applyGuardrails({ ...guardrails, adopt: true });
        expect(objectOf('Namespace').metadata['labels']).toEqual({ ...guardrails.labels, [ENFORCE]: 'restricted' });
      }
    });

    it('keep what somebody made stricter of ours', async () => {
      await cluster.applyGuardrails(guardrails);
      server.objects.update(name, KUBECTL, (object) => set(part(object, 'metadata', 'labels'), ENFORCE, 'restricted'));

      for (let times = 1; times <= 3; times++) await cluster.applyGuardrails(guardrails);

      expect(objectOf('Namespace').metadata['labels']).toMatchObject({ [ENFORCE]: 'restricted' });
    });

    it('lower what is ours alone, when the configuration says so', async () => {
      await cluster.applyGuardrails({ ...guardrails, podSecurity: 'restricted' });

      await cluster.applyGuardrails(guardrails);

      expect(objectOf('Namespace').metadata['labels']).toMatchObject({ [ENFORCE]: 'baseline' });
    });
  });

  it.each(['argocd', 'cert-manager', 'gatekeeper-system', 'istio-system', 'default', 'kube-system', 'kube-node-lease'])(
    'and releases are refused in %s, whoever asks',
    async (namespace) => {
      const there = { ...web, namespace };
      given(server, there, 'shop/web:1', 1);
      const before = KINDS.flatMap((kind) => server.objects.list(kind));

      for (const change of [
        () => cluster.applyGuardrails({ ...guardrails, namespace, adopt: true }),
        () => cluster.setQuota(namespace, 'platform', 'pods', '9'),
        () => cluster.apply({ ...release('2'), namespace }),
        () => cluster.rollback({ ...rollback('1'), namespace }),
      ]) {
        await expect(change()).rejects.toThrow(PolicyViolationError);
      }

      expect(KINDS.flatMap((kind) => server.objects.list(kind))).toEqual(before);
    },
  );

  it('raise a quota that changes between reading and writing', async () => {
    await cluster.applyGuardrails(guardrails);
    server.before('PATCH', () => {
      server.objects.update(quota, CONTROLLER, (object) => set(object, 'status', { used: { pods: '3' } }));
    });

    await cluster.setQuota('shop', 'platform', 'pods', '75');

    expect(objectOf('ResourceQuota')['spec']).toEqual({ hard: { ...guardrails.quota, pods: '75' } });
  });

  it('have no quotas in a namespace without any', async () => {
    server.objects.create({ kind: NAMESPACE, namespace: '', name: 'bare' }, {}, KUBECTL);

    expect(await cluster.quotas('bare')).toEqual([]);
  });
});

describe('the ClusterRole', () => {
  const VERBS: Readonly<Record<string, readonly string[]>> = {
    'GET one': ['get'],
    'GET all': ['list'],
    'PATCH one': ['patch'],
    'DELETE one': ['delete'],
  };

  it('allows everything that is asked of the cluster, and nothing else', async () => {
    const guardrails = {
      ...{ namespace: 'shop', adopt: true, labels: {}, podSecurity: 'baseline' as const },
      quota: { pods: '1' },
      limits: { default: {}, defaultRequest: {} },
    };
    given(server, web, 'shop/web:1', 1);
    await cluster.applyGuardrails({ ...guardrails, access: { group: 'shop', clusterRole: 'edit' } });
    await cluster.applyGuardrails({ ...guardrails, access: { group: 'shop', clusterRole: 'view' } });
    await cluster.setQuota('shop', 'platform', 'pods', '2');
    await cluster.quotas('shop');
    server.objects.create({ kind: NAMESPACE, namespace: '', name: 'bare' }, {}, KUBECTL);
    await cluster.quotas('bare');
    await cluster.apply(release('2'));
    server.controller.advance(600);
    // On the way, its pods are asked.
    await cluster.rollout(web);
    server.controller.advance(8_000);
    await cluster.rollback(rollback('1'));
    await cluster.rollout(web);

    const asked = new Set(server.seen.map(({ method, path }) => permissionOf(method, path)));

    const manifest = readFileSync(new URL('../../../../infra/cluster-role.yaml', import.meta.url), 'utf8');
    const role = loadAllYaml(manifest).find(({ kind }) => kind === 'ClusterRole') as V1ClusterRole;
    const allowed = (role.rules ?? []).flatMap(({ apiGroups, resources, verbs }) =>
      verbs.map((verb) => `${verb} ${resources?.[0]}.${apiGroups?.[0]}`),
    );
    // Server-side apply creates what is not there; `bind` is checked inside the server.
    const isOfPatch = (one: string): boolean => /^(create|bind) /.test(one);
    expect([...asked].sort()).toEqual(allowed.filter((one) => !isOfPatch(one)).sort());
  });

  function permissionOf(method: string, path: string): string {
    const [, group = '', rest = ''] = /^\/apis?(?:\/([a-z0-9.]+))?\/v1\/(.*)$/.exec(path) ?? [];
    const parts = rest.split('/');
    const [resource, name] = parts[0] === 'namespaces' && parts.length > 2 ? parts.slice(2) : parts;
    return `${VERBS[`${method} ${name === undefined ? 'all' : 'one'}`]} ${resource}.${group}`;
  }
});
