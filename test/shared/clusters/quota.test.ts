import { describe, expect, it } from 'vitest';
import { profileOf } from '../../../shared/clusters/guardrails.ts';
import type { NamespaceRecord } from '../../../shared/clusters/inventory.ts';
import { decideRaise, raiseTermsOf, withRaise } from '../../../shared/clusters/quota.ts';
import { parseConfig } from '../../../shared/config.ts';
import { GUARDRAILS_NAME } from '../../../shared/ports/cluster.ts';

const config = parseConfig({
  profiles: {
    staging: { quota: { pods: '5' }, quotaCap: { pods: '11', 'requests.cpu': '3', 'requests.memory': '4Gi' } },
  },
});
const profile = profileOf(config, 'staging');
const record: NamespaceRecord = {
  ...{ cluster: 'default', namespace: 'shop', team: 'web', environment: 'staging', profile: 'staging' },
  ...{ at: 0, by: 'created', raised: {} },
};
const report = { by: 'report', quotaName: GUARDRAILS_NAME, resource: 'pods', hard: '5' };
const terms = { kind: 'terms', record, cap: '11', step: 1.5 } as const;

describe('the terms of a raise', () => {
  it('are the step and the cap of the profile', () => {
    expect(raiseTermsOf(report, record, profile)).toEqual(terms);
  });

  it.each([
    ['a namespace that nobody created', report, undefined, profile, 'its environment is not known'],
    ['production', report, { ...record, environment: 'production' as const }, profile, 'production'],
    ['a quota of others', { ...report, quotaName: 'theirs' }, record, profile, "'theirs' is not ours"],
    ['a resource without a cap', { ...report, resource: 'secrets' }, record, profile, "no cap for 'secrets'"],
    ['a resource that every object has', { ...report, resource: 'toString' }, record, profile, "no cap for 'toString'"],
    ['a profile that is gone', report, record, undefined, "'staging' has no cap"],
  ])('are refused for %s', (_, asked, found, known, why) => {
    expect(raiseTermsOf(asked, found, known)).toEqual({ kind: 'refuse', why: expect.stringContaining(why) });
  });
});

describe('a raise', () => {
  it.each([
    ['pods', '5', '11', '8'],
    ['pods', '10', '11', '11'],
    ['requests.cpu', '333m', '3', '500m'],
    ['requests.memory', '1Gi', '4Gi', '1536Mi'],
  ])('of %s from %s with a cap of %s goes to %s', (resource, hard, cap, raised) => {
    expect(decideRaise({ ...report, resource, hard }, { ...terms, cap }, hard)).toEqual({
      kind: 'raise',
      hard: raised,
    });
  });

  it('is refused for a resource that our quota does not limit', () => {
    expect(decideRaise(report, terms, undefined)).toMatchObject({ kind: 'refuse' });
  });

  it('is refused at the cap', () => {
    expect(decideRaise({ ...report, hard: '11' }, terms, '11')).toEqual({
      kind: 'refuse',
      why: 'it is at its cap of 11',
    });
  });

  it('is ignored when the quota is larger than was reported', () => {
    expect(decideRaise(report, terms, '6')).toEqual({ kind: 'ignore' });
  });

  it('is decided again when the same report was cut off after it raised the quota', () => {
    const raised = withRaise(record, 'pods', '8', report.by);

    expect(decideRaise(report, { ...terms, record: raised }, '8')).toMatchObject({ kind: 'raise' });
    expect(decideRaise({ ...report, by: 'other' }, { ...terms, record: raised }, '8')).toEqual({ kind: 'ignore' });
  });
});

describe('the record of a raise', () => {
  it('is kept when the same report, or a higher raise, is in it', () => {
    const raised = withRaise(record, 'pods', '8', 'a');

    expect(withRaise(raised, 'pods', '11', 'a')).toBe(raised);
    expect(withRaise(raised, 'pods', '8', 'b')).toBe(raised);
  });

  it('is replaced by a higher one, and says nothing of other resources', () => {
    const raised = withRaise(withRaise(record, 'pods', '8', 'a'), 'services', '2', 'a');

    expect(withRaise(raised, 'pods', '11', 'b').raised).toEqual({
      pods: { hard: '11', by: 'b' },
      services: { hard: '2', by: 'a' },
    });
  });
});
