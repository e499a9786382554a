/**
 * Whether a fact about a release is one that this app has published. The record of the release says what was published:
 * each step of it names the event that was being handled, and the id of what follows is derived from that.
 */
import type { PlatformEvent } from '../events/catalog.ts';
import { targetOf } from '../events/deployment-target.ts';
import { type Derivation, isDerived } from '../events/identity.ts';
import type { Expectation } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { phaseOf, type ReleaseRecord, releaseKeyOf, releaseOf, stepTo } from './release-record.ts';
import { askedRollbacks } from './rollback-requests.ts';
import { blameOf } from './suspects.ts';
import { readTarget } from './target-store.ts';

type Fact<Type extends PlatformEvent['type']> = Extract<PlatformEvent, { type: Type }>;

export const expectsStarted: Expectation<Fact<'DeploymentStarted'>> = expectation((release, { type }) =>
  following(stepTo(release, 'requested')?.by, { type, handler: 'deployment-requested' }),
);

export const expectsCompleted: Expectation<Fact<'DeploymentCompleted'>> = expectation((release, { type }) =>
  following(stepTo(release, 'completed')?.by, { type, handler: 'deployment-started' }),
);

export const expectsRolledBack: Expectation<Fact<'DeploymentRolledBack'>> = expectation((release, { type }) =>
  following(stepTo(release, 'rolled-back')?.by, { type, handler: 'deployment-failed' }),
);

/**
 * A release fails by its own request, by a newer one, by its rollout, because it is blamed for a burning budget, or because
 * somebody asks for its rollback.
 */
export const expectsFailed: Expectation<Fact<'DeploymentFailed'>> = expectation(
  async (release, { type, data }, state) => {
    const { key, steps } = release;
    if (data.reason === 'RollbackRequested') return askedRollbacks(state, release);
    if (data.reason === 'SLOViolation') {
      return following(await blameOf(state, key), { type, handler: 'slo-violation', key });
    }
    return steps.flatMap((step) => {
      if (step.to !== 'failed' || step.reason !== data.reason) return [];
      return [
        ...following(step.by, { type, handler: 'deployment-started' }),
        ...following(step.by, { type, handler: 'deployment-requested', key }),
      ];
    });
  },
);

/** @param publishedOf what was published about a release, of the event's type */
function expectation<Event extends Fact<`Deployment${'Started' | 'Completed' | 'Failed' | 'RolledBack'}`>>(
  publishedOf: (
    release: ReleaseRecord,
    event: Event,
    state: StateStore,
  ) => readonly Derivation[] | Promise<readonly Derivation[]>,
): Expectation<Event> {
  return {
    sharesReads: true,
    async foundInstead(event, state) {
      const { data } = event;
      const target = targetOf(data);
      const key = releaseKeyOf(data);
      if (key === undefined) return "it does not say which source its request came from ('data.requestSource')";
      const record = await readTarget(state, target);
      const release = record && releaseOf(record, key);
      if (!release) return `${target} has no release for the request '${data.requestId}' of ${data.requestSource}`;
      const published = await publishedOf(release, event, state);
      if (published.some((derivation) => isDerived(event, derivation))) return undefined;
      const { image } = release.data;
      return `the release of ${image} on ${target} is '${phaseOf(release)}', and did not come to it by this event`;
    },
  };
}

function following(parent: string | undefined, by: Omit<Derivation, 'parent'>): readonly Derivation[] {
  return parent === undefined ? [] : [{ parent, ...by }];
}
