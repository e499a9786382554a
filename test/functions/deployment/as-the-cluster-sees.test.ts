/** Images as the cluster sees them: rewritten at admission, pinned by digest, kept as revisions or not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { containersOf, NAMESPACE, POD, part, REPLICA_SET } from '../../support/api-kinds.ts';
import { type ApiServer, startApiServer } from '../../support/api-server.ts';
import { IMAGE, typesOf, type World } from '../../support/deployments.ts';
import type { JsonObject } from '../../support/field-sets.ts';
import { CONTROLLER, given, KUBECTL, key, release, web } from '../../support/kubernetes-cases.ts';
import { carryRolling, rollingWorld } from '../../support/rolling-world.ts';

const DIGEST = 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';
const OTHER = DIGEST.replace('0', 'f');

let server: ApiServer;
let world: World;
beforeEach(async () => {
  server = await startApiServer();
  world = rollingWorld(server);
  given(server, web, `${IMAGE}:1`, 2);
});
afterEach(() => server.close());

const carry = (...events: PlatformEvent[]): Promise<PlatformEvent[]> => carryRolling(world, server, ...events);
const rewriteImages = (rewrite: (image: string) => string): void => {
  server.objects.admit = (object) => {
    for (const container of containersOf(object)) container['image'] = rewrite(String(container['image']));
  };
};
const withMirror = (image: string): string => (image.startsWith('mirror/') ? image : `mirror/${image}`);
const setEnv = (value: string): void => {
  server.objects.update(key, KUBECTL, (object: JsonObject) => {
    for (const container of containersOf(object)) container['env'] = [{ name: 'MODE', value }];
  });
};
const shown = (): JsonObject | undefined => containersOf(server.objects.get(key))[0];

describe('an image that admission rewrites', () => {
  it.each([
    ['its registry', withMirror, `mirror/${IMAGE}`],
    ['a digest added', (image: string) => (image.includes('@') ? image : `${image}@${DIGEST}`), IMAGE],
  ])('is still ours with %s', async (_, rewrite, name) => {
    rewriteImages(rewrite);

    const done = await carry(world.request('2'));

    expect(typesOf(done).at(-1)).toBe('DeploymentCompleted');
    expect((await world.knownGood())[0]).toMatch(new RegExp(`^${name}:2`));
  });

  it.each([
    ['its registry', withMirror],
    ['a digest added', (image: string) => (image.includes('@') ? image : `${image}@${DIGEST}`)],
  ])('with %s is no change when it is asked for again', async (_, rewrite) => {
    rewriteImages(rewrite);
    await carry(world.request('2'));

    await carry(world.request('2'));

    expect((await world.record()).doraTotals).toMatchObject({ deployed: 1, completed: 1 });
    await carry(world.request('2', { replicas: 3 }));
    expect((await world.record()).doraTotals).toMatchObject({ deployed: 2, completed: 2 });
  });

  it('goes back to what the cluster made of the good one', async () => {
    rewriteImages(withMirror);
    await carry(world.request('2'));

    const done = await carry(world.request('fail-3'));

    expect(done.at(-1)).toMatchObject({ type: 'DeploymentRolledBack', data: { image: `mirror/${IMAGE}:2` } });
  });

  it('is never taken for a good one of somebody else when its release was superseded', async () => {
    rewriteImages(withMirror);
    const [started] = (await world.run(world.request('2'))).published;
    if (started) await world.run(started);
    server.controller.advance(8_000);
    world.clock.advance(8_000);

    await carry(world.request('fail-3'));

    expect(await world.knownGood()).toEqual([`mirror/${IMAGE}:1`, `${IMAGE}:1`]);
    expect(shown()).toMatchObject({ image: `mirror/${IMAGE}:1` });
  });

  it("is somebody else's once they set another", async () => {
    rewriteImages(withMirror);
    const [started] = (await world.run(world.request('2'))).published;
    if (started) await world.run(started);
    server.objects.update(key, KUBECTL, (object) => {
      for (const container of containersOf(object)) container['image'] = 'mirror/hotfix:1';
    });

    const done = await carry(...(started ? [started] : []));

    expect(done.at(-1)).toMatchObject({
      data: { reason: 'Superseded', message: expect.stringContaining('mirror/hotfix:1') },
    });
    expect(shown()).toMatchObject({ image: 'mirror/hotfix:1' });
  });

  it('of a tag that means another image now goes back to the image that it was', async () => {
    let digest = DIGEST;
    rewriteImages((image) => (image.includes('@') ? image : `${image}@${digest}`));
    await carry(world.request('2'));
    digest = OTHER;
    const request = world.request('2');
    await carry(request);
    expect(shown()).toMatchObject({ image: `${IMAGE}:2@${OTHER}` });

    await carry(world.violation(request));

    expect(shown()).toMatchObject({ image: `${IMAGE}:2@${DIGEST}` });
  });
});

it('a change from a tag to a digest is one, and goes back', async () => {
  await carry(world.request('5'));
  const pinned = world.request('', { image: `${IMAGE}:5@${DIGEST}` });
  await carry(pinned);
  expect((await world.record()).doraTotals).toMatchObject({ deployed: 2 });

  const done = await carry(world.violation(pinned));

  expect(typesOf(done).at(-1)).toBe('DeploymentRolledBack');
  expect(shown()).toMatchObject({ image: `${IMAGE}:5` });
});

describe('a GitOps controller', () => {
  /** What a repository says of the Deployment; without the image when the controller leaves that to us. */
  const applyFromGit = (image: string | undefined): void => {
    const container = { name: 'web', ...(image !== undefined && { image }), env: [{ name: 'MODE', value: 'git' }] };
    const labels = { app: 'web' };
    const config = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace: 'shop', name: 'web' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    };
    server.objects.apply(key, config, { manager: 'argocd-controller', force: true });
    server.controller.advance(8_000);
  };

  it('that leaves the image to this app changes the rest, and a rollback stays', async () => {
    await carry(world.request('2'));
    await carry(world.request('fail-3'));

    applyFromGit(undefined);

    expect(shown()).toMatchObject({ image: `${IMAGE}:2`, env: [{ name: 'MODE', value: 'git' }] });
    expect((await world.rollout()).containers).toMatchObject([{ isAsChanged: true }]);
  });

  it('that heals by force puts the bad image back', async () => {
    await carry(world.request('2'));
    await carry(world.request('fail-3'));

    applyFromGit(`${IMAGE}:fail-3`);

    expect((await world.rollout()).containers).toMatchObject([{ image: `${IMAGE}:fail-3`, isAsChanged: false }]);
  });

  it('supersedes a release that is under way, and people are told by whom', async () => {
    const [started] = (await world.run(world.request('slow'))).published;
    if (started) await world.run(started);
    applyFromGit(`${IMAGE}:1`);

    const done = await carry(...(started ? [started] : []));

    const message = `somebody else (argocd-controller) set the image to ${IMAGE}:1`;
    expect(done.at(-1)).toMatchObject({ data: { reason: 'Superseded', message } });
    expect(shown()).toMatchObject({ image: `${IMAGE}:1` });
    const text = `Superseded: ${message}; not rolled back: somebody else decides what runs`;
    expect(world.notified).toMatchObject([{ severity: 'warning', text }]);
  });
});

describe('the marks on a Deployment', () => {
  it('count for nothing when somebody else wrote them', async () => {
    const changes = JSON.stringify({ web: { requestId: 'forged', rank: '9999' } });
    server.objects.update(key, KUBECTL, ({ metadata }) => {
      metadata['annotations'] = { ...part(metadata, 'annotations'), 'platform-events/changes': changes };
    });

    const done = await carry(world.request('2'));

    expect(typesOf(done).at(-1)).toBe('DeploymentCompleted');
  });
});

describe('a rollback', () => {
  it('restores the revision that completed, and not one of the same image that missed its deadline', async () => {
    setEnv('good');
    server.controller.advance(8_000);
    await carry(world.request('2'));
    setEnv('bad');
    server.controller.advance(8_000);

    await carry(world.request('fail-3'));

    expect(shown()).toMatchObject({ image: `${IMAGE}:2`, env: [{ name: 'MODE', value: 'good' }] });
  });

  it('finds that revision after it went back to it before', async () => {
    setEnv('good');
    server.controller.advance(8_000);
    await carry(world.request('2'));
    await carry(world.request('fail-3'));
    setEnv('bad');
    server.controller.advance(8_000);

    await carry(world.request('fail-4'));

    expect(shown()).toMatchObject({ image: `${IMAGE}:2`, env: [{ name: 'MODE', value: 'good' }] });
  });

  it('sets the image when no revision is kept', async () => {
    server.objects.update(key, KUBECTL, (object) => {
      part(object, 'spec')['revisionHistoryLimit'] = 0;
    });

    await carry(world.request('2'));
    const done = await carry(world.request('fail-3'));

    expect(typesOf(done).at(-1)).toBe('DeploymentRolledBack');
    expect(shown()).toMatchObject({ image: `${IMAGE}:2` });
  });
});

describe('what cannot work is said at once', () => {
  it('a Deployment that is being deleted', async () => {
    server.objects.update(key, CONTROLLER, ({ metadata }) => {
      metadata['deletionTimestamp'] = '2026-03-01T12:00:00Z';
    });

    const done = await carry(world.request('2'));

    expect(done.at(-1)).toMatchObject({
      data: { reason: 'NotFound', message: 'shop/web is being deleted', durationSeconds: 0 },
    });
  });

  const endNamespace = (): void => {
    server.objects.update({ kind: NAMESPACE, namespace: '', name: 'shop' }, CONTROLLER, ({ metadata }) => {
      metadata['deletionTimestamp'] = '2026-03-01T12:00:00Z';
    });
  };

  it('a namespace that is being deleted, before anything is changed in it', async () => {
    endNamespace();

    const done = await carry(world.request('2'));

    const message = "namespace 'shop' is being deleted";
    expect(done.at(-1)).toMatchObject({ data: { reason: 'NotFound', message, durationSeconds: 0 } });
    expect(shown()).toMatchObject({ image: `${IMAGE}:1` });
    expect(world.notified).toMatchObject([{ text: `NotFound: ${message}; not rolled back: nothing was changed` }]);
  });

  it('a namespace that is deleted while the release is under way', async () => {
    const [started] = (await world.run(world.request('slow-2'))).published;
    if (started) await world.run(started);
    endNamespace();

    const run = started && (await world.run(started));

    expect(run?.published).toMatchObject([
      { data: { reason: 'NotFound', message: "namespace 'shop' is being deleted" } },
    ]);
  });

  it('a namespace that the app may not see is taken for one that stays', async () => {
    server.fail('GET', undefined, undefined, {
      status: 403,
      body: { kind: 'Status', message: 'namespaces is forbidden' },
    });

    expect(typesOf(await carry(world.request('2'))).at(-1)).toBe('DeploymentCompleted');
  });
});

describe('the cause that pods tell', () => {
  const blocked = (status: JsonObject): void => {
    const [replicaSet] = server.objects
      .list(REPLICA_SET)
      .filter((object) => containersOf(object).some(({ image }) => image === 'shop/web:fail-2'));
    const labels = part(replicaSet, 'metadata')['labels'] ?? {};
    server.objects.create(
      { kind: POD, namespace: 'shop', name: 'web-x' },
      { metadata: { labels }, status },
      CONTROLLER,
    );
  };
  const waiting = (reason: string, message?: string): JsonObject => ({
    containerStatuses: [{ name: 'web', state: { waiting: { reason, ...(message && { message }) } } }],
  });

  it.each([
    [
      'an image that cannot be pulled',
      waiting('ImagePullBackOff', 'Back-off pulling image'),
      'container web: ImagePullBackOff: Back-off pulling image',
    ],
    [
      'a crash',
      {
        containerStatuses: [
          {
            name: 'web',
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
          },
        ],
      },
      'container web: CrashLoopBackOff: OOMKilled, exit code 137',
    ],
    [
      'a crash, while the container runs once more',
      {
        containerStatuses: [
          {
            name: 'web',
            ready: false,
            state: { running: {} },
            lastState: { terminated: { reason: 'Error', exitCode: 1 } },
          },
        ],
      },
      'container web: Error, exit code 1',
    ],
    [
      'an init container that fails, and none that is done',
      {
        initContainerStatuses: [
          { name: 'wait', state: { terminated: { reason: 'Completed', exitCode: 0 } } },
          { name: 'migrate', state: { terminated: { reason: 'Error', exitCode: 3 } } },
        ],
        containerStatuses: [{ name: 'web', ready: false, state: { waiting: { reason: 'PodInitializing' } } }],
      },
      'container migrate: Error, exit code 3',
    ],
    [
      'a readiness probe that fails',
      { containerStatuses: [{ name: 'web', ready: false, state: { running: {} } }] },
      'container web runs, and is not ready',
    ],
    [
      'no room',
      {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
        ],
      },
      'Unschedulable: 0/3 nodes are available',
    ],
  ])('is in the message: %s', async (_, status, message) => {
    await world.cluster.apply(release('fail-2'));
    server.controller.advance(1_000);
    blocked(status);

    expect((await world.cluster.rollout(web)).message).toMatch(new RegExp(`; ${message}$`));
    server.controller.advance(8_000);
    expect(await world.cluster.rollout(web)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining(message),
    });
  });

  it('shows no credentials', async () => {
    await world.cluster.apply(release('fail-2'));
    server.controller.advance(1_000);
    blocked(waiting('ErrImagePull', 'failed to authorize: https://me:hunter2@ghcr.io'));

    expect((await world.cluster.rollout(web)).message).not.toContain('hunter2');
  });

  it('is left out when the app may not see pods', async () => {
    await world.cluster.apply(release('fail-2'));
    server.controller.advance(1_000);
    // First the Deployment is read, then its namespace and its pods.
    server.fail('GET', undefined, undefined, { status: 403, body: { kind: 'Status', message: 'pods is forbidden' } });

    expect((await world.cluster.rollout(web)).state).toBe('progressing');
  });
});
