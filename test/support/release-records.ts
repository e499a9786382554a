/** Records of releases as they are after some steps, and what a cluster shows, for what is decided by them alone. */
import type { Rollout, RunningContainer } from '../../shared/ports/cluster.ts';
import type { KnownGoodImage, ReleaseRecord, ReleaseStep, TargetRecord } from '../../shared/releases/release-record.ts';
import { sampleData } from './events.ts';

const good = { image: 'ghcr.io/shop/web:0' };
const nothing = { count: 0, seconds: 0 };

/** Steps with all that they must have; `at` is the place in the row, in seconds. */
const STEPS: { readonly [To in ReleaseStep['to']]: Extract<ReleaseStep, { to: To }> } = {
  requested: { to: 'requested', at: 0, by: 'request' },
  started: { to: 'started', at: 0, by: 'request', deadline: 1e9 },
  completed: { to: 'completed', at: 0, by: 'start', images: [], replicas: 2 },
  failed: { to: 'failed', at: 0, by: 'start', reason: 'DeadlineExceeded', message: 'not ready' },
  'rolling-back': { to: 'rolling-back', at: 0, by: 'failure', images: [{ name: 'web', ...good }], deadline: 1e9 },
  'rolled-back': { to: 'rolled-back', at: 0, by: 'failure', images: [{ name: 'web', ...good }] },
  closed: { to: 'closed', at: 0, by: 'end' },
};

/** A release that came to all these, one second after the other, the first at its `from`. */
export function releaseAfter(
  key: string,
  to: readonly (ReleaseStep['to'] | ReleaseStep)[],
  { from = 0, ...more }: Partial<ReleaseRecord> & { readonly from?: number } = {},
): ReleaseRecord {
  const steps = to.map((one, index): ReleaseStep => {
    const at = from + index * 1_000;
    if (one === 'completed')
      return { ...STEPS.completed, at, images: [{ name: 'web', image: `ghcr.io/shop/web:${key}` }] };
    return { ...(typeof one === 'string' ? STEPS[one] : one), at };
  });
  return {
    ...{ key, requestId: key, requestSource: '/ci', correlationId: key, rank: key, steps },
    data: { ...sampleData.DeploymentRequested, image: `ghcr.io/shop/web:${key}` },
    ...more,
  };
}

/** A target with these releases, the newest first. */
export function targetWith(releases: readonly ReleaseRecord[], more: Partial<TargetRecord> = {}): TargetRecord {
  const knownGoodImages: Record<string, readonly KnownGoodImage[]> = {};
  return {
    ...{ releases, knownGoodImages, unverified: [], ended: [] },
    doraTotals: {
      ...{ deployed: 0, completed: 0, failed: 0, rework: 0, rolledBack: 0 },
      ...{ leadTime: nothing, recovery: nothing },
    },
    ...more,
  };
}

export const image = (tag: string): string => `ghcr.io/shop/web:${tag}`;
/** Somebody's container `web`, with a tag of the image. */
export const running = (tag: string, more: Partial<RunningContainer> = {}): RunningContainer => ({
  ...{ name: 'web', image: image(tag), isInit: false, requestId: undefined, isAsChanged: false },
  ...more,
});
/** What the cluster shows: complete, unless said otherwise. */
export const seen = (containers: readonly RunningContainer[], more: Partial<Rollout> = {}): Rollout => ({
  ...{ state: 'complete', message: 'as asked for', containers, replicas: 2, revision: '9' },
  ...more,
});
