/**
 * The broker contract on a real namespace, or on Microsoft's emulator: what the bus promises is what Service Bus does.
 * Needs `SERVICE_BUS_CONNECTION_STRING` with the right to manage. What it makes it deletes again.
 */
import { ServiceBusAdministrationClient, ServiceBusClient } from '@azure/service-bus';
import { describe, it } from 'vitest';
import type {
  QueueProperties,
  SubscriptionProperties,
  TopicProperties,
} from '../../shared/local/service-bus/core/entity-properties.ts';
import type { RuleDefinition } from '../../shared/local/service-bus/filters/rule-definition.ts';
import { brokerContract } from './broker.ts';
import { sdkDriver } from './broker-sdk-driver.ts';

const connection = process.env['SERVICE_BUS_CONNECTION_STRING'];
const WAIT_MS = 5_000;

if (connection) {
  brokerContract('Azure Service Bus', async () => azureDriver(connection), {
    virtualTime: 'nobody can move the time of Azure',
    administration: true,
    runtimeCounts: true,
    listRules: true,
  });
} else {
  describe('Azure Service Bus', () => {
    it.skip('keeps the broker contract (SERVICE_BUS_CONNECTION_STRING is not set)', () => {});
  });
}

function azureDriver(text: string) {
  const client = new ServiceBusClient(text, { retryOptions: { maxRetries: 1, timeoutInMs: 10_000 } });
  const administration = new ServiceBusAdministrationClient(text);
  const made: (() => Promise<unknown>)[] = [];
  return sdkDriver({
    client,
    waitMs: WAIT_MS,
    createQueue: async (name, properties = {}) => {
      await administration.createQueue(name, sdkOptions(properties));
      made.push(() => administration.deleteQueue(name));
    },
    createTopic: async (name, properties = {}) => {
      await administration.createTopic(name, sdkOptions(properties));
      made.push(() => administration.deleteTopic(name));
    },
    createSubscription: async (topic, name, properties = {}, rules = []) => {
      await administration.createSubscription(topic, name, sdkOptions(properties));
      for (const rule of rules) await createRule(administration, topic, name, rule);
      if (rules.length > 0) await administration.deleteRule(topic, name, '$Default');
    },
    deleteQueue: async (name) => void (await administration.deleteQueue(name)),
    counts: async (path) => {
      const [topic = path, subscription] = path.split('/Subscriptions/');
      const counts = await (subscription === undefined
        ? administration.getQueueRuntimeProperties(topic)
        : administration.getSubscriptionRuntimeProperties(topic, subscription));
      const scheduled = 'scheduledMessageCount' in counts ? counts.scheduledMessageCount : 0;
      return { active: counts.activeMessageCount, deadLetter: counts.deadLetterMessageCount, scheduled };
    },
    now: () => Date.now(),
    advance: async () => {
      throw new Error('nobody can move the time of Azure');
    },
    close: async () => {
      await client.close();
      await Promise.allSettled(made.map((remove) => remove()));
    },
  });
}

async function createRule(
  administration: ServiceBusAdministrationClient,
  topic: string,
  subscription: string,
  { name, filter, action }: RuleDefinition,
): Promise<void> {
  const sql = filter.kind === 'sql' ? filter.expression : filter.kind === 'false' ? '1=0' : '1=1';
  const wanted =
    filter.kind === 'correlation'
      ? { ...filter.properties, applicationProperties: filter.applicationProperties }
      : { sqlExpression: sql };
  // The suite's values are all of types that the SDK knows.
  const sdkFilter = wanted as { sqlExpression: string };
  if (!action) await administration.createRule(topic, subscription, name, sdkFilter);
  else await administration.createRule(topic, subscription, name, sdkFilter, { sqlExpression: action.expression });
}

/** Durations are text there; everything else has the same name. */
function sdkOptions(properties: Partial<QueueProperties & TopicProperties & SubscriptionProperties>): object {
  const durations = {
    lockDurationMs: 'lockDuration',
    defaultMessageTimeToLiveMs: 'defaultMessageTimeToLive',
    duplicateDetectionHistoryTimeWindowMs: 'duplicateDetectionHistoryTimeWindow',
    autoDeleteOnIdleMs: 'autoDeleteOnIdle',
  };
  const names = new Map<string, string>(Object.entries(durations));
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      const duration = names.get(name);
      return duration === undefined ? [name, value] : [duration, `PT${Number(value) / 1000}S`];
    }),
  );
}
