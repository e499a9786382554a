/** The administration of the broker contract, through the SDK's `ServiceBusAdministrationClient`. */
import { type CorrelationRuleFilter, ServiceBusAdministrationClient, type SqlRuleFilter } from '@azure/service-bus';
import { formatIsoDuration, parseIsoDuration } from '../../shared/local/service-bus/config/iso-duration.ts';
import type { Filter, RuleDefinition } from '../../shared/local/service-bus/filters/rule-definition.ts';
import type { BrokerDriver, EntityProperties } from './broker-driver.ts';

type Administration = Pick<
  BrokerDriver,
  | 'createQueue'
  | 'createTopic'
  | 'createSubscription'
  | 'describeQueue'
  | 'describeTopic'
  | 'describeSubscription'
  | 'updateQueue'
  | 'updateTopic'
  | 'updateSubscription'
  | 'deleteQueue'
  | 'deleteTopic'
  | 'deleteSubscription'
  | 'listQueues'
  | 'listTopics'
  | 'listSubscriptions'
  | 'describeRule'
  | 'updateRule'
  | 'counts'
>;

export function sdkAdministration(client: ServiceBusAdministrationClient): Administration {
  return {
    createQueue: (name, properties = {}) => as(() => client.createQueue(name, toSdk(properties))),
    createTopic: (name, properties = {}) => as(() => client.createTopic(name, toSdk(properties))),
    createSubscription: (topic, name, properties = {}, rules = []) =>
      as(async () => {
        const [first, ...others] = rules;
        await client.createSubscription(topic, name, {
          ...toSdk(properties),
          ...(first && { defaultRuleOptions: ruleOf(first) }),
        });
        for (const rule of others) await createRule(client, topic, name, rule);
      }),
    describeQueue: async (name) => fromSdk(await asked(() => client.getQueue(name))),
    describeTopic: async (name) => fromSdk(await asked(() => client.getTopic(name))),
    describeSubscription: async (topic, name) => fromSdk(await asked(() => client.getSubscription(topic, name))),
    // A client sends back all that it was shown.
    updateQueue: (name, changes) =>
      as(async () => client.updateQueue({ ...(await client.getQueue(name)), ...toSdk(changes) })),
    updateTopic: (name, changes) =>
      as(async () => client.updateTopic({ ...(await client.getTopic(name)), ...toSdk(changes) })),
    updateSubscription: (topic, name, changes) =>
      as(async () => client.updateSubscription({ ...(await client.getSubscription(topic, name)), ...toSdk(changes) })),
    deleteQueue: (name) => as(() => client.deleteQueue(name)),
    deleteTopic: (name) => as(() => client.deleteTopic(name)),
    deleteSubscription: (topic, name) => as(() => client.deleteSubscription(topic, name)),
    listQueues: async () => (await all(client.listQueues())).map(({ name }) => name),
    listTopics: async () => (await all(client.listTopics())).map(({ name }) => name),
    listSubscriptions: (topic) =>
      asked(async () => (await all(client.listSubscriptions(topic))).map(({ subscriptionName }) => subscriptionName)),
    describeRule: async (topic, subscription, rule) => {
      const { name, filter, action } = await asked(() => client.getRule(topic, subscription, rule));
      const expression = action.sqlExpression;
      return { name, filter: filterOf(filter), ...(expression !== undefined && { action: { expression } }) };
    },
    updateRule: (topic, subscription, rule) =>
      as(async () => {
        const before = await client.getRule(topic, subscription, rule.name);
        const { filter, action = {} } = ruleOf(rule);
        await client.updateRule(topic, subscription, { ...before, filter, action });
      }),
    counts: (path) =>
      asked(async () => {
        const [topic = path, subscription] = path.split('/Subscriptions/');
        const counts = await (subscription === undefined
          ? client.getQueueRuntimeProperties(topic)
          : client.getSubscriptionRuntimeProperties(topic, subscription));
        return {
          active: counts.activeMessageCount,
          deadLetter: counts.deadLetterMessageCount,
          scheduled: 'scheduledMessageCount' in counts ? counts.scheduledMessageCount : 0,
          transferDeadLetter: counts.transferDeadLetterMessageCount,
          total: counts.totalMessageCount ?? 0,
        };
      }),
  };
}

const CODES: Readonly<Record<number, string>> = {
  403: 'QuotaExceeded',
  404: 'MessagingEntityNotFound',
  409: 'MessagingEntityAlreadyExists',
};

/** Gives the errors of the SDK the codes that the suite knows. */
async function asked<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    const status: unknown = error instanceof Error ? Reflect.get(error, 'statusCode') : undefined;
    if (typeof status !== 'number') throw error;
    const { message } = error as Error;
    throw Object.assign(new Error(message, { cause: error }), { code: CODES[status] ?? 'BadRequest' });
  }
}

async function as(run: () => Promise<unknown>): Promise<void> {
  await asked(run);
}

async function all<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of list) found.push(item);
  return found;
}

const DURATIONS = new Map<string, string>([
  ['lockDurationMs', 'lockDuration'],
  ['defaultMessageTimeToLiveMs', 'defaultMessageTimeToLive'],
  ['duplicateDetectionHistoryTimeWindowMs', 'duplicateDetectionHistoryTimeWindow'],
  ['autoDeleteOnIdleMs', 'autoDeleteOnIdle'],
]);

/** Durations are text there; everything else has the same name. */
function toSdk(properties: EntityProperties): object {
  const entries = Object.entries(properties).map(([name, value]): [string, unknown] => {
    const duration = DURATIONS.get(name);
    return duration === undefined ? [name, value] : [duration, formatIsoDuration(Number(value))];
  });
  return Object.fromEntries(entries);
}

function fromSdk(properties: object): EntityProperties {
  const shown = new Map(Object.entries(properties));
  const texts = [...DURATIONS].map(([ours, theirs]): [string, unknown] => {
    const text: unknown = shown.get(theirs);
    return [ours, typeof text === 'string' ? parseIsoDuration(text) : undefined];
  });
  const forwards = ['forwardTo', 'forwardDeadLetteredMessagesTo'].map((name): [string, unknown] => [
    name,
    pathOf(shown.get(name)),
  ]);
  return Object.fromEntries([...shown, ...texts, ...forwards]);
}

/** The service shows where an entity forwards to as an address. */
function pathOf(address: unknown): string | undefined {
  return typeof address === 'string' ? address.replace(/^[a-z]+:\/\/[^/]*\/+/i, '') : undefined;
}

/** The suite's values are all of types that the SDK can send. */
export function sdkFilter(filter: Filter): SqlRuleFilter | CorrelationRuleFilter {
  if (filter.kind === 'sql') return { sqlExpression: filter.expression };
  if (filter.kind !== 'correlation') return { sqlExpression: filter.kind === 'true' ? '1=1' : '1=0' };
  const { properties, applicationProperties } = filter;
  // The SDK refuses an empty list of properties.
  const given = Object.keys(applicationProperties).length > 0 && { applicationProperties };
  return { ...properties, ...given } as CorrelationRuleFilter;
}

function filterOf(filter: SqlRuleFilter | CorrelationRuleFilter): Filter {
  if ('sqlExpression' in filter && filter.sqlExpression !== undefined) {
    return { kind: 'sql', expression: filter.sqlExpression };
  }
  const { applicationProperties = {}, ...properties } = filter as CorrelationRuleFilter;
  const given = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
  return { kind: 'correlation', properties: given, applicationProperties };
}

function ruleOf({ name, filter, action }: RuleDefinition) {
  return { name, filter: sdkFilter(filter), ...(action && { action: { sqlExpression: action.expression } }) };
}

async function createRule(
  client: ServiceBusAdministrationClient,
  topic: string,
  subscription: string,
  rule: RuleDefinition,
): Promise<void> {
  const { name, filter, action } = ruleOf(rule);
  if (action) await client.createRule(topic, subscription, name, filter, action);
  else await client.createRule(topic, subscription, name, filter);
}

/** The SDK knows HTTPS alone; the emulator and the bus are administered over HTTP, which their connection string says. */
export function connectAdministration(connectionString: string): ServiceBusAdministrationClient {
  const client = new ServiceBusAdministrationClient(connectionString);
  if (!/UseDevelopmentEmulator=true/i.test(connectionString)) return client;
  client.pipeline.addPolicy({
    name: 'plain-http',
    sendRequest: (request, next) => {
      request.url = request.url.replace(/^https:/, 'http:');
      request.allowInsecureConnection = true;
      return next(request);
    },
  });
  return client;
}
