import { expect, it } from 'vitest';
import { factsOf, timelineLine } from '../../../shared/terminal/timeline.ts';
import { sampleData } from '../../support/events.ts';

const override = { reason: 'fixes the outage', approvedBy: 'ada' };

it.each([
  ['DeploymentRequested', { image: 'web:2', override }, 'web:2, override by ada: fixes the outage'],
  ['DeploymentStarted', { image: 'web:2', previousImage: 'web:1' }, 'web:1 → web:2'],
  [
    'SLOViolation',
    sampleData.SLOViolation,
    'page: the error budget burns 14.4 times too fast over 1h and 5m; 70 % left',
  ],
  ['ErrorBudgetDepleted', sampleData.ErrorBudgetDepleted, 'the error budget over 30d is overspent: 110 % used'],
  ['ClusterCreated', { clusterName: 'north', region: 'west', version: '1.34.1' }, 'west, 1.34.1'],
  ['OfSomebodyElse', { name: 'north', count: 3, labels: {} }, 'name=north count=3'],
  ['DeploymentRequested', undefined, ''],
])('of %s are in words', (type, data, facts) => {
  expect(factsOf({ type, data })).toContain(facts);
});

it('is one line without control characters, for an event with any contents', () => {
  const data = { reason: 'ClusterError', message: 'first\nsecond\u001b[2J\u009b2J\u202e' };

  const line = timelineLine({ type: 'DeploymentFailed', subject: 'a\r\nb\u001b]0;x\u0007', data }, 0);

  expect(line).toBe('   0.00 s  DeploymentFailed       a b ]0;x  ClusterError: first second [2J 2J');
});
