import { describe, expect, it } from 'vitest';
import { catalog, families } from '../../shared/events/catalog.ts';
import { ERRORS_QUEUE, routeOf, subscriptionOf, topicOf, topology } from '../../shared/topology.ts';

describe('topology', () => {
  it('has a topic for each family, with duplicate detection and fourteen days to live', () => {
    expect(topology.topics.map(({ subscriptions: _, ...topic }) => topic)).toEqual(
      ['deployment-events', 'infrastructure-events', 'platform-events'].map((name) => ({
        name,
        timeToLiveSeconds: 14 * 24 * 3600,
        duplicateDetectionSeconds: 600,
      })),
    );
  });

  it('has a subscription for each event, which takes its own type unless addressed to another', () => {
    const ofDeployments = topology.topics[0]?.subscriptions ?? [];

    expect(ofDeployments.find(({ name }) => name === 'deployment-rolled-back')).toEqual({
      name: 'deployment-rolled-back',
      lockSeconds: 60,
      maxDeliveryCount: 100,
      deadLetteringOnMessageExpiration: true,
      forwardDeadLetteredMessagesTo: ERRORS_QUEUE,
      rule: {
        name: 'DeploymentRolledBack',
        sqlFilter: "sys.Label = 'DeploymentRolledBack' AND (sys.To IS NULL OR sys.To = 'deployment-rolled-back')",
      },
    });
    expect(topology.topics.map(({ subscriptions }) => subscriptions.map(({ name }) => name))).toEqual(
      Object.values(families).map((family) => [
        ...Object.values(family).map(({ type }) => subscriptionOf(type)),
        'unrouted',
      ]),
    );
  });

  it('has names that Service Bus takes', () => {
    const subscriptions = topology.topics.flatMap((topic) => topic.subscriptions);

    // https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
    for (const { name, rule } of subscriptions) {
      expect(name).toMatch(/^[a-z0-9-]{1,50}$/);
      expect(rule.name).toMatch(/^[A-Za-z0-9]{1,50}$/);
      expect(rule.sqlFilter.length).toBeLessThanOrEqual(1024);
    }
    for (const { name } of topology.topics) expect(new Set(subscriptions.map((s) => s.name)).has(name)).toBe(false);
  });
});

it.each([
  ['DeploymentRolledBack', 'deployment-rolled-back'],
  ['SLOViolation', 'slo-violation'],
  ['HealthCheck', 'health-check'],
  ['PodOOMKilled', 'pod-oom-killed'],
  ['Http2Failed', 'http2-failed'],
])('calls the subscription of %s %s', (type, name) => {
  expect(subscriptionOf(type)).toBe(name);
});

describe('routeOf', () => {
  it.each([...catalog])('routes %s to a subscription that there is', (type, { family }) => {
    const route = routeOf(type);

    expect(route).toEqual({ topic: topicOf(family), subscription: subscriptionOf(type) });
    const topic = topology.topics.find(({ name }) => name === route?.topic);
    expect(topic?.subscriptions.filter(({ name }) => name === route?.subscription)).toHaveLength(1);
  });

  it.each(['Unknown', 'constructor', '__proto__'])('knows no way for %s', (type) => {
    expect(routeOf(type)).toBeUndefined();
  });
});
