/** The documentation pages that several cases were learned from. */
const DOCS = 'https://learn.microsoft.com/azure/service-bus-messaging';

export const AMQP_PROTOCOL: string = `${DOCS}/service-bus-amqp-protocol-guide`;
export const AMQP_REQUESTS: string = `${DOCS}/service-bus-amqp-request-response`;
export const BATCH_DELETE: string = `${DOCS}/batch-delete`;
export const BROWSING: string = `${DOCS}/message-browsing`;
export const COUNTS: string = `${DOCS}/message-counters`;
export const DEAD_LETTERS: string = `${DOCS}/service-bus-dead-letter-queues`;
export const DEFERRAL: string = `${DOCS}/message-deferral`;
export const DUPLICATES: string = `${DOCS}/duplicate-detection`;
export const EXCEPTIONS: string = `${DOCS}/service-bus-messaging-exceptions-latest`;
export const EXPIRATION: string = `${DOCS}/message-expiration`;
export const FILTERS: string = `${DOCS}/topic-filters`;
export const FORWARDING: string = `${DOCS}/service-bus-auto-forwarding`;
export const PARTITIONING: string = `${DOCS}/service-bus-partitioning`;
export const PAYLOADS: string = `${DOCS}/service-bus-messages-payloads`;
export const QUEUES_AND_TOPICS: string = `${DOCS}/service-bus-queues-topics-subscriptions`;
export const QUOTAS: string = `${DOCS}/service-bus-quotas`;
export const SEQUENCING: string = `${DOCS}/message-sequencing`;
export const SESSIONS: string = `${DOCS}/message-sessions`;
export const SETTLEMENT: string = `${DOCS}/message-transfers-locks-settlement`;
export const SQL_ACTION: string = `${DOCS}/service-bus-messaging-sql-rule-action`;
export const SQL_FILTER: string = `${DOCS}/service-bus-messaging-sql-filter`;
export const SUSPENSION: string = `${DOCS}/entity-suspend`;
export const AUTHENTICATION: string = `${DOCS}/service-bus-sas`;
export const TRANSACTIONS: string = `${DOCS}/service-bus-transactions`;

const DOTNET = 'https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.administration';
export const QUEUE_OPTIONS: string = `${DOTNET}.createqueueoptions`;
export const TOPIC_OPTIONS: string = `${DOTNET}.createtopicoptions`;
export const SUBSCRIPTION_OPTIONS: string = `${DOTNET}.createsubscriptionoptions`;

export const ABANDONING: string =
  'https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.servicebusreceiver.abandonmessageasync';

export const PARTITION_KEY: string =
  'https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.servicebusmessage.partitionkey';

export const SUBSCRIPTION_DESCRIPTION: string =
  'https://learn.microsoft.com/previous-versions/azure/reference/hh780763(v=azure.100)';

export const IDS: string = 'https://github.com/Azure/azure-sdk-for-java/issues/24537';

export const NAMES: string = 'https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules';

// Tests of Microsoft's SDKs that run on a namespace, as they were when they were read.
const js = (commit: string, file: string): string =>
  `https://github.com/Azure/azure-sdk-for-js/blob/${commit}/sdk/servicebus/service-bus/test/${file}`;
export const JS_DEFERRING: string = js('056cf7c63add6495376b1fe98be0280cf1fc9d2d', 'deferredMessage.spec.ts');
export const JS_PROPERTIES: string = js('060be93718a958feb8184bc35737c755711c1013', 'public/propsToModify.spec.ts');
export const JS_RECEIVING: string = js('b5efd5ac26361f818f22713682383e7bac03e2e8', 'internal/batchReceiver.spec.ts');
export const JS_RULES: string = js('033b8151ce848dda5f1fed1fdc5ddc3f1c58a14d', 'public/ruleManager.spec.ts');
export const JS_SCHEDULING: string = js('0f517da34ac189352a14409d027d720ae97e8350', 'public/sendAndSchedule.spec.ts');
export const JS_TOPIC_FILTERS: string = js(
  '74549e0f936d1c0762ee096ca818df37585b297b',
  'browserified/topicFilters.spec.ts',
);

const dotnet = (file: string): string =>
  `https://github.com/Azure/azure-service-bus-dotnet/blob/1607601d3d3c6cf7e0c2a757ccb398d803482e7c/test/Microsoft.Azure.ServiceBus.UnitTests/${file}`;
export const DOTNET_ADMINISTRATION: string = dotnet('Management/ManagementClientTests.cs');
export const DOTNET_SENDING: string = dotnet('SenderReceiverTests.cs');
export const DOTNET_SESSIONS: string = dotnet('QueueSessionTests.cs');
export const DOTNET_RULES: string =
  'https://github.com/Azure/azure-sdk-for-net/blob/515190d38f718358bd0ea8af436d0f425d677595/sdk/servicebus/Azure.Messaging.ServiceBus/tests/RuleManager/RuleManagerLiveTests.cs';
