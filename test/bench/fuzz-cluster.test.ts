/** What `npm run bench -- fuzz-cluster` asks for, and what it calls an end. The whole of it runs in `test/e2e/`. */
import { describe, expect, it } from 'vitest';
import { Ends, type Fact, isWrong } from '../../bench/fuzz-cluster/ends.ts';
import { CONTAINERS, planOf } from '../../bench/fuzz-cluster/plan.ts';

const options = { requests: 300, deployments: ['a', 'b'], repository: 'r', tags: ['1', '2'] };

describe('the plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planOf({ ...options, seed: 1 })).toEqual(planOf({ ...options, seed: 1 }));
    expect(planOf({ ...options, seed: 1 })).not.toEqual(planOf({ ...options, seed: 2 }));
  });

  it('has requests of every kind, and kills', () => {
    const plan = planOf({ ...options, seed: 1 });

    const kinds = {
      bad: plan.filter(({ containers }) => containers.some(({ image }) => image.startsWith('r:fail-'))),
      several: plan.filter(({ containers }) => containers.length === CONTAINERS.length),
      missing: plan.filter(({ deployment }) => deployment === 'missing'),
      elsewhere: plan.filter(({ isElsewhere }) => isElsewhere),
      old: plan.filter(({ ageMs }) => ageMs > 0),
      twice: plan.filter(({ duplicates }) => duplicates > 0),
      kills: plan.filter(({ isKill }) => isKill),
    };
    for (const [kind, { length }] of Object.entries(kinds)) expect(length, kind).toBeGreaterThan(5);
    expect(new Set(plan.map(({ id }) => id)).size).toBe(plan.length);
  });
});

describe('the end of a request', () => {
  const fact = (type: string, id: string, reason?: string): Fact => ({
    ...{ type, id, source: '/handlers/x' },
    data: { requestId: 'r', ...(reason !== undefined && { reason }) },
  });
  const [completed, failed, back] = [
    fact('DeploymentCompleted', '1'),
    fact('DeploymentFailed', '2', 'DeadlineExceeded'),
    fact('DeploymentRolledBack', '3'),
  ];

  it.each<[string, readonly Fact[], boolean]>([
    ['completed', [completed], false],
    ['completed', [completed, completed], false],
    ['DeadlineExceeded', [failed], false],
    ['DeadlineExceeded, rolled back', [failed, back], false],
    ['no end', [], true],
    ['no end', [fact('DeploymentStarted', '0')], true],
    ['no end', [back], true],
    ['two ends: DeploymentCompleted, DeploymentFailed', [completed, failed], true],
    ['two ends: DeploymentCompleted, DeploymentCompleted', [completed, fact('DeploymentCompleted', '9')], true],
    ['two ends: DeploymentCompleted, DeploymentRolledBack', [completed, back], true],
    [
      'two ends: DeploymentFailed, DeploymentRolledBack, DeploymentRolledBack',
      [failed, back, fact('DeploymentRolledBack', '9')],
      true,
    ],
  ])('is %s', (end, facts, wrong) => {
    const ends = new Ends();
    for (const one of facts) ends.add(one);

    expect(ends.of('r')).toBe(end);
    expect(isWrong(ends.of('r'))).toBe(wrong);
  });

  it('counts what was delivered again', () => {
    const ends = new Ends();
    for (const one of [completed, completed, failed, completed]) ends.add(one);

    expect(ends.repeated).toBe(2);
  });
});
