/**
 * Reads and writes the official emulator's `Config.json`.
 *
 * @see https://github.com/Azure/azure-service-bus-emulator-installer/blob/main/ServiceBus-Emulator/Schema/Config-schema.json
 */
import * as z from 'zod/mini';
import { jsonFaultOf } from '../../../describe-error.ts';
import { ConfigError, formatIssue, type Issue } from '../../../errors.ts';
import { describeIssue, issuesOf } from '../../../events/issues.ts';
import { parseJsonc } from '../../../json.ts';
import type { QueueTopology, SubscriptionTopology, Topology } from '../../../topology.ts';
import type { Filter, RuleDefinition } from '../filters/rule-definition.ts';
import { accessOf, rulesOf } from './access-schema.ts';
import { EMULATOR_QUOTAS, emulatorConfig } from './emulator-schema.ts';
import type { EntityPlan, QueuePlan, SubscriptionPlan, TopicPlan } from './entity-plan.ts';
import { formatIsoDuration } from './iso-duration.ts';

interface ReadOptions {
  /** The name of the file in error messages. */
  readonly origin?: string;
  /** Enforces the official emulator's quotas, and refuses unknown fields. */
  readonly strict?: boolean;
}

/** The entities of a `Config.json`, and a warning for each field that was ignored. */
interface EmulatorConfig {
  readonly plan: EntityPlan;
  readonly warnings: readonly string[];
}

/**
 * Reads a `Config.json`; comments and trailing commas are allowed. Absent values get the emulator's defaults.
 *
 * @throws ConfigError that names line and column, or path, value and what was expected
 */
export function readEmulatorConfig(text: string, options: ReadOptions = {}): EmulatorConfig {
  const { origin = 'Config.json', strict = false } = options;
  const input = withoutNulls(parse(text, origin));
  const schema = emulatorConfig(strict);
  const first = schema.safeParse(input, { error: describeIssue });
  if (first.success) return { plan: planOf(first.data), warnings: [] };

  // The emulator ignores unknown fields, so they only cause a warning.
  const surplus = strict ? [] : first.error.issues.filter(({ code }) => code === 'unrecognized_keys');
  if (surplus.length < first.error.issues.length) {
    const serious = first.error.issues.filter((issue) => !surplus.includes(issue));
    throw refuse(origin, issuesOf(new z.core.$ZodError(serious), input));
  }
  const pruned = withoutFields(input, surplus);
  const second = schema.safeParse(pruned, { error: describeIssue });
  if (!second.success) throw refuse(origin, issuesOf(second.error, pruned));
  const warnings = issuesOf(first.error, input).map(({ path }) => `${origin}: ${path} is unknown and has no effect`);
  return { plan: planOf(second.data), warnings };
}

function parse(text: string, origin: string): unknown {
  try {
    return parseJsonc(text);
  } catch (error) {
    throw new ConfigError(`${origin}: ${jsonFaultOf(error)}`);
  }
}

/** A field that is null has no value, as in the emulator's reader. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(entries.map(([name, field]) => [name, withoutNulls(field)]));
}

function refuse(origin: string, issues: readonly Issue[]): ConfigError {
  return new ConfigError(`${origin}: ${issues.map(formatIssue).join('; ')}`);
}

function withoutFields(input: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy: unknown = structuredClone(input);
  for (const issue of issues) {
    const parent = issue.path.reduce<unknown>((at, key) => Reflect.get(Object(at), key), copy);
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    for (const key of keys) Reflect.deleteProperty(Object(parent), key);
  }
  return copy;
}

type Input = z.output<ReturnType<typeof emulatorConfig>>;
type Namespace = Input['UserConfig']['Namespaces'][number];
type ConfigQueue = Namespace['Queues'][number];
type ConfigTopic = Namespace['Topics'][number];
type ConfigSubscription = ConfigTopic['Subscriptions'][number];
type ConfigRule = ConfigSubscription['Rules'][number];

function planOf({ UserConfig }: Input): EntityPlan {
  return {
    queues: UserConfig.Namespaces.flatMap(({ Queues }) => Queues.map(queuePlanOf)),
    topics: UserConfig.Namespaces.flatMap(({ Topics }) => Topics.map(topicPlanOf)),
    ...accessOf(UserConfig.Namespaces),
  };
}

function queuePlanOf(queue: ConfigQueue): QueuePlan {
  const { Name, Properties } = queue;
  return { name: Name, properties: { ...receiveOf(Properties), ...duplicatesOf(Properties), ...rulesOf(queue) } };
}

function topicPlanOf(topic: ConfigTopic): TopicPlan {
  const { Name, Properties, Subscriptions } = topic;
  const properties = {
    defaultMessageTimeToLiveMs: Properties.DefaultMessageTimeToLive,
    ...duplicatesOf(Properties),
    ...rulesOf(topic),
  };
  const subscriptions = Subscriptions.map((subscription) => ({
    name: subscription.Name,
    properties: receiveOf(subscription.Properties),
    rules: subscription.Rules.map(ruleDefinitionOf),
  }));
  return { name: Name, properties, subscriptions };
}

function receiveOf(properties: ConfigSubscription['Properties']): SubscriptionPlan['properties'] {
  return {
    defaultMessageTimeToLiveMs: properties.DefaultMessageTimeToLive,
    deadLetteringOnMessageExpiration: properties.DeadLetteringOnMessageExpiration,
    lockDurationMs: properties.LockDuration,
    maxDeliveryCount: properties.MaxDeliveryCount,
    requiresSession: properties.RequiresSession,
    forwardTo: properties.ForwardTo,
    forwardDeadLetteredMessagesTo: properties.ForwardDeadLetteredMessagesTo,
  };
}

function duplicatesOf(properties: ConfigTopic['Properties']): TopicPlan['properties'] {
  return {
    requiresDuplicateDetection: properties.RequiresDuplicateDetection,
    duplicateDetectionHistoryTimeWindowMs: properties.DuplicateDetectionHistoryTimeWindow,
  };
}

function ruleDefinitionOf({
  Name,
  Properties: { FilterType, SqlFilter, CorrelationFilter, Action },
}: ConfigRule): RuleDefinition {
  // The schema ensures that the filter that FilterType names is present.
  const filter: Filter =
    FilterType === 'Sql'
      ? { kind: 'sql', expression: SqlFilter?.SqlExpression ?? '' }
      : correlationOf(CorrelationFilter ?? { Properties: {} });
  return { name: Name, filter, ...(Action && { action: { expression: Action.SqlExpression } }) };
}

function correlationOf(filter: NonNullable<ConfigRule['Properties']['CorrelationFilter']>): Filter {
  const { Properties: applicationProperties, Label: subject, ...rest } = filter;
  const properties = {
    subject,
    messageId: rest.MessageId,
    correlationId: rest.CorrelationId,
    to: rest.To,
    replyTo: rest.ReplyTo,
    replyToSessionId: rest.ReplyToSessionId,
    sessionId: rest.SessionId,
    contentType: rest.ContentType,
  };
  return { kind: 'correlation', properties, applicationProperties };
}

function ruleTo({ name, sqlFilter }: SubscriptionTopology['rule']): unknown {
  return { Name: name, Properties: { FilterType: 'Sql', SqlFilter: { SqlExpression: sqlFilter } } };
}

/** The topology as a `Config.json` for the official emulator. Values beyond its quotas are brought within them. */
export function toEmulatorConfig({ topics, queues }: Topology): unknown {
  const within = (seconds: number, [low, high]: readonly [number, number]): string =>
    formatIsoDuration(Math.min(Math.max(seconds * 1000, low), high));
  const receiving = (entity: QueueTopology | SubscriptionTopology) => ({
    DeadLetteringOnMessageExpiration: entity.deadLetteringOnMessageExpiration,
    DefaultMessageTimeToLive: within(
      'timeToLiveSeconds' in entity ? entity.timeToLiveSeconds : Number.POSITIVE_INFINITY,
      EMULATOR_QUOTAS.timeToLiveMs,
    ),
    ForwardDeadLetteredMessagesTo:
      'forwardDeadLetteredMessagesTo' in entity ? entity.forwardDeadLetteredMessagesTo : '',
    ForwardTo: '',
    LockDuration: within(entity.lockSeconds, EMULATOR_QUOTAS.lockMs),
    MaxDeliveryCount: Math.min(entity.maxDeliveryCount, EMULATOR_QUOTAS.maxDeliveryCount),
    RequiresSession: false,
  });
  const Queues = queues.map((queue) => ({ Name: queue.name, Properties: receiving(queue) }));
  const Topics = topics.map((topic) => ({
    Name: topic.name,
    Properties: {
      DefaultMessageTimeToLive: within(topic.timeToLiveSeconds, EMULATOR_QUOTAS.timeToLiveMs),
      DuplicateDetectionHistoryTimeWindow: within(
        topic.duplicateDetectionSeconds,
        EMULATOR_QUOTAS.duplicateDetectionMs,
      ),
      RequiresDuplicateDetection: true,
    },
    Subscriptions: topic.subscriptions.map((subscription) => ({
      Name: subscription.name,
      Properties: receiving(subscription),
      Rules: [ruleTo(subscription.rule)],
    })),
  }));
  return { UserConfig: { Namespaces: [{ Name: 'sbemulatorns', Queues, Topics }], Logging: { Type: 'File' } } };
}
