/** The Kubernetes adapter: guardrails, and the rights it is given. */
import { readFileSync } from 'node:fs';
import { loadAllYaml, type V1ClusterRole } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PermanentError } from '../../../../shared/errors.ts';
import type { Cluster, Guardrails } from '../../../../shared/ports/cluster.ts';
import { DEPLOYMENT, KINDS, NAMESPACE, part, RESOURCE_QUOTA } from '../../../support/api-kinds.ts';
import type { ApiObject, Key } from '../../../support/api-objects.ts';
import { type ApiServer, startApiServer } from '../../../support/api-server.ts';
import { CONTROLLER, given, KUBECTL, open, release, rollback, set, web } from '../../../support/kubernetes-cases.ts';

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
    labels: { team: 'shop', environment: 'staging' },
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

    expect(objectOf('Namespace').metadata['labels']).toEqual(guardrails.labels);
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
      metadata['labels'] = { team: 'stolen', 'istio-injection': 'enabled', environment: 'staging' };
    });
    server.objects.update(quota, KUBECTL, (object) => {
      object['spec'] = { hard: { pods: '9999', 'requests.cpu': '4', services: '7' } };
    });

    await cluster.applyGuardrails({ ...guardrails, quota: { pods: '50' } });

    expect(objectOf('Namespace').metadata['labels']).toEqual({ ...guardrails.labels, 'istio-injection': 'enabled' });
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

  it("raise one resource of somebody else's quota without taking the rest", async () => {
    await cluster.applyGuardrails(guardrails);
    const foreign: Key = { ...quota, name: 'theirs' };
    server.objects.create(foreign, { spec: { hard: { pods: '5', services: '5' } } }, KUBECTL);

    await cluster.setQuota('shop', 'theirs', 'pods', '8');
    server.objects.update(foreign, KUBECTL, (object) => set(part(object, 'spec', 'hard'), 'services', '6'));
    await cluster.setQuota('shop', 'theirs', 'pods', '9');

    expect(await cluster.quotas('shop')).toContainEqual({ name: 'theirs', hard: { pods: '9', services: '6' } });
  });

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
      namespace: 'shop',
      labels: {},
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
