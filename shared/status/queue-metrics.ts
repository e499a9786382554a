/** The metrics of a reading of the queues: each with its name, its labels and its value, whoever exports them. */
import type { MetricFamily, Sample } from './metric-family.ts';
import { MAX_COUNTED_ERRORS, MAX_COUNTED_EVENTS, type QueueReading } from './queue-reading.ts';

/** All gauges of a reading. What could not be read has no sample. */
export function queueFamilies({ at, backlogs, errors, dependencies }: QueueReading): MetricFamily[] {
  const gauge = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
    name: `platform_${name}`,
    type: 'gauge',
    help,
    samples,
  });
  const alone = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels: {}, value }]);
  const ageOf = (since: number | undefined): number => (since === undefined ? 0 : Math.max(0, at - since) / 1_000);
  const subscriptions = Object.entries(backlogs).map(([entity, backlog]) => ({ ...backlog, labels: { entity } }));
  const ages = subscriptions.map(({ labels, oldestEnqueuedAt }) => ({ labels, value: ageOf(oldestEnqueuedAt) }));
  return [
    gauge(
      'events_backlog',
      `Events that wait at a subscription for their handler, up to ${MAX_COUNTED_EVENTS}.`,
      subscriptions.map(({ labels, count }) => ({ labels, value: count })),
    ),
    gauge(
      'events_oldest_message_age_seconds',
      'For how long the oldest event has been waiting at a subscription for its handler; 0 when none does.',
      ages,
    ),
    gauge(
      'events_errors_waiting',
      `Entries in the errors queue that wait for a person, of the oldest ${MAX_COUNTED_ERRORS}.`,
      alone(errors?.waiting),
    ),
    gauge(
      'events_errors_oldest_waiting_age_seconds',
      'For how long the oldest of those has been waiting for a person; 0 when none does.',
      alone(errors && ageOf(errors.oldestWaitingAt)),
    ),
    gauge(
      'events_errors_returning',
      `Entries in the errors queue that are replayed by themselves, of the oldest ${MAX_COUNTED_ERRORS}.`,
      alone(errors?.returning),
    ),
    gauge(
      'errors',
      `Entries in the errors queue, of the oldest ${MAX_COUNTED_ERRORS}.`,
      // An empty queue is a measurement too.
      errors?.byReason.length === 0
        ? alone(0)
        : (errors?.byReason ?? []).map(({ count, ...labels }) => ({ labels, value: count })),
    ),
    gauge(
      'dependency_up',
      'Whether the dependency answered when it was last asked.',
      dependencies.map(({ name, status }) => ({ labels: { dependency: name }, value: status === 'up' ? 1 : 0 })),
    ),
    gauge('queues_read_timestamp_seconds', 'When backlog, errors and dependencies were last read.', alone(at / 1_000)),
  ];
}
