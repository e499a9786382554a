import { describe, expect, it } from 'vitest';
import { catalog } from '../../shared/events/catalog.ts';
import { ERRORS_QUEUE, routeOf, subscriptionOf, topicOf, topology } from '../../shared/topology.ts';

describe('topology', () => {
  it('has a topic for each event, with duplicate detection and fourteen days to live', () => {
    expect(topology.topics.map(({ subscriptions: _, ...topic }) => topic)).toEqual(
      [...catalog].map(([type, { definition }]) => ({
        name: topicOf(type),
        type,
        sender: definition.sender,
        timeToLiveSeconds: 14 * 24 * 3600,
        duplicateDetectionSeconds: 600,
      })),
    );
  });

  it('has a subscription for each handler, which takes all but what is addressed to another alone', () => {
    expect(topology.topics.find(({ name }) => name === 'deployment-rolled-back')?.subscriptions).toEqual([
      {
        name: 'deployment-rolled-back',
        lockSeconds: 60,
        maxDeliveryCount: 100,
        deadLetteringOnMessageExpiration: true,
        forwardDeadLetteredMessagesTo: ERRORS_QUEUE,
        rule: {
          name: 'DeploymentRolledBack',
          sqlFilter: "sys.To IS NULL OR sys.To NOT LIKE 'only:%' OR sys.To = 'only:deployment-rolled-back'",
        },
      },
    ]);
  });

  it('has one queue for errors, which keeps what outlives the time that its sender gave it', () => {
    expect(topology.queues).toEqual([
      {
        name: ERRORS_QUEUE,
        timeToLiveSeconds: 15 * 24 * 3600,
        lockSeconds: 60,
        maxDeliveryCount: 2_147_483_647,
        deadLetteringOnMessageExpiration: true,
      },
    ]);
  });

  it('has names that Service Bus takes', () => {
    const subscriptions = topology.topics.flatMap((topic) => topic.subscriptions);

    // https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
    for (const { name, rule } of subscriptions) {
      expect(name).toMatch(/^[a-z0-9-]{1,50}$/);
      expect(rule.name).toMatch(/^[A-Za-z0-9]{1,50}$/);
      expect(rule.sqlFilter.length).toBeLessThanOrEqual(1024);
    }
    for (const { name } of topology.topics) expect(name).toMatch(/^[a-z0-9-]{1,260}$/);
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
  it.each([...catalog.keys()])('routes %s to a subscription that there is', (type) => {
    const route = routeOf(type);

    expect(route).toEqual({ topic: topicOf(type), subscription: subscriptionOf(type) });
    const topic = topology.topics.find(({ name }) => name === route?.topic);
    expect(topic?.subscriptions.filter(({ name }) => name === route?.subscription)).toHaveLength(1);
  });

  it.each(['Unknown', 'constructor', '__proto__'])('knows no way for %s', (type) => {
    expect(routeOf(type)).toBeUndefined();
  });
});
