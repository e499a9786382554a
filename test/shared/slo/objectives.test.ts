import { describe, expect, it } from 'vitest';
import { serviceOf, teamOf } from '../../../shared/config/service-lookup.ts';
import { parseConfig } from '../../../shared/config.ts';
import { warningsOf } from '../../../shared/slo/config-warnings.ts';
import { objectivesFor, objectivesOf } from '../../../shared/slo/objectives.ts';

const config = parseConfig({
  clusters: { default: {}, 'prod-eu': {}, 'prod-us': {} },
  services: [
    {
      name: 'web',
      team: 'shop',
      workloads: ['prod-*/shop/web', 'prod-*/shop/web-*'],
      objectives: [
        { slo: 'availability', target: 0.999, clusters: ['prod-*'], namespaces: ['shop'] },
        { slo: 'latency', target: 0.99, clusters: ['prod-*'] },
        { slo: 'staging', target: 0.9, clusters: ['default'], namespaces: ['*'] },
      ],
    },
    { name: 'search', objectives: [{ target: 0.99 }] },
  ],
});

describe('a check counts for', () => {
  it.each([
    ['all of its place', { cluster: 'prod-eu', namespace: 'shop' }, ['availability', 'latency']],
    ['the one that it names', { slo: 'latency', cluster: 'prod-eu', namespace: 'shop' }, ['latency']],
    ['none that it names elsewhere', { slo: 'latency', cluster: 'default', namespace: 'shop' }, []],
    ['none that there is not', { slo: 'freshness', cluster: 'prod-eu' }, []],
    ["those of the cluster 'default', when it names none", {}, ['staging']],
    ['those of every namespace, when it names none', { cluster: 'prod-us' }, ['latency']],
    ['none of another namespace', { slo: 'availability', cluster: 'prod-us', namespace: 'shop-test' }, []],
  ])('%s', (_, place, expected) => {
    expect(objectivesFor(config, { service: 'web', ...place }).map(({ slo }) => slo)).toEqual(expected);
  });

  it('none of a service that the configuration does not name', () => {
    expect(objectivesFor(config, { service: 'odd' })).toEqual([]);
  });
});

describe('the service of a workload', () => {
  it.each([
    ['is the one whose pattern it fits', 'prod-eu/shop/web-canary', undefined, 'web'],
    ['is the one that the configuration says, whatever the event says', 'prod-eu/shop/web', 'search', 'web'],
    ['is by default the one of its name', 'default/any/search', undefined, 'search'],
    ['is none where the patterns leave it out, though it has its name', 'default/shop/web', undefined, undefined],
    ['is none where only the event says so', 'default/shop/decoy', 'web', undefined],
    ['may be one that the configuration does not know', 'default/shop/decoy', 'decoys', 'decoys'],
  ])('%s', (_, target, claimed, expected) => {
    const [cluster = '', namespace = '', deployment = ''] = target.split('/');

    expect(serviceOf(config, { cluster, namespace, deployment, service: claimed })).toBe(expected);
  });

  it('belongs to a team', () => {
    expect(['web', 'search', 'odd', undefined].map((service) => teamOf(config, service))).toEqual([
      'shop',
      undefined,
      undefined,
      undefined,
    ]);
  });
});

it('the objectives of a service have safe defaults', () => {
  expect(objectivesOf(config, 'search')).toEqual([
    {
      ...{ slo: 'availability', target: 0.99, window: '30d', minFailures: 5, clusters: ['*'], namespaces: ['*'] },
      rollbackOnPage: 'off',
    },
  ]);
});

describe('a target for which no page can fire', () => {
  const warningFor = (target: number, window: string): string[] =>
    warningsOf(parseConfig({ services: [{ name: 'web', objectives: [{ target, window }] }] }));

  it('is warned of, with what to use', () => {
    expect(warningFor(0.8, '30d')).toEqual([
      "objective 'availability' of web: no page can fire for a target of 0.8: when every event is bad its budget burns 5 times too fast, and pages begin at 6; use 0.834 or more (0.931 or more to be paged within the hour)",
    ]);
    expect(warningFor(0.82, '28d')).toEqual([expect.stringContaining('use 0.822 or more (0.926 or more')]);
  });

  it.each([
    [0.834, '30d'],
    [0.822, '28d'],
    [0.999, '30d'],
  ])('is not %s over %s', (target, window) => {
    expect(warningFor(target, window)).toEqual([]);
  });
});
