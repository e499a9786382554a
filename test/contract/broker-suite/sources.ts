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

export const REST: string = 'https://learn.microsoft.com/rest/api/servicebus/entities';
export const REST_QUEUE: string = 'https://learn.microsoft.com/rest/api/servicebus/create-queue';
export const REST_TOPIC: string = 'https://learn.microsoft.com/rest/api/servicebus/create-topic';
export const REST_SUBSCRIPTION: string = 'https://learn.microsoft.com/rest/api/servicebus/create-subscription';
export const REST_RULES: string = 'https://learn.microsoft.com/rest/api/servicebus/rules';
export const REST_DELETE: string = 'https://learn.microsoft.com/rest/api/servicebus/delete-queue';

const DOTNET = 'https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.administration';
export const QUEUE_OPTIONS: string = `${DOTNET}.createqueueoptions`;
export const TOPIC_OPTIONS: string = `${DOTNET}.createtopicoptions`;
export const SUBSCRIPTION_OPTIONS: string = `${DOTNET}.createsubscriptionoptions`;

export const ABANDONING: string =
  'https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.servicebusreceiver.abandonmessageasync';

export const NAMES: string = 'https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules';
