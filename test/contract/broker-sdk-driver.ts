/** The broker contract through the real SDK. How time passes is up to the caller. */
import {
  type ServiceBusAdministrationClient,
  type ServiceBusClient,
  ServiceBusError,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
  type ServiceBusSessionReceiver,
} from '@azure/service-bus';
import Long from 'long';
import {
  type BrokerDriver,
  type ReceivedTestMessage,
  TakenMessages,
  type TestMessage,
  type TestReceiver,
  type TestSession,
} from './broker-driver.ts';
import { sdkAdministration, sdkFilter } from './broker-sdk-administration.ts';

export type Environment = Pick<BrokerDriver, 'attach' | 'post' | 'restart' | 'now' | 'advance' | 'close'> & {
  readonly client: ServiceBusClient;
  readonly administration: ServiceBusAdministrationClient;
  /** How long a receive waits for more. */
  readonly waitMs: number;
};

/** The suite renews locks itself, or means to lose them. */
const MANUAL = { maxAutoLockRenewalDurationInMs: 0 };

export function sdkDriver({ client, administration, waitMs, ...environment }: Environment): BrokerDriver {
  const rulesOf = (topic: string, subscription: string) => client.createRuleManager(topic, subscription);
  const open = (path: string, mode?: 'peekLock' | 'receiveAndDelete'): ServiceBusReceiver => {
    const { entity, subscription, subQueue } = take(path);
    const options = { ...MANUAL, ...(mode && { receiveMode: mode }), ...(subQueue && { subQueueType: subQueue }) };
    return subscription === undefined
      ? client.createReceiver(entity, options)
      : client.createReceiver(entity, subscription, options);
  };
  return {
    ...environment,
    ...sdkAdministration(administration),
    addRule: async (topic, subscription, { name, filter, action }) => {
      const manager = rulesOf(topic, subscription);
      await manager.createRule(name, sdkFilter(filter), action && { sqlExpression: action.expression });
    },
    removeRule: async (topic, subscription, rule) => {
      const manager = rulesOf(topic, subscription);
      await manager.deleteRule(rule);
    },
    listRules: async (topic, subscription) => {
      const names: string[] = [];
      const manager = rulesOf(topic, subscription);
      for await (const { name } of manager.listRules()) names.push(name);
      return names;
    },
    send: async (entity, messages) => {
      const sender = client.createSender(entity);
      try {
        const outgoing = messages.map(toSdk);
        // One message is sent by itself: that is how the broker, and not the SDK, comes to judge its size.
        await sender.sendMessages(outgoing.length === 1 && outgoing[0] ? outgoing[0] : outgoing);
      } finally {
        await sender.close();
      }
    },
    schedule: async (entity, messages, at) => {
      const sender = client.createSender(entity);
      try {
        const numbers = await sender.scheduleMessages(messages.map(toSdk), new Date(at));
        return numbers.map(toText);
      } finally {
        await sender.close();
      }
    },
    cancelScheduled: async (entity, numbers) => {
      const sender = client.createSender(entity);
      try {
        await sender.cancelScheduledMessages(numbers.map(toNumber));
      } finally {
        await sender.close();
      }
    },
    receiver: async (path, mode) => receiverOf(open(path, mode), waitMs),
    peek: async (path, count) => {
      const receiver = open(path);
      try {
        // The SDK remembers where the last peek at an entity ended, whichever receiver it was.
        return (await receiver.peekMessages(count, { fromSequenceNumber: Long.ONE })).map(fromSdk);
      } finally {
        await receiver.close();
      }
    },
    acceptSession: async (path, sessionId) => {
      const { entity, subscription } = take(path);
      const receiver = await (subscription === undefined
        ? client.acceptSession(entity, sessionId, MANUAL)
        : client.acceptSession(entity, subscription, sessionId, MANUAL));
      return sessionOf(receiver, waitMs);
    },
    acceptNextSession: async (path) => {
      const { entity, subscription } = take(path);
      try {
        const receiver = await (subscription === undefined
          ? client.acceptNextSession(entity, MANUAL)
          : client.acceptNextSession(entity, subscription, MANUAL));
        return sessionOf(receiver, waitMs);
      } catch (error) {
        if (error instanceof ServiceBusError && error.code === 'ServiceTimeout') return undefined;
        throw error;
      }
    },
  };
}

function take(path: string): {
  entity: string;
  subscription: string | undefined;
  subQueue: 'deadLetter' | 'transferDeadLetter' | undefined;
} {
  const [, owner = path, transfer, sub] = /^(.*?)(\/\$Transfer)?(\/\$DeadLetterQueue)?$/.exec(path) ?? [];
  const [entity = owner, subscription] = owner.split('/Subscriptions/');
  const subQueue = transfer === undefined ? 'deadLetter' : 'transferDeadLetter';
  return { entity, subscription, subQueue: sub === undefined ? undefined : subQueue };
}

/** The SDK shows a time far away for never. */
const FAR = Date.UTC(9000, 0);

function expiryOf(at: Date | undefined): number | undefined {
  return at === undefined || at.getTime() > FAR ? undefined : at.getTime();
}

/** Bodies go as bytes: what is in them is not the SDK's business. */
function toSdk({ body, scheduledEnqueueTimeMs, timeToLiveMs, applicationProperties, ...rest }: TestMessage) {
  return {
    ...rest,
    body: Buffer.from(body),
    // The suite's values are all of types that the SDK can send.
    ...(applicationProperties && { applicationProperties: applicationProperties as Record<string, string> }),
    ...(timeToLiveMs !== undefined && { timeToLive: timeToLiveMs }),
    ...(scheduledEnqueueTimeMs !== undefined && { scheduledEnqueueTimeUtc: new Date(scheduledEnqueueTimeMs) }),
  };
}

type SdkNumber = NonNullable<ServiceBusReceivedMessage['sequenceNumber']>;

/** The SDK's numbers are objects of a package of its own; those that it gave are kept to be given back. */
const known = new Map<string, SdkNumber>();

function toText(number: SdkNumber): string {
  known.set(number.toString(), number);
  return number.toString();
}

function toNumber(text: string): SdkNumber {
  const number = known.get(text);
  if (number === undefined) throw new Error(`the number ${text} did not come from the SDK`);
  return number;
}

function receiverOf(receiver: ServiceBusReceiver, waitMs: number): TestReceiver {
  const taken = new TakenMessages(fromSdk);
  return {
    receive: async (count) => (await receiver.receiveMessages(count, { maxWaitTimeInMs: waitMs })).map(taken.keep),
    complete: (message) => receiver.completeMessage(taken.original(message)),
    abandon: (message, properties) =>
      receiver.abandonMessage(taken.original(message), properties as Record<string, string>),
    defer: (message, properties) =>
      receiver.deferMessage(taken.original(message), properties as Record<string, string>),
    deadLetter: (message, reason, description) =>
      reason === undefined
        ? receiver.deadLetterMessage(taken.original(message))
        : receiver.deadLetterMessage(taken.original(message), {
            deadLetterReason: reason,
            deadLetterErrorDescription: description ?? '',
          }),
    renewLock: async (message) => (await receiver.renewMessageLock(taken.original(message))).getTime(),
    receiveDeferred: async (numbers) => (await receiver.receiveDeferredMessages(numbers.map(toNumber))).map(taken.keep),
    peek: async (count, from) => {
      const messages = await receiver.peekMessages(
        count,
        from === undefined ? {} : { fromSequenceNumber: toNumber(from) },
      );
      return messages.map(fromSdk);
    },
    deleteMessages: () => Promise.reject(new Error('this SDK cannot delete in batches')),
    close: () => receiver.close(),
  };
}

function sessionOf(receiver: ServiceBusSessionReceiver, waitMs: number): TestSession {
  return {
    ...receiverOf(receiver, waitMs),
    sessionId: receiver.sessionId,
    getState: async () => {
      const state: unknown = await receiver.getSessionState();
      return state === null || state === undefined ? undefined : String(state);
    },
    setState: (state) => receiver.setSessionState(state),
    renewSession: async () => (await receiver.renewSessionLock()).getTime(),
  };
}

function fromSdk(message: ServiceBusReceivedMessage): ReceivedTestMessage {
  const { body, messageId, applicationProperties, deliveryCount = 0, enqueuedTimeUtc, lockedUntilUtc } = message;
  const { sequenceNumber, deadLetterReason, deadLetterErrorDescription, deadLetterSource, state } = message;
  return {
    body: body instanceof Uint8Array ? Buffer.from(body).toString() : String(body),
    messageId: String(messageId),
    sessionId: message.sessionId,
    correlationId: message.correlationId?.toString(),
    subject: message.subject,
    to: message.to,
    replyTo: message.replyTo,
    replyToSessionId: message.replyToSessionId,
    contentType: message.contentType,
    partitionKey: message.partitionKey,
    expiresAt: expiryOf(message.expiresAtUtc),
    applicationProperties: applicationProperties ?? {},
    sequenceNumber: sequenceNumber === undefined ? '' : toText(sequenceNumber),
    enqueuedSequenceNumber: message.enqueuedSequenceNumber?.toString(),
    deliveryCount,
    enqueuedAt: enqueuedTimeUtc?.getTime() ?? 0,
    lockedUntil: lockedUntilUtc?.getTime(),
    state,
    deadLetterReason,
    deadLetterErrorDescription,
    deadLetterSource,
  };
}
