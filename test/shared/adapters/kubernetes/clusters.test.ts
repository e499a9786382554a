/** The Kubernetes adapter: releases, rollbacks and rollouts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConflictError, NotFoundError, PermanentError, TransientError } from '../../../../shared/errors.ts';
import type { Cluster } from '../../../../shared/ports/cluster.ts';
import { clusterContract } from '../../../contract/cluster.ts';
import { containersOf, DEPLOYMENT, part, REPLICA_SET } from '../../../support/api-kinds.ts';
import type { ApiObject } from '../../../support/api-objects.ts';
import { type ApiServer, type SeenRequest, startApiServer } from '../../../support/api-server.ts';
import type { JsonObject } from '../../../support/field-sets.ts';
import {
  CONTROLLER,
  failureOf,
  given,
  givenSeveral,
  KUBECTL,
  key,
  open,
  release,
  rollback,
  set,
  web,
} from '../../../support/kubernetes-cases.ts';
import { singleRollout } from '../../../support/rollouts.ts';

clusterContract(
  'kubernetes, on the test API server',
  async () => {
    const server = await startApiServer();
    return {
      cluster: open(server),
      given: async (workload, image, replicas) => given(server, workload, image, replicas),
      givenSeveral: async (workload, images) => givenSeveral(server, workload, images),
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

const deployment = (): ApiObject => server.objects.get(key);
const writes = (): SeenRequest[] => server.seen.filter(({ method }) => method === 'PATCH');
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
      'platform-events/changes': '{"web":{"requestId":"r-2","rank":"2026-03-01T12:00:00.000Z/2/apply"}}',
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

    expect(await singleRollout(cluster, web)).toMatchObject({ replicas: 5, image: 'shop/web:4' });
    const owners = deployment().metadata['managedFields'] as JsonObject[];
    expect(owners.filter((owner) => part(owner, 'fieldsV1', 'f:spec')['f:replicas'])).toMatchObject([
      { manager: 'autoscaler' },
    ]);
  });

  it('keeps the image that an earlier release gave to another container', async () => {
    given(server, web, 'shop/web:1', 1, sidecar);

    await cluster.apply(release('2', { containers: [{ name: 'web', image: 'shop/web:2' }] }));
    await cluster.apply(release('3', { containers: [{ name: 'proxy', image: 'mesh:3' }] }));
    await cluster.apply(release('4', { containers: [{ name: 'proxy', image: 'mesh:4' }] }));

    expect(containersOf(deployment()).map(({ image }) => image)).toEqual(['shop/web:2', 'mesh:4']);
  });

  it.each([
    { container: undefined, message: 'shop/web has several containers (web, proxy): say which' },
    { container: 'main', message: "shop/web has no container 'main' (it has web, proxy)" },
  ])('has to say which of several containers it is for ($container)', async ({ container, message }) => {
    given(server, web, 'shop/web:1', 1, sidecar);

    const containers = [{ name: container, image: 'shop/web:2' }];
    await expect(cluster.apply(release('2', { containers }))).rejects.toThrow(new PermanentError(message));
    expect(writes()).toEqual([]);
  });

  it('looks again when the deployment changed between reading and writing', async () => {
    given(server, web, 'shop/web:1', 2);
    server.before('PATCH', () => {
      server.objects.update(key, KUBECTL, (object) => set(part(object, 'spec'), 'replicas', 6));
    });

    await cluster.apply(release('2'));

    expect(await singleRollout(cluster, web)).toMatchObject({ replicas: 6, image: 'shop/web:2' });
    expect(writes()).toHaveLength(2);
  });

  it('gives way to a newer one that came between reading and writing', async () => {
    given(server, web, 'shop/web:1', 2);
    server.before('PATCH', () => {
      const changes = { web: { requestId: 'r-x', rank: '2026-03-01T12:00:01.000Z/x/apply' } };
      server.objects.update(key, { manager: 'platform-events' }, ({ metadata }) => {
        metadata['annotations'] = { 'platform-events/changes': JSON.stringify(changes) };
      });
    });

    await expect(cluster.apply(release('2'))).rejects.toThrow(/newer than r-2/);

    expect((await singleRollout(cluster, web)).image).toBe('shop/web:1');
  });

  const marked = (rank: string): void => {
    const changes = { web: { requestId: 'r-x', rank } };
    server.objects.update(key, { manager: 'platform-events' }, ({ metadata }) => {
      metadata['annotations'] = { 'platform-events/changes': JSON.stringify(changes) };
    });
  };

  it.each([
    ['from the future', '2026-03-01T12:06:00.000Z/x/apply'],
    ['far from it', '9999-12-31T23:59:59.999Z/x/apply'],
    ['without a time', 'zzz'],
    ['with a time that is none', '2026-99-01T12:00:00.000Z/x'],
  ])('takes no notice of a rank %s, though it is in our name', async (_, rank) => {
    given(server, web, 'shop/web:1', 2);
    marked(rank);
    expect((await cluster.rollout(web)).containers).toMatchObject([{ requestId: undefined, isAsChanged: false }]);

    await cluster.apply(release('2'));
    await cluster.rollback(rollback('1'));

    expect((await cluster.rollout(web)).containers).toMatchObject([{ image: 'shop/web:1', requestId: 'back-to-1' }]);
  });

  it('believes a rank of a host whose clock is a little ahead', async () => {
    given(server, web, 'shop/web:1', 2);
    marked('2026-03-01T12:04:00.000Z/x/apply');

    await expect(cluster.apply(release('2'))).rejects.toThrow(/newer than r-2/);
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

    server.objects.update({ ...key, name: 'twin' }, KUBECTL, (object) => {
      for (const container of containersOf(object)) container['env'] = [{ name: 'MODE', value: 'twin' }];
    });
    server.controller.advance(8_000);

    await cluster.rollback(rollback('0'));

    expect(containersOf(deployment())).toMatchObject([{ image: 'shop/web:0' }]);
    expect(containersOf(deployment())[0]).not.toHaveProperty('env');
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

    expect((await singleRollout(cluster, web)).image).toBe('shop/web:1');
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
