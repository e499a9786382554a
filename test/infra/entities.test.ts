/** The namespace that the templates make holds the entities of the topology, with its properties, and no others. */
import { describe, expect, it } from 'vitest';
import { ERRORS_QUEUE, topology } from '../../shared/topology.ts';
import { resourceOf, resources, resourcesOf } from '../support/snapshot.ts';

const ENTITIES = 'Microsoft.ServiceBus/namespaces';
const namespace = resourceOf(ENTITIES);
const SECONDS = { D: 86_400, H: 3_600, M: 60, S: 1 };

/** A duration of one unit: `P14D`, `PT10M`. */
function secondsOf(duration: unknown): number {
  const [, days, count, unit] = /^P(?:(\d+)D|T(\d+)([HMS]))$/.exec(String(duration)) ?? [];
  if (days !== undefined) return Number(days) * SECONDS.D;
  return Number(count) * SECONDS[unit as 'H' | 'M' | 'S'];
}

/** The properties of every entity of a type, by their names below the namespace. */
function entities(type: string): Record<string, Readonly<Record<string, unknown>>> {
  return Object.fromEntries(
    resourcesOf(`${ENTITIES}/${type}`).map(({ name, properties }) => [
      name.slice(namespace.name.length + 1),
      properties,
    ]),
  );
}

it('has no entities but these kinds', () => {
  const kinds = new Set(resources.map(({ type }) => type).filter((type) => type.startsWith(`${ENTITIES}/`)));

  expect([...kinds].map((kind) => kind.slice(ENTITIES.length + 1)).sort()).toEqual([
    'queues',
    'topics',
    'topics/subscriptions',
    'topics/subscriptions/rules',
  ]);
});

describe('topics', () => {
  const found = entities('topics');

  it('are those of the topology', () => {
    expect(Object.keys(found).sort()).toEqual(topology.topics.map(({ name }) => name).sort());
  });

  it.each(topology.topics)('$name lives and forgets as computed', ({ name, ...topic }) => {
    const { defaultMessageTimeToLive, duplicateDetectionHistoryTimeWindow, ...others } = found[name] ?? {};

    expect(secondsOf(defaultMessageTimeToLive)).toBe(topic.timeToLiveSeconds);
    expect(secondsOf(duplicateDetectionHistoryTimeWindow)).toBe(topic.duplicateDetectionSeconds);
    expect(others).toEqual({ requiresDuplicateDetection: true });
  });

  it('keep events for 14 days, and know duplicates for 10 minutes', () => {
    for (const topic of Object.values(found)) {
      expect(topic).toMatchObject({ defaultMessageTimeToLive: 'P14D', duplicateDetectionHistoryTimeWindow: 'PT10M' });
    }
  });
});

describe('subscriptions', () => {
  const found = entities('topics/subscriptions');
  const rules = entities('topics/subscriptions/rules');
  const expected = topology.topics.flatMap((topic) =>
    topic.subscriptions.map((subscription) => ({ path: `${topic.name}/${subscription.name}`, subscription })),
  );

  it('are those of the topology, with one rule each', () => {
    const paths = expected.map(({ path }) => path).sort();

    expect(Object.keys(found).sort()).toEqual(paths);
    // The service makes this one itself; beside a rule of another name it would take everything.
    expect(Object.keys(rules).sort()).toEqual(paths.map((path) => `${path}/$Default`));
  });

  it.each(expected)('$path has the properties and the filter as computed', ({ path, subscription }) => {
    const { lockDuration, ...others } = found[path] ?? {};
    const { lockSeconds, name: _, rule, ...computed } = subscription;

    expect(secondsOf(lockDuration)).toBe(lockSeconds);
    expect(others).toEqual(computed);
    expect(rules[`${path}/$Default`]).toEqual({
      filterType: 'SqlFilter',
      sqlFilter: { sqlExpression: rule.sqlFilter },
    });
  });
});

describe('queues', () => {
  const found = entities('queues');

  it('are those of the topology', () => {
    expect(Object.keys(found)).toEqual(topology.queues.map(({ name }) => name));
  });

  it.each(topology.queues)('$name has the properties as computed', ({ name, ...queue }) => {
    const { defaultMessageTimeToLive, lockDuration, ...others } = found[name] ?? {};
    const { timeToLiveSeconds, lockSeconds, ...computed } = queue;

    expect(secondsOf(defaultMessageTimeToLive)).toBe(timeToLiveSeconds);
    expect(secondsOf(lockDuration)).toBe(lockSeconds);
    expect(others).toEqual(computed);
  });

  it('take what is forwarded: errors has no duplicate detection and no sessions, which would refuse it', () => {
    expect(found[ERRORS_QUEUE]).not.toHaveProperty('requiresDuplicateDetection');
    expect(found[ERRORS_QUEUE]).not.toHaveProperty('requiresSession');
  });
});
