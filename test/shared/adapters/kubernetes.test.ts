import { readFileSync } from 'node:fs';
import { loadAllYaml, type V1ClusterRole } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubernetesClusters } from '../../../shared/adapters/kubernetes.ts';
import { parseConfig } from '../../../shared/config.ts';
import { ConflictError, NotFoundError, PermanentError, TransientError } from '../../../shared/errors.ts';
import type { Cluster, Guardrails, Release, Rollback, Workload } from '../../../shared/ports.ts';
import { clusterContract } from '../../contract/cluster.ts';
import {
  containersOf,
  DEPLOYMENT,
  KINDS,
  NAMESPACE,
  part,
  REPLICA_SET,
  RESOURCE_QUOTA,
} from '../../support/api-kinds.ts';
import type { ApiObject, Key } from '../../support/api-objects.ts';
import { type ApiServer, type SeenRequest, startApiServer } from '../../support/api-server.ts';
import type { Json, JsonObject } from '../../support/field-sets.ts';
import { deploymentOf } from '../../support/real-cluster.ts';

const KUBECTL = { manager: 'kubectl' };
const CONTROLLER = { manager: 'kube-controller-manager' };
const web: Workload = { namespace: 'shop', deployment: 'web' };
const key: Key = { kind: DEPLOYMENT, namespace: 'shop', name: 'web' };

function open(server: ApiServer): Cluster {
  const config = parseConfig({ clusters: { default: { kubeconfig: server.kubeconfig } } });
  return createKubernetesClusters({ config, clock: server.clock, timeoutMs: 1_000 }).get('default');
}

/** Makes the Deployment as kubectl would, and lets it become complete. */
function given(
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

clusterContract(
  'kubernetes, on the test API server',
  async () => {
    const server = await startApiServer();
    return {
      cluster: open(server),
      given: async (workload, image, replicas) => given(server, workload, image, replicas),
      settleRollout: async () => server.controller.advance(8_000),
      close: () => server.close(),
    };
  },
  { createsDeployments: false },
);

let server: ApiServer;
let cluster: Cluster;
beforeEach(async () => {
  server = await startApiServer();
  cluster = open(server);
});
afterEach(() => server.close());

function release(tag: string, change: Partial<Release> = {}): Release {
  const rank = `2026-03-01T12:00:00.000Z/${tag}/apply`;
  return { ...web, image: `shop/web:${tag}`, requestId: `r-${tag}`, rank, changeCause: `r-${tag}`, ...change };
}

function rollback(tag: string): Rollback {
  return { ...release(tag), requestId: `back-to-${tag}`, rank: '2026-03-01T12:00:00.000Z/z/rollback' };
}

const deployment = (): ApiObject => server.objects.get(key);
const writes = (): SeenRequest[] => server.seen.filter(({ method }) => method === 'PATCH');
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (error) => error,
  );
const set = (holder: JsonObject, field: string, value: Json): void => {
  holder[field] = value;
};
const sidecar = (object: JsonObject): void => void containersOf(object).push({ name: 'proxy', image: 'mesh:1' });

describe('a release', () => {
  it("changes the image and the marks, and nobody else's fields", async () => {
    given(server, web, 'shop/web:1', 2, (object) => {
      for (const container of containersOf(object)) container['env'] = [{ name: 'MODE', value: 'fast' }];
    });
    const before = deployment();

    await cluster.apply(release('2', { changeCause: 'release 2' }));

    const after = deployment();
    expect(containersOf(after)).toEqual([{ ...containersOf(before)[0], image: 'shop/web:2' }]);
    expect({ ...part(after, 'spec'), template: null }).toEqual({ ...part(before, 'spec'), template: null });
    expect(part(after, 'metadata', 'annotations')).toEqual({
      ...part(before, 'metadata', 'annotations'),
      'kubernetes.io/change-cause': 'release 2',
      'platform-events/request-id': 'r-2',
      'platform-events/rank': '2026-03-01T12:00:00.000Z/2/apply',
    });
    expect(part(after, 'spec', 'template')['metadata']).toEqual(part(before, 'spec', 'template')['metadata']);
  });

  it('leaves the replicas to an autoscaler, even after it set them once', async () => {
    given(server, web, 'shop/web:1', 2);
    await cluster.apply(release('2', { replicas: 3 }));
    server.objects.update(key, { manager: 'autoscaler' }, (object) => set(part(object, 'spec'), 'replicas', 7));

    await cluster.apply(release('3'));
    server.objects.update(key, { manager: 'autoscaler' }, (object) => set(part(object, 'spec'), 'replicas', 5));
    await cluster.apply(release('4'));

    expect(await cluster.rollout(web)).toMatchObject({ replicas: 5, image: 'shop/web:4' });
    const owners = deployment().metadata['managedFields'] as JsonObject[];
    expect(owners.filter((owner) => part(owner, 'fieldsV1', 'f:spec')['f:replicas'])).toMatchObject([
      { manager: 'autoscaler' },
    ]);
  });

  it('keeps the image that an earlier release gave to another container', async () => {
    given(server, web, 'shop/web:1', 1, sidecar);

    await cluster.apply(release('2', { container: 'web' }));
    await cluster.apply(release('3', { container: 'proxy', image: 'mesh:3' }));
    await cluster.apply(release('4', { container: 'proxy', image: 'mesh:4' }));

    expect(containersOf(deployment()).map(({ image }) => image)).toEqual(['shop/web:2', 'mesh:4']);
  });

  it.each([
    { container: undefined, message: 'shop/web has several containers (web, proxy): say which' },
    { container: 'main', message: "shop/web has no container 'main' (it has web, proxy)" },
  ])('has to say which of several containers it is for ($container)', async ({ container, message }) => {
    given(server, web, 'shop/web:1', 1, sidecar);

    await expect(cluster.apply(release('2', { container }))).rejects.toThrow(new PermanentError(message));
    await expect(cluster.rollout({ ...web, container })).rejects.toThrow(new PermanentError(message));
    expect(writes()).toEqual([]);
  });

  it('looks again when the deployment changed between reading and writing', async () => {
    given(server, web, 'shop/web:1', 2);
    server.before('PATCH', () => {
      server.objects.update(key, KUBECTL, (object) => set(part(object, 'spec'), 'replicas', 6));
    });

    await cluster.apply(release('2'));

    expect(await cluster.rollout(web)).toMatchObject({ replicas: 6, image: 'shop/web:2' });
    expect(writes()).toHaveLength(2);
  });

  it('gives way to a newer one that came between reading and writing', async () => {
    given(server, web, 'shop/web:1', 2);
    server.before('PATCH', () => {
      server.objects.update(key, CONTROLLER, ({ metadata }) => {
        metadata['annotations'] = { 'platform-events/rank': '2026-03-01T12:00:01.000Z/x/apply' };
      });
    });

    await expect(cluster.apply(release('2'))).rejects.toThrow(/newer than r-2/);

    expect((await cluster.rollout(web)).image).toBe('shop/web:1');
  });

  it('does not make a deployment anew that was deleted between reading and writing', async () => {
    given(server, web, 'shop/web:1', 2);
    server.before('PATCH', () => server.objects.delete(key));

    await expect(cluster.apply(release('2'))).rejects.toThrow(NotFoundError);

    expect(server.objects.list(DEPLOYMENT)).toEqual([]);
  });

  it('is found again when the answer was lost', async () => {
    given(server, web, 'shop/web:1', 2);
    server.fail('PATCH', 'drop', 'drop');

    const first = await failureOf(cluster.apply(release('2')));
    const { resourceVersion } = deployment().metadata;
    const before = writes().length;
    await cluster.apply(release('2'));

    expect(first).toBeInstanceOf(TransientError);
    expect(containersOf(deployment())).toMatchObject([{ image: 'shop/web:2' }]);
    expect(deployment().metadata.resourceVersion).toBe(resourceVersion);
    expect(writes()).toHaveLength(before);
  });

  it('is made once when the kept connection broke under it', async () => {
    given(server, web, 'shop/web:1', 2);
    const { generation } = deployment().metadata;
    server.fail('PATCH', 'drop');

    await cluster.apply(release('2'));

    expect(deployment().metadata.generation).toBe(generation + 1);
  });

  it('gives up for now when the deployment never stands still', async () => {
    given(server, web, 'shop/web:1', 2);
    const status = { status: 409, body: { message: 'the object has been modified' } };
    server.fail('PATCH', ...Array.from({ length: 50 }, () => status));

    await expect(cluster.apply(release('2'))).rejects.toThrow(ConflictError);
    expect(writes().length).toBeLessThan(50);
  });
});

describe('a rollback', () => {
  const setEnv = (value: string): void => {
    server.objects.update(key, KUBECTL, (object) => {
      for (const container of containersOf(object)) container['env'] = [{ name: 'MODE', value }];
    });
  };

  it('restores the whole template, also what the client library does not know', async () => {
    given(server, web, 'shop/web:1', 2, (object) => {
      part(object, 'spec', 'template', 'spec')['fieldOfTomorrow'] = { deep: [1] };
    });
    const { template } = part(deployment(), 'spec');
    server.objects.update(
      key,
      KUBECTL,
      (object) => void delete part(object, 'spec', 'template', 'spec')['fieldOfTomorrow'],
    );
    await cluster.apply(release('fail-2'));
    server.controller.advance(8_000);

    await cluster.rollback(rollback('1'));

    expect(part(deployment(), 'spec')['template']).toEqual(template);
  });

  it('takes the newest of the revisions that ran the image', async () => {
    given(server, web, 'shop/web:1', 1);
    setEnv('slow');
    server.controller.advance(8_000);
    setEnv('fast');
    server.controller.advance(8_000);
    await cluster.apply(release('2'));
    server.controller.advance(8_000);

    await cluster.rollback(rollback('1'));

    expect(containersOf(deployment())[0]).toMatchObject({
      image: 'shop/web:1',
      env: [{ name: 'MODE', value: 'fast' }],
    });
  });

  it('leaves to the next release what it restored', async () => {
    given(server, web, 'shop/web:1', 1);
    setEnv('fast');
    server.controller.advance(8_000);
    await cluster.apply(release('2'));
    setEnv('broken');
    server.controller.advance(8_000);
    await cluster.rollback(rollback('1'));
    server.controller.advance(8_000);

    await cluster.apply(release('3', { rank: '2026-03-02' }));

    expect(containersOf(deployment())[0]).toMatchObject({
      image: 'shop/web:3',
      env: [{ name: 'MODE', value: 'fast' }],
    });
  });

  it('takes no template of another deployment with the same labels', async () => {
    given(server, web, 'shop/web:1', 1);
    given(server, { ...web, deployment: 'twin' }, 'shop/web:0', 1, (object) => {
      part(object, 'spec')['selector'] = { matchLabels: { app: 'web' } };
      part(object, 'spec', 'template', 'metadata')['labels'] = { app: 'web' };
    });

    await expect(cluster.rollback(rollback('0'))).rejects.toThrow(NotFoundError);
    await expect(cluster.rollback(rollback('0'))).rejects.toThrow(
      'no revision of shop/web that is kept ran shop/web:0 (1: shop/web:1)',
    );
  });

  it('finds the template past the first page', async () => {
    given(server, web, 'shop/web:1', 1);
    await cluster.apply(release('2'));
    server.controller.advance(8_000);
    for (let n = 0; n < 600; n++) {
      const other = { kind: REPLICA_SET, namespace: 'shop', name: `aaa-${n}` };
      server.objects.create(
        other,
        { metadata: { labels: { app: 'web' } }, spec: { template: { spec: { containers: [] } } } },
        CONTROLLER,
      );
    }

    await cluster.rollback(rollback('1'));

    expect((await cluster.rollout(web)).image).toBe('shop/web:1');
  });

  it.each([1, 2, 4, 10])(
    'of %d replicas is never called failed for the deadline that the release before missed',
    async (replicas) => {
      given(server, web, 'shop/web:1', replicas);
      await cluster.apply(release('fail-2'));
      server.controller.advance(8_000);
      expect((await cluster.rollout(web)).state).toBe('failed');

      await cluster.rollback(rollback('1'));
      const states: string[] = [];
      for (let looks = 0; looks < 20; looks++) {
        states.push((await cluster.rollout(web)).state);
        server.controller.sync(deployment());
        states.push((await cluster.rollout(web)).state);
        server.controller.advance(200);
      }

      expect(states).not.toContain('failed');
      expect(states.at(-1)).toBe('complete');
    },
  );
});

describe('a rollout', () => {
  it('waits on a paused deployment, and says so', async () => {
    given(server, web, 'shop/web:1', 2, (object) => set(part(object, 'spec'), 'progressDeadlineSeconds', 60));
    server.objects.update(key, KUBECTL, (object) => set(part(object, 'spec'), 'paused', true));

    await cluster.apply(release('2'));
    server.controller.advance(2_000);

    expect(await cluster.rollout(web)).toMatchObject({
      state: 'progressing',
      message: '0 of 2 replicas are updated; the deployment is paused',
    });
  });

  it('says why no pod can be made', async () => {
    given(server, web, 'shop/web:1', 2);
    await cluster.apply(release('fail-2'));
    server.objects.update(key, { ...CONTROLLER, subresource: 'status' }, (object) => {
      const condition = { type: 'ReplicaFailure', status: 'True', message: 'pods "web" is forbidden: exceeded quota' };
      object['status'] = { observedGeneration: object.metadata.generation, replicas: 2, conditions: [condition] };
    });

    expect(await cluster.rollout(web)).toMatchObject({
      state: 'progressing',
      message: '0 of 2 replicas are updated; pods "web" is forbidden: exceeded quota',
    });
  });
});

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

describe('faults', () => {
  it.each([
    { status: 400, expected: PermanentError },
    { status: 403, expected: PermanentError },
    { status: 404, expected: NotFoundError },
    { status: 405, expected: PermanentError },
    { status: 409, expected: ConflictError },
    { status: 410, expected: TransientError },
    { status: 413, expected: PermanentError },
    { status: 422, expected: PermanentError },
    { status: 429, expected: TransientError },
    { status: 500, expected: TransientError },
    { status: 503, expected: TransientError },
    { status: 504, expected: TransientError },
  ])('turns $status into $expected.name, with what the server says', async ({ status, expected }) => {
    server.fail('GET', { status, body: { kind: 'Status', message: 'admission webhook "policy" denied the request' } });

    const error = await failureOf(cluster.rollout(web));

    expect(error).toBeInstanceOf(expected);
    expect(error).toMatchObject({
      name: expected.name,
      message: `cluster 'default': GET /apis/apps/v1/namespaces/shop/deployments/web: ${status} admission webhook "policy" denied the request`,
    });
  });

  it.each([
    { headers: { 'Retry-After': '7' }, body: {}, expected: 7_000 },
    { headers: {}, body: { details: { retryAfterSeconds: 3 } }, expected: 3_000 },
    { headers: {}, body: 'overloaded', expected: undefined },
  ])('passes on the wait that a 429 asks for ($expected ms)', async ({ headers, body, expected }) => {
    server.fail('GET', { status: 429, headers, body });

    expect(await failureOf(cluster.rollout(web))).toMatchObject({ isTransient: true, retryAfterMs: expected });
  });

  it('waits for a namespace that is going away, though that is a 403', async () => {
    const body = { message: 'being terminated', details: { causes: [{ reason: 'NamespaceTerminating' }] } };
    server.fail('PATCH', { status: 200, body: {} }, { status: 403, body });
    const guardrails = { namespace: 'shop', labels: {}, quota: {}, limits: { default: {}, defaultRequest: {} } };

    const applied = cluster.applyGuardrails({ ...guardrails, access: { group: 'shop', clusterRole: 'edit' } });

    await expect(applied).rejects.toThrow(TransientError);
  });

  it.each([
    ['a connection that breaks', 'reset', /socket hang up|ECONNRESET/],
    ['an answer that does not come', 'hang', /no answer in time/],
    ['an answer that is no JSON', { status: 200, body: '<html>' }, /expected JSON, got "<html>"/],
  ] as const)('counts %s as transient', async (_, fault, message) => {
    server.fail('GET', fault);

    const error = await failureOf(cluster.rollout(web));

    expect(error).toBeInstanceOf(TransientError);
    expect(String(error)).toMatch(message);
  });

  it('says what is missing in an answer that is something else', async () => {
    server.fail('GET', { status: 200, body: { kind: 'Deployment', spec: {} } });

    await expect(cluster.rollout(web)).rejects.toThrow(/unexpected answer: metadata/);
  });

  it('reads the credentials again when they are refused, and goes on', async () => {
    given(server, web, 'shop/web:1', 1);
    server.fail('GET', { status: 401 });

    await expect(cluster.rollout(web)).resolves.toMatchObject({ image: 'shop/web:1' });
  });

  it('counts credentials that stay refused as transient: their signing key may be rotating', async () => {
    server.tokens.clear();

    await expect(cluster.ping()).rejects.toThrow(TransientError);
  });

  it('is transient when nobody listens', async () => {
    await cluster.ping();
    await server.close();

    await expect(cluster.ping()).rejects.toThrow(TransientError);
    server = await startApiServer();
  });
});

describe('connections', () => {
  it('are kept open', async () => {
    for (let n = 0; n < 3; n++) await cluster.ping();

    expect(new Set(server.seen.map(({ connection }) => connection)).size).toBe(1);
  });

  it('are made anew when the server has closed a kept one', async () => {
    await cluster.ping();
    server.fail('GET', 'reset');

    await expect(cluster.ping()).resolves.toBeUndefined();
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
    server.controller.advance(8_000);
    await cluster.rollback(rollback('1'));
    await cluster.rollout(web);

    const asked = new Set(server.seen.map(({ method, path }) => permissionOf(method, path)));

    const manifest = readFileSync(new URL('../../../infra/cluster-role.yaml', import.meta.url), 'utf8');
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
