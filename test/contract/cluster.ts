/** What every Cluster must do, whatever is behind it. The driver plays the people and controllers around it. */
import { describe, expect, it } from 'vitest';
import { NotFoundError, SupersededError } from '../../shared/errors.ts';
import type { Cluster, ContainerImage, Guardrails, Release, Rollback, Workload } from '../../shared/ports/cluster.ts';
import { singleRollout } from '../support/rollouts.ts';

export interface ClusterDriver {
  readonly cluster: Cluster;
  /** Makes a deployment as somebody else would: it runs the image, complete, and bears none of our marks. */
  given(workload: Workload, image: string, replicas: number): Promise<void>;
  /** The same with several containers, by name; where `migrate` is one, it is an init container. */
  givenSeveral(workload: Workload, images: Readonly<Record<string, string>>): Promise<void>;
  /** Lets the rollout under way come to its end: a `fail-…` tag misses its deadline, all others become ready. */
  settleRollout(workload: Workload): Promise<void>;
  close?(): Promise<void>;
}

export interface ClusterFeatures {
  /** Whether applying to a deployment that does not exist creates it. */
  readonly createsDeployments: boolean;
}

let workloads = 0;

/** Names are unique per test, so that a driver may use one cluster for all of them. */
function newWorkload(): Workload {
  return { namespace: 'contract', deployment: `web-${++workloads}` };
}

const image = (tag: string): string => `registry.example.com/shop/web:${tag}`;

/** The nth request for a workload. */
function release(workload: Workload, n: number, tag: string, replicas?: number): Release {
  const requestId = `request-${n}`;
  const rank = `2026-03-01T12:00:0${n}.000Z/${requestId}/apply`;
  return {
    ...workload,
    containers: [{ image: image(tag) }],
    requestId,
    rank,
    changeCause: `${requestId}: ${tag}`,
    replicas,
  };
}

/** The rollback of the nth request. */
function rollback(workload: Workload, n: number, tag: string): Rollback {
  const requestId = `rollback-${n}`;
  const rank = `2026-03-01T12:00:0${n}.000Z/request-${n}/rollback`;
  return {
    ...workload,
    containers: [{ image: image(tag) }],
    requestId,
    rank,
    changeCause: `${requestId}: back to ${tag}`,
  };
}

/**
 * Defines the suite.
 *
 * @param open called once per test
 */
export function clusterContract(name: string, open: () => Promise<ClusterDriver>, features: ClusterFeatures): void {
  const test = (behaviour: string, body: (driver: ClusterDriver, workload: Workload) => Promise<void>): void => {
    it(behaviour, async () => {
      const driver = await open();
      try {
        await body(driver, newWorkload());
      } finally {
        await driver.close?.();
      }
    });
  };
  const releaseAndSettle = async (driver: ClusterDriver, change: Release): Promise<void> => {
    await driver.cluster.apply(change);
    await driver.settleRollout(change);
  };

  describe(`cluster contract: ${name}`, () => {
    describe('apply', () => {
      test('shows what runs before anything was applied', async ({ cluster, given }, workload) => {
        await given(workload, image('1'), 3);

        const rollout = await singleRollout(cluster, workload);

        expect(rollout).toMatchObject({ state: 'complete', image: image('1'), replicas: 3, requestId: undefined });
      });

      test('rolls the image out and marks it with the request', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await driver.cluster.apply(release(workload, 1, '2'));
        const before = await singleRollout(driver.cluster, workload);
        await driver.settleRollout(workload);
        const after = await singleRollout(driver.cluster, workload);

        expect(before).toMatchObject({ state: 'progressing', image: image('2'), requestId: 'request-1' });
        expect(after).toMatchObject({ state: 'complete', image: image('2'), requestId: 'request-1', replicas: 2 });
        expect(after.revision).toMatch(/^[0-9]+$/);
      });

      test('changes nothing when it is repeated', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, '2'));
        const before = await singleRollout(driver.cluster, workload);

        await driver.cluster.apply(release(workload, 1, '2'));

        expect(await singleRollout(driver.cluster, workload)).toEqual(before);
      });

      test('refuses a request that is older than the one it bears', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 2, '3'));
        const before = await singleRollout(driver.cluster, workload);

        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(SupersededError);

        expect(await singleRollout(driver.cluster, workload)).toEqual(before);
      });

      test('lets the newest win when two are applied at once', async ({ cluster, given }, workload) => {
        await given(workload, image('1'), 2);

        const [older] = await Promise.allSettled([
          cluster.apply(release(workload, 1, '2')),
          cluster.apply(release(workload, 2, '3')),
        ]);

        // The older one may have come first, and then it was applied; it may not have the last word.
        if (older.status === 'rejected') expect(older.reason).toBeInstanceOf(SupersededError);
        expect(await singleRollout(cluster, workload)).toMatchObject({ image: image('3'), requestId: 'request-2' });
      });

      test('is complete at once when the image runs already', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, '2'));

        await releaseAndSettle(driver, release(workload, 2, '2'));

        const rollout = await singleRollout(driver.cluster, workload);
        expect(rollout).toMatchObject({ state: 'complete', image: image('2'), requestId: 'request-2' });
      });

      test('sets replicas when asked and else leaves them', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await releaseAndSettle(driver, release(workload, 1, '2', 4));
        const scaled = await singleRollout(driver.cluster, workload);
        await releaseAndSettle(driver, release(workload, 2, '3'));
        const left = await singleRollout(driver.cluster, workload);

        expect([scaled.replicas, left.replicas]).toEqual([4, 4]);
      });

      test('says when a rollout fails, and why', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await releaseAndSettle(driver, release(workload, 1, 'fail-2'));

        const rollout = await singleRollout(driver.cluster, workload);
        expect(rollout).toMatchObject({ state: 'failed', image: image('fail-2'), requestId: 'request-1' });
        expect(rollout.message).not.toBe('');
      });

      test('keeps workloads apart', async (driver, workload) => {
        const other = newWorkload();
        await driver.given(workload, image('1'), 2);
        await driver.given(other, image('1'), 2);

        await releaseAndSettle(driver, release(workload, 1, '2'));

        expect(await singleRollout(driver.cluster, other)).toMatchObject({ image: image('1'), requestId: undefined });
      });

      if (features.createsDeployments) {
        test('creates a deployment that does not exist', async (driver, workload) => {
          await releaseAndSettle(driver, release(workload, 1, '1', 2));

          expect(await singleRollout(driver.cluster, workload)).toMatchObject({ state: 'complete', image: image('1') });
        });
      } else {
        test('does not know a deployment that does not exist', async ({ cluster }, workload) => {
          await expect(cluster.apply(release(workload, 1, '1'))).rejects.toThrow(NotFoundError);
        });
      }

      test('has no rollout of a deployment that does not exist', async ({ cluster }, workload) => {
        await expect(singleRollout(cluster, workload)).rejects.toThrow(NotFoundError);
      });
    });

    describe('rollback', () => {
      test('returns to the image before and marks the rollback', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, 'fail-2'));

        await driver.cluster.rollback(rollback(workload, 1, '1'));
        await driver.settleRollout(workload);

        const rollout = await singleRollout(driver.cluster, workload);
        expect(rollout).toMatchObject({ state: 'complete', image: image('1'), requestId: 'rollback-1', replicas: 2 });
      });

      test('returns to the image it is told, past one that came between', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await releaseAndSettle(driver, release(workload, 2, 'fail-3'));

        await driver.cluster.rollback(rollback(workload, 2, '1'));

        expect((await singleRollout(driver.cluster, workload)).image).toBe(image('1'));
      });

      test('changes nothing when it is repeated', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, 'fail-2'));
        await driver.cluster.rollback(rollback(workload, 1, '1'));
        await driver.settleRollout(workload);
        const before = await singleRollout(driver.cluster, workload);

        await driver.cluster.rollback(rollback(workload, 1, '1'));

        expect(await singleRollout(driver.cluster, workload)).toEqual(before);
      });

      test('is refused after a newer request', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await driver.cluster.apply(release(workload, 2, '3'));

        await expect(driver.cluster.rollback(rollback(workload, 1, '1'))).rejects.toThrow(SupersededError);

        expect((await singleRollout(driver.cluster, workload)).image).toBe(image('3'));
      });

      test('keeps a late apply of the failed request out', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await driver.cluster.rollback(rollback(workload, 1, '1'));

        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(SupersededError);

        expect((await singleRollout(driver.cluster, workload)).image).toBe(image('1'));
      });

      test('keeps it out even when nothing had been applied yet', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await driver.cluster.rollback(rollback(workload, 1, '1'));
        // Kubernetes counts new marks as a new generation, which its controller has to take up first.
        await driver.settleRollout(workload);
        const rollout = await singleRollout(driver.cluster, workload);

        expect(rollout).toMatchObject({ state: 'complete', image: image('1'), requestId: 'rollback-1' });
        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(SupersededError);
      });

      test('gives way to the next request', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await driver.cluster.rollback(rollback(workload, 1, '1'));

        await releaseAndSettle(driver, release(workload, 2, '3'));

        expect(await singleRollout(driver.cluster, workload)).toMatchObject({ state: 'complete', image: image('3') });
      });

      test('sets an image of which no revision is kept', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));

        await driver.cluster.rollback(rollback(workload, 1, '0'));
        await driver.settleRollout(workload);

        const rollout = await singleRollout(driver.cluster, workload);
        expect(rollout).toMatchObject({ state: 'complete', image: image('0'), requestId: 'rollback-1' });
      });

      test('does not know a deployment that does not exist', async ({ cluster }, workload) => {
        await expect(cluster.rollback(rollback(workload, 1, '1'))).rejects.toThrow(NotFoundError);
      });
    });

    describe('of several containers', () => {
      const before = { web: image('1'), envoy: image('1') };
      const inContainers = <Made extends Release | Rollback>(change: Made, ...containers: ContainerImage[]): Made => ({
        ...change,
        containers,
      });
      const imagesOf = async (driver: ClusterDriver, workload: Workload): Promise<Record<string, string>> => {
        const { containers } = await driver.cluster.rollout(workload);
        return Object.fromEntries(containers.map(({ name, image: found }) => [name, found]));
      };
      const web = (tag: string): ContainerImage => ({ name: 'web', image: image(tag) });
      const envoy = (tag: string): ContainerImage => ({ name: 'envoy', image: image(tag) });

      test('one is changed, and the others stay', async (driver, workload) => {
        await driver.givenSeveral(workload, before);

        await releaseAndSettle(driver, inContainers(release(workload, 1, '2'), web('2')));

        expect(await imagesOf(driver, workload)).toEqual({ web: image('2'), envoy: image('1') });
        const { containers, state } = await driver.cluster.rollout(workload);
        expect(state).toBe('complete');
        expect(Object.fromEntries(containers.map(({ name, requestId }) => [name, requestId]))).toEqual({
          web: 'request-1',
          envoy: undefined,
        });
      });

      test('several are changed at once', async (driver, workload) => {
        await driver.givenSeveral(workload, before);

        await releaseAndSettle(driver, inContainers(release(workload, 1, '2'), web('2'), envoy('3')));

        expect(await imagesOf(driver, workload)).toEqual({ web: image('2'), envoy: image('3') });
        const { containers, state } = await driver.cluster.rollout(workload);
        expect(state).toBe('complete');
        expect(containers.every(({ requestId, isAsChanged }) => requestId === 'request-1' && isAsChanged)).toBe(true);
      });

      test('an older change to one follows a newer one to another', async (driver, workload) => {
        await driver.givenSeveral(workload, before);
        await driver.cluster.apply(inContainers(release(workload, 2, '2'), envoy('2')));

        await releaseAndSettle(driver, inContainers(release(workload, 1, '2'), web('2')));

        expect(await imagesOf(driver, workload)).toEqual({ web: image('2'), envoy: image('2') });
      });

      test('a change is refused when one of them has a newer one, and changes none', async (driver, workload) => {
        await driver.givenSeveral(workload, before);
        await driver.cluster.apply(inContainers(release(workload, 2, '2'), envoy('2')));

        const older = driver.cluster.apply(inContainers(release(workload, 1, '3'), web('3'), envoy('3')));

        await expect(older).rejects.toThrow(SupersededError);
        expect(await imagesOf(driver, workload)).toEqual({ web: image('1'), envoy: image('2') });
      });

      test('one is rolled back, and what became of another meanwhile stays', async (driver, workload) => {
        await driver.givenSeveral(workload, before);
        await releaseAndSettle(driver, inContainers(release(workload, 1, '2'), envoy('2')));
        await releaseAndSettle(driver, inContainers(release(workload, 2, 'fail-3'), web('fail-3')));

        await driver.cluster.rollback(inContainers({ ...rollback(workload, 2, '1'), revision: '1' }, web('1')));
        await driver.settleRollout(workload);

        expect(await imagesOf(driver, workload)).toEqual({ web: image('1'), envoy: image('2') });
        expect((await driver.cluster.rollout(workload)).state).toBe('complete');
      });

      test('init containers are among them', async (driver, workload) => {
        await driver.givenSeveral(workload, { web: image('1'), migrate: image('1') });
        await releaseAndSettle(
          driver,
          inContainers(release(workload, 1, '2'), web('2'), { ...web('2'), name: 'migrate' }),
        );
        expect(await imagesOf(driver, workload)).toEqual({ web: image('2'), migrate: image('2') });

        await driver.cluster.rollback(
          inContainers(rollback(workload, 1, '1'), web('1'), { name: 'migrate', image: image('1') }),
        );

        expect(await imagesOf(driver, workload)).toEqual({ web: image('1'), migrate: image('1') });
      });

      test('an image has to say which it is for', async (driver, workload) => {
        await driver.givenSeveral(workload, before);

        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(
          /has several containers .*say which/,
        );

        expect(await imagesOf(driver, workload)).toEqual(before);
      });
    });

    describe('guardrails', () => {
      const guardrails = (namespace: string): Guardrails => ({
        namespace,
        adopt: false,
        labels: { team: 'shop', environment: 'production' },
        podSecurity: 'restricted',
        quota: { 'requests.cpu': '4', pods: '50' },
        limits: { default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } },
        access: { group: 'shop', clusterRole: 'edit' },
      });
      const newNamespace = (): string => `contract-${++workloads}`;

      test('give a namespace its quota, once', async ({ cluster }) => {
        const namespace = newNamespace();

        await cluster.applyGuardrails(guardrails(namespace));
        await cluster.applyGuardrails(guardrails(namespace));

        expect(await cluster.quotas(namespace)).toMatchObject([{ hard: { 'requests.cpu': '4', pods: '50' } }]);
      });

      test('let one resource of the quota be raised', async ({ cluster }) => {
        const namespace = newNamespace();
        await cluster.applyGuardrails(guardrails(namespace));
        const [quota] = await cluster.quotas(namespace);

        await cluster.setQuota(namespace, quota?.name ?? '', 'pods', '75');

        expect(await cluster.quotas(namespace)).toMatchObject([{ hard: { 'requests.cpu': '4', pods: '75' } }]);
      });

      test('are not known of a namespace or quota that does not exist', async ({ cluster }) => {
        const namespace = newNamespace();
        await expect(cluster.quotas(namespace)).rejects.toThrow(NotFoundError);
        await cluster.applyGuardrails(guardrails(namespace));

        await expect(cluster.setQuota(namespace, 'no-such-quota', 'pods', '1')).rejects.toThrow(NotFoundError);
      });
    });

    test('answers a ping', async ({ cluster }) => {
      await expect(cluster.ping()).resolves.toBeUndefined();
    });
  });
}
