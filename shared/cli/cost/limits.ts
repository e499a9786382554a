/** What Azure takes a second, against what a load asks for: which limit binds first. */
import { RECORD_PARTITIONS } from '../../delivery/event-record.ts';
import type { Topology } from '../../topology.ts';
import { SERVICE_LIMITS } from './prices.ts';
import { MONTH_SECONDS, type Usage } from './usage.ts';

export interface Limit {
  readonly what: string;
  /** A second. */
  readonly capacity: number;
  /** A second, when the load comes evenly. */
  readonly used: number;
  /** How many times this load reaches it; infinite when nothing of the load counts. */
  readonly timesLoad: number;
}

/** Every limit, the one that binds first at the top. */
export function limitsOf({ runs, entities, storeCalls, peeks }: Usage, topology: Topology): Limit[] {
  const credits = Object.entries(runs).reduce((sum, [name, count]) => sum + count * creditsPerRun(name, topology), 0);
  const partitions = Object.entries(entities).map(([name, count]) =>
    name === 'records'
      ? limitOf(
          `entities in each of the ${RECORD_PARTITIONS.length} partitions of records`,
          SERVICE_LIMITS.partitionEntities,
          count / RECORD_PARTITIONS.length,
        )
      : limitOf(`entities in the partition '${name}'`, SERVICE_LIMITS.partitionEntities, count),
  );
  const limits = [
    limitOf('credits of the Service Bus namespace', SERVICE_LIMITS.credits, credits, peeks),
    ...partitions,
    limitOf('transactions of the storage account', SERVICE_LIMITS.accountCalls, storeCalls),
  ];
  return limits.sort((a, b) => a.timesLoad - b.timesLoad);
}

/** @param standing what is used without any load, a month like the load */
function limitOf(what: string, capacity: number, monthly: number, standing = 0): Limit {
  const [variable, fixed] = [monthly / MONTH_SECONDS, standing / MONTH_SECONDS];
  return { what, capacity, used: variable + fixed, timesLoad: (capacity - fixed) / variable };
}

/** One to send, one for each rule that the message is held against, one to receive. */
function creditsPerRun(subscription: string, { topics }: Topology): number {
  const topic = topics.find(({ subscriptions }) => subscriptions.some(({ name }) => name === subscription));
  return 2 + (topic?.subscriptions.length ?? 0);
}
