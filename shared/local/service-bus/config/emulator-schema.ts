/**
 * The schema of the official emulator's `Config.json`, with its defaults and optionally its quotas.
 *
 * @see https://github.com/Azure/azure-service-bus-emulator-installer/blob/main/ServiceBus-Emulator/Schema/Config-schema.json
 * @see https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator#usage-quotas
 */
import * as z from 'zod/mini';
import type { Limits } from '../core/limits/limits.ts';
import { entityAccess, namespaceAccess } from './access-schema.ts';
import { formatIsoDuration, parseIsoDuration } from './iso-duration.ts';

/**
 * The official emulator's quotas.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator#usage-quotas
 * @see https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection#duplicate-detection-window-size
 */
export const EMULATOR_QUOTAS = {
  entities: 50,
  subscriptionsPerTopic: 50,
  sqlFiltersPerTopic: 20,
  correlationFiltersPerTopic: 1000,
  connections: 10,
  receiversPerEntity: 200,
  timeToLiveMs: [5 * 60_000, 3_600_000],
  duplicateDetectionMs: [20_000, 5 * 60_000],
  lockMs: [5_000, 5 * 60_000],
  maxDeliveryCount: 10,
  maxSizeInMegabytes: 100,
  maxMessageSizeBytes: 256 * 1024,
} as const;

/** The same for the broker, which then holds them for what is administered too. */
export const EMULATOR_LIMITS: Partial<Limits> = {
  maxMessageSizeBytes: EMULATOR_QUOTAS.maxMessageSizeBytes,
  largestMessageSizeBytes: EMULATOR_QUOTAS.maxMessageSizeBytes,
  maxSizeInMegabytes: EMULATOR_QUOTAS.maxSizeInMegabytes,
  maxEntities: EMULATOR_QUOTAS.entities,
  maxSubscriptionsPerTopic: EMULATOR_QUOTAS.subscriptionsPerTopic,
  maxSqlFiltersPerTopic: EMULATOR_QUOTAS.sqlFiltersPerTopic,
  maxCorrelationFiltersPerTopic: EMULATOR_QUOTAS.correlationFiltersPerTopic,
  maxConnections: EMULATOR_QUOTAS.connections,
  maxReceiversPerEntity: EMULATOR_QUOTAS.receiversPerEntity,
};

type Range = readonly [number, number];
const ANY: Range = [0, Number.POSITIVE_INFINITY];

function isoDuration([low, high]: Range): z.ZodMiniType<number, string> {
  const bounds =
    high === Number.POSITIVE_INFINITY ? '' : ` from ${formatIsoDuration(low)} to ${formatIsoDuration(high)}`;
  const example = formatIsoDuration(Math.min(Math.max(60_000, low), high));
  const expected = `an ISO 8601 duration${bounds}, such as ${example}`;
  return z.pipe(
    z.string({ error: expected }),
    z.transform((text, context) => {
      const ms = parseIsoDuration(text);
      if (ms !== undefined && ms >= low && ms <= high) return ms;
      context.issues.push({ code: 'custom', message: expected, input: text });
      return z.NEVER;
    }),
  );
}

/** The empty text means no target. */
const target = z.pipe(
  z.string(),
  z.transform((name) => (name === '' ? undefined : name)),
);
const flag = z._default(z.boolean(), false);

/** FilterType names the filter that is used; it must be present. */
const rule = z
  .strictObject({
    FilterType: z.enum(['Correlation', 'Sql']),
    CorrelationFilter: z.optional(
      z.strictObject({
        ContentType: z.optional(z.string()),
        CorrelationId: z.optional(z.string()),
        Label: z.optional(z.string()),
        MessageId: z.optional(z.string()),
        ReplyTo: z.optional(z.string()),
        ReplyToSessionId: z.optional(z.string()),
        SessionId: z.optional(z.string()),
        To: z.optional(z.string()),
        Properties: z._default(
          z.record(z.string().check(z.minLength(1)), z.union([z.string(), z.number(), z.boolean()])),
          {},
        ),
      }),
    ),
    SqlFilter: z.optional(z.strictObject({ SqlExpression: z.string().check(z.minLength(1)) })),
    Action: z.optional(z.strictObject({ SqlExpression: z.string().check(z.minLength(1)) })),
  })
  .check(
    z.superRefine(({ FilterType, ...filters }, context) => {
      const wanted = `${FilterType}Filter` as const;
      if (!filters[wanted]) {
        context.addIssue({ code: 'custom', path: [wanted], message: `an object, since FilterType is ${FilterType}` });
      }
    }),
  );

const name = z.string().check(z.minLength(1), z.maxLength(260));

/** @param strict whether {@link EMULATOR_QUOTAS} are enforced */
export function emulatorConfig(strict: boolean) {
  const quotas = strict ? EMULATOR_QUOTAS : undefined;
  const atMost = (count: number | undefined): number => count ?? Number.MAX_SAFE_INTEGER;
  const timeToLive = z._default(isoDuration(quotas?.timeToLiveMs ?? ANY), 3_600_000);
  const duplicateDetection = {
    RequiresDuplicateDetection: flag,
    DuplicateDetectionHistoryTimeWindow: z._default(isoDuration(quotas?.duplicateDetectionMs ?? ANY), 20_000),
  };
  const receive = {
    DeadLetteringOnMessageExpiration: flag,
    DefaultMessageTimeToLive: timeToLive,
    ForwardDeadLetteredMessagesTo: z.optional(target),
    ForwardTo: z.optional(target),
    LockDuration: z._default(isoDuration(quotas?.lockMs ?? ANY), 60_000),
    MaxDeliveryCount: z._default(z.int().check(z.gte(1), z.lte(atMost(quotas?.maxDeliveryCount))), 3),
    RequiresSession: flag,
  };
  // The emulator has no such fields. All are optional, so that the types hold without them.
  const access = strict ? ({} as typeof entityAccess) : entityAccess;
  const ofNamespace = strict ? ({} as typeof namespaceAccess) : namespaceAccess;
  const queue = z.strictObject({
    Name: name,
    Properties: z.prefault(z.strictObject({ ...receive, ...duplicateDetection }), {}),
    ...access,
  });
  const subscription = z.strictObject({
    Name: name,
    Properties: z.prefault(z.strictObject(receive), {}),
    Rules: z._default(z.array(z.strictObject({ Name: name, Properties: rule })), []),
  });
  const topic = z.strictObject({
    Name: name,
    Properties: z.prefault(z.strictObject({ DefaultMessageTimeToLive: timeToLive, ...duplicateDetection }), {}),
    Subscriptions: z._default(z.array(subscription).check(z.maxLength(atMost(quotas?.subscriptionsPerTopic))), []),
    ...access,
  });
  const namespace = z
    .strictObject({
      Name: strict ? z.literal('sbemulatorns') : z.string().check(z.minLength(1)),
      Queues: z._default(z.array(queue), []),
      Topics: z._default(z.array(topic), []),
      ...ofNamespace,
    })
    .check(
      z.superRefine(refineNames),
      z.refine(({ Queues, Topics }) => Queues.length + Topics.length <= atMost(quotas?.entities), {
        error: `at most ${quotas?.entities} queues and topics`,
        path: ['Queues'],
      }),
    );
  const logging = z.strictObject({ Type: z.string() });
  return z.strictObject({
    UserConfig: z.strictObject({
      Namespaces: z.array(namespace).check(z.minLength(1), z.maxLength(1)),
      Logging: z.optional(logging),
    }),
  });
}

interface Named {
  readonly Name: string;
}

interface Forwarding extends Named {
  readonly Properties: {
    readonly ForwardTo?: string | undefined;
    readonly ForwardDeadLetteredMessagesTo?: string | undefined;
  };
}

interface Names {
  readonly Queues: readonly Forwarding[];
  readonly Topics: readonly (Named & { Subscriptions: readonly (Forwarding & { Rules: readonly Named[] })[] })[];
}

/** Names must differ by more than case, and forwarding targets must be in the file. */
function refineNames({ Queues, Topics }: Names, context: z.core.$RefinementCtx): void {
  const report = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });

  const unique = (path: (string | number)[], names: readonly Named[], seen: Set<string>): void => {
    for (const [index, { Name }] of names.entries()) {
      if (seen.has(Name.toLowerCase())) report([...path, index, 'Name'], 'a unique name');
      seen.add(Name.toLowerCase());
    }
  };
  const entities = new Set<string>();
  unique(['Queues'], Queues, entities);
  unique(['Topics'], Topics, entities);

  const targets = (path: (string | number)[], { Properties }: Forwarding): void => {
    for (const property of ['ForwardTo', 'ForwardDeadLetteredMessagesTo'] as const) {
      const to = Properties[property];
      if (to !== undefined && !entities.has(to.toLowerCase())) {
        report([...path, 'Properties', property], 'the name of a queue or topic in this file');
      }
    }
  };
  for (const [index, queue] of Queues.entries()) targets(['Queues', index], queue);
  for (const [index, { Subscriptions }] of Topics.entries()) {
    const path = ['Topics', index, 'Subscriptions'];
    unique(path, Subscriptions, new Set());
    for (const [at, subscription] of Subscriptions.entries()) {
      targets([...path, at], subscription);
      unique([...path, at, 'Rules'], subscription.Rules, new Set());
    }
  }
}
