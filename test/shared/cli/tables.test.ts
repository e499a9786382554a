/** Deployments and services as people see them on a terminal. */
import { describe, expect, it } from 'vitest';
import type { DeploymentEntry } from '../../../shared/api/deployments.ts';
import type { ServiceEntry } from '../../../shared/api/services.ts';
import { deploymentsTable } from '../../../shared/cli/deployments.ts';
import { servicesTable } from '../../../shared/cli/services.ts';

const since = '2026-03-01T12:00:00.000Z';
const place = { cluster: 'default', namespace: 'shop', knownGoodImages: {} };
const counts = { deployed: 1, completed: 1, failed: 0, rework: 0, rolledBack: 0 };
const ids = { requestId: 'r', requestSource: '/ci', correlationId: 'c' };
const release = { ...ids, phase: 'completed', isOver: true, since, image: 'ghcr.io/shop/web:1' } as const;
const target = (deployment: string, newest?: DeploymentEntry['newest']): DeploymentEntry => ({
  ...{ ...place, ...counts, deployment, target: `default/shop/${deployment}`, newest },
});
const web = target('web', release);

describe('deployments', () => {
  it('show where the newest release stands, its image, and why it failed', () => {
    const failed = { phase: 'failed', reason: 'Frozen', message: 'the budget\u001b is spent' } as const;
    const api = target('api', { ...release, ...failed, image: 'ghcr.io/shop/api:2' });

    expect(deploymentsTable([web, api, target('new')], 80).split('\n')).toEqual([
      'PHASE      SINCE (UTC)       DEPLOYMENT',
      'completed  2026-03-01 12:00  default/shop/web',
      '    ghcr.io/shop/web:1',
      'failed     2026-03-01 12:00  default/shop/api',
      '    ghcr.io/shop/api:2',
      '    Frozen: the budget is spent',
      '-          -                 default/shop/new',
    ]);
  });

  it('fit in the terminal, however long their names and digests are', () => {
    const long = target('x'.repeat(300), { ...release, image: `a@sha256:${'0'.repeat(64)}` });
    const widest = Math.max(
      ...deploymentsTable([long], 80)
        .split('\n')
        .map(({ length }) => length),
    );

    expect(widest).toBe(80);
    expect(deploymentsTable([], 80)).toBe('no deployment matches');
  });
});

describe('services', () => {
  const objective = { slo: 'availability', target: 0.9995, window: '30d', errorBudgetRemaining: 0.5 };
  const well = { ...objective, alerts: [] };
  const checkout: ServiceEntry = { service: 'checkout', objectives: [well], checkedAt: since };

  it('show each objective with its worst alert, and each freeze with its reason', () => {
    const burning: typeof checkout.objectives = [
      { ...objective, alerts: ['ticket', 'page'], errorBudgetRemaining: -0.1 },
    ];
    const scope = { slo: 'availability', clusters: ['*'], namespaces: ['*'] };
    const freeze = { ...scope, since, reason: 'the budget of availability is spent' };

    expect(
      servicesTable([checkout, { ...checkout, service: 'pay', objectives: burning, freeze }], 120).split('\n'),
    ).toEqual([
      'SERVICE   STATE   OBJECTIVE                      BUDGET',
      'checkout  ok      availability 99.95 % over 30d  50 % left',
      'pay       page    availability 99.95 % over 30d  overspent: 110 % used',
      'pay       frozen  since 2026-03-01 12:00         the budget of availability is spent',
    ]);
  });

  it('are not well before their first check, whatever their budget', () => {
    const { checkedAt: _, ...unchecked } = checkout;

    expect(servicesTable([unchecked], 80)).toMatch(/checkout {2}unknown .* never checked$/);
    expect(servicesTable([], 80)).toBe('no service matches');
  });
});
