/** What every Cluster must do, whatever is behind it. The driver plays the people and controllers around it. */
import { describe, expect, it } from 'vitest';
import { NotFoundError, SupersededError } from '../../shared/errors.ts';
import type { Cluster, Guardrails, Release, Rollback, Workload } from '../../shared/ports/cluster.ts';

export interface ClusterDriver {
  readonly cluster: Cluster;
  /** Makes a deployment as somebody else would: it runs the image, complete, and bears none of our marks. */
  given(workload: Workload, image: string, replicas: number): Promise<void>;
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
  return { ...workload, image: image(tag), requestId, rank, changeCause: `${requestId}: ${tag}`, replicas };
}

/** The rollback of the nth request. */
function rollback(workload: Workload, n: number, tag: string): Rollback {
  const requestId = `rollback-${n}`;
  const rank = `2026-03-01T12:00:0${n}.000Z/request-${n}/rollback`;
  return { ...workload, image: image(tag), requestId, rank, changeCause: `${requestId}: back to ${tag}` };
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

        const rollout = await cluster.rollout(workload);

        expect(rollout).toMatchObject({ state: 'complete', image: image('1'), replicas: 3, requestId: undefined });
      });

      test('rolls the image out and marks it with the request', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await driver.cluster.apply(release(workload, 1, '2'));
        const before = await driver.cluster.rollout(workload);
        await driver.settleRollout(workload);
        const after = await driver.cluster.rollout(workload);

        expect(before).toMatchObject({ state: 'progressing', image: image('2'), requestId: 'request-1' });
        expect(after).toMatchObject({ state: 'complete', image: image('2'), requestId: 'request-1', replicas: 2 });
        expect(after.revision).toMatch(/^[0-9]+$/);
      });

      test('changes nothing when it is repeated', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, '2'));
        const before = await driver.cluster.rollout(workload);

        await driver.cluster.apply(release(workload, 1, '2'));

        expect(await driver.cluster.rollout(workload)).toEqual(before);
      });

      test('refuses a request that is older than the one it bears', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 2, '3'));
        const before = await driver.cluster.rollout(workload);

        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(SupersededError);

        expect(await driver.cluster.rollout(workload)).toEqual(before);
      });

      test('lets the newest win when two are applied at once', async ({ cluster, given }, workload) => {
        await given(workload, image('1'), 2);

        const [older] = await Promise.allSettled([
          cluster.apply(release(workload, 1, '2')),
          cluster.apply(release(workload, 2, '3')),
        ]);

        // The older one may have come first, and then it was applied; it may not have the last word.
        if (older.status === 'rejected') expect(older.reason).toBeInstanceOf(SupersededError);
        expect(await cluster.rollout(workload)).toMatchObject({ image: image('3'), requestId: 'request-2' });
      });

      test('is complete at once when the image runs already', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, '2'));

        await releaseAndSettle(driver, release(workload, 2, '2'));

        const rollout = await driver.cluster.rollout(workload);
        expect(rollout).toMatchObject({ state: 'complete', image: image('2'), requestId: 'request-2' });
      });

      test('sets replicas when asked and else leaves them', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await releaseAndSettle(driver, release(workload, 1, '2', 4));
        const scaled = await driver.cluster.rollout(workload);
        await releaseAndSettle(driver, release(workload, 2, '3'));
        const left = await driver.cluster.rollout(workload);

        expect([scaled.replicas, left.replicas]).toEqual([4, 4]);
      });

      test('says when a rollout fails, and why', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await releaseAndSettle(driver, release(workload, 1, 'fail-2'));

        const rollout = await driver.cluster.rollout(workload);
        expect(rollout).toMatchObject({ state: 'failed', image: image('fail-2'), requestId: 'request-1' });
        expect(rollout.message).not.toBe('');
      });

      test('keeps workloads apart', async (driver, workload) => {
        const other = newWorkload();
        await driver.given(workload, image('1'), 2);
        await driver.given(other, image('1'), 2);

        await releaseAndSettle(driver, release(workload, 1, '2'));

        expect(await driver.cluster.rollout(other)).toMatchObject({ image: image('1'), requestId: undefined });
      });

      if (features.createsDeployments) {
        test('creates a deployment that does not exist', async (driver, workload) => {
          await releaseAndSettle(driver, release(workload, 1, '1', 2));

          expect(await driver.cluster.rollout(workload)).toMatchObject({ state: 'complete', image: image('1') });
        });
      } else {
        test('does not know a deployment that does not exist', async ({ cluster }, workload) => {
          await expect(cluster.apply(release(workload, 1, '1'))).rejects.toThrow(NotFoundError);
        });
      }

      test('has no rollout of a deployment that does not exist', async ({ cluster }, workload) => {
        await expect(cluster.rollout(workload)).rejects.toThrow(NotFoundError);
      });
    });

    describe('rollback', () => {
      test('returns to the image before and marks the rollback', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, 'fail-2'));

        await driver.cluster.rollback(rollback(workload, 1, '1'));
        await driver.settleRollout(workload);

        const rollout = await driver.cluster.rollout(workload);
        expect(rollout).toMatchObject({ state: 'complete', image: image('1'), requestId: 'rollback-1', replicas: 2 });
      });

      test('returns to the image it is told, past one that came between', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await releaseAndSettle(driver, release(workload, 2, 'fail-3'));

        await driver.cluster.rollback(rollback(workload, 2, '1'));

        expect((await driver.cluster.rollout(workload)).image).toBe(image('1'));
      });

      test('changes nothing when it is repeated', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await releaseAndSettle(driver, release(workload, 1, 'fail-2'));
        await driver.cluster.rollback(rollback(workload, 1, '1'));
        await driver.settleRollout(workload);
        const before = await driver.cluster.rollout(workload);

        await driver.cluster.rollback(rollback(workload, 1, '1'));

        expect(await driver.cluster.rollout(workload)).toEqual(before);
      });

      test('is refused after a newer request', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await driver.cluster.apply(release(workload, 2, '3'));

        await expect(driver.cluster.rollback(rollback(workload, 1, '1'))).rejects.toThrow(SupersededError);

        expect((await driver.cluster.rollout(workload)).image).toBe(image('3'));
      });

      test('keeps a late apply of the failed request out', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await driver.cluster.rollback(rollback(workload, 1, '1'));

        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(SupersededError);

        expect((await driver.cluster.rollout(workload)).image).toBe(image('1'));
      });

      test('keeps it out even when nothing had been applied yet', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);

        await driver.cluster.rollback(rollback(workload, 1, '1'));
        // Kubernetes counts new marks as a new generation, which its controller has to take up first.
        await driver.settleRollout(workload);
        const rollout = await driver.cluster.rollout(workload);

        expect(rollout).toMatchObject({ state: 'complete', image: image('1'), requestId: 'rollback-1' });
        await expect(driver.cluster.apply(release(workload, 1, '2'))).rejects.toThrow(SupersededError);
      });

      test('gives way to the next request', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));
        await driver.cluster.rollback(rollback(workload, 1, '1'));

        await releaseAndSettle(driver, release(workload, 2, '3'));

        expect(await driver.cluster.rollout(workload)).toMatchObject({ state: 'complete', image: image('3') });
      });

      test('does not know an image that never ran', async (driver, workload) => {
        await driver.given(workload, image('1'), 2);
        await driver.cluster.apply(release(workload, 1, '2'));

        await expect(driver.cluster.rollback(rollback(workload, 1, '0'))).rejects.toThrow(NotFoundError);

        expect((await driver.cluster.rollout(workload)).image).toBe(image('2'));
      });

      test('does not know a deployment that does not exist', async ({ cluster }, workload) => {
        await expect(cluster.rollback(rollback(workload, 1, '1'))).rejects.toThrow(NotFoundError);
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
