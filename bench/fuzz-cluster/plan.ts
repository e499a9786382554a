/** What is asked for, in which order, and when the host is killed: the same for the same seed. */
import type { NamedImage } from '../../shared/releases/containers.ts';
import { seeded } from '../../test/support/seeded.ts';

/** The containers of each Deployment. */
export const CONTAINERS = ['web', 'side'] as const;

export interface PlannedRequest {
  readonly id: string;
  readonly deployment: string;
  /** Of containers that the Deployment has. */
  readonly containers: readonly NamedImage[];
  /** Whether the namespace is one that the configuration does not list. */
  readonly isElsewhere: boolean;
  /** How much older than its sending it says that it is. */
  readonly ageMs: number;
  /** How often it is sent again, each time as another message. */
  readonly duplicates: number;
  /** How long after the one before it is sent. */
  readonly afterMs: number;
  /** Whether the host is killed right after it was sent. */
  readonly isKill: boolean;
}

interface PlanOptions {
  readonly requests: number;
  readonly deployments: readonly string[];
  readonly repository: string;
  readonly tags: readonly string[];
  readonly seed: number;
}

/** One in so many. */
const RARE = { bad: 4, several: 5, missing: 15, elsewhere: 20, old: 8, twice: 4, kill: 6 };
const MAX_AFTER_MS = 1_500;

export function planOf({ requests, deployments, repository, tags, seed }: PlanOptions): PlannedRequest[] {
  const random = seeded(seed);
  const isOneIn = (many: number): boolean => random() < 1 / many;
  const oneOf = <T>(all: readonly [T, ...T[]] | readonly T[]): T => {
    const found = all[Math.floor(random() * all.length)];
    if (found === undefined) throw new Error('there is nothing to choose from');
    return found;
  };
  return Array.from({ length: requests }, (_, n): PlannedRequest => {
    const tag = (): string => (isOneIn(RARE.bad) ? `fail-${n}` : oneOf(tags));
    const containers = isOneIn(RARE.several) ? CONTAINERS : [oneOf(CONTAINERS)];
    return {
      id: `request-${n}`,
      deployment: isOneIn(RARE.missing) ? 'missing' : oneOf(deployments),
      containers: containers.map((name) => ({ name, image: `${repository}:${tag()}` })),
      isElsewhere: isOneIn(RARE.elsewhere),
      ageMs: isOneIn(RARE.old) ? Math.floor(random() * 60_000) : 0,
      duplicates: isOneIn(RARE.twice) ? 1 + Math.floor(random() * 2) : 0,
      afterMs: Math.floor(random() * MAX_AFTER_MS),
      isKill: isOneIn(RARE.kill),
    };
  });
}
