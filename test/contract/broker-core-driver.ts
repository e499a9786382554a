/** The broker contract's way to the core itself, in virtual time. */

import { BrokerError } from '../../shared/local/service-bus/core/broker-error.ts';
import { VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import type { DeliveredMessage, PeekedMessage } from '../../shared/local/service-bus/core/held-message.ts';
import type { OutgoingMessage } from '../../shared/local/service-bus/core/message.ts';
import type { MessageQueue } from '../../shared/local/service-bus/core/message-queue.ts';
import type { SessionHold } from '../../shared/local/service-bus/core/sessions.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';
import {
  type BrokerDriver,
  type ReceivedTestMessage,
  TakenMessages,
  type TestMessage,
  type TestReceiver,
  type TestSession,
} from './broker-driver.ts';

/** A refusal of the broker as the SDK shows it. */
async function as<Result>(run: () => Result): Promise<Result> {
  try {
    return run();
  } catch (error) {
    if (error instanceof BrokerError) throw Object.assign(error, { code: error.reason });
    throw error;
  }
}

/** A refusal as the administration shows it. */
async function asAdministration<Result>(run: () => Result): Promise<Result> {
  const known = ['MessagingEntityNotFound', 'MessagingEntityAlreadyExists', 'QuotaExceeded'];
  try {
    return run();
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw Object.assign(error, { code: known.includes(error.reason) ? error.reason : 'BadRequest' });
  }
}

export function coreDriver(): BrokerDriver {
  const clock = new VirtualClock();
  const broker = createBroker({ clock });
  return {
    createQueue: (name, properties) => asAdministration(() => void broker.createQueue(name, properties)),
    createTopic: (name, properties) => asAdministration(() => void broker.createTopic(name, properties)),
    createSubscription: (topic, name, properties, rules) =>
      asAdministration(() => void broker.createSubscription(topic, name, properties, rules)),
    describeQueue: (name) => asAdministration(() => broker.getQueue(name).properties),
    describeTopic: (name) => asAdministration(() => broker.getTopic(name).properties),
    describeSubscription: (topic, name) => asAdministration(() => broker.getSubscription(topic, name).properties),
    updateQueue: (name, changes) => asAdministration(() => void broker.updateQueue(name, changes)),
    updateTopic: (name, changes) => asAdministration(() => void broker.updateTopic(name, changes)),
    updateSubscription: (topic, name, changes) =>
      asAdministration(() => void broker.updateSubscription(topic, name, changes)),
    deleteQueue: (name) => asAdministration(() => broker.deleteQueue(name)),
    deleteTopic: (name) => asAdministration(() => broker.deleteTopic(name)),
    deleteSubscription: (topic, name) => asAdministration(() => broker.deleteSubscription(topic, name)),
    listQueues: () => asAdministration(() => broker.listQueues().map(({ name }) => name)),
    listTopics: () => asAdministration(() => broker.listTopics().map(({ name }) => name)),
    listSubscriptions: (topic) => asAdministration(() => broker.listSubscriptions(topic).map(({ name }) => name)),
    describeRule: (topic, name, rule) =>
      asAdministration(() => broker.getSubscription(topic, name).rule(rule).definition),
    updateRule: (topic, name, rule) =>
      asAdministration(() => void broker.getSubscription(topic, name).updateRule(rule)),
    addRule: (topic, name, rule) => as(() => void broker.getSubscription(topic, name).addRule(rule)),
    removeRule: (topic, name, rule) => as(() => broker.getSubscription(topic, name).removeRule(rule)),
    listRules: (topic, name) =>
      as(() => broker.getSubscription(topic, name).rules.map(({ definition }) => definition.name)),
    counts: (path) =>
      asAdministration(() => {
        const { counts } = broker.resolveEntity(path).entity;
        return {
          active: counts.activeMessageCount,
          deadLetter: counts.deadLetterMessageCount,
          scheduled: counts.scheduledMessageCount,
          transferDeadLetter: counts.transferDeadLetterMessageCount,
          total: counts.totalMessageCount,
        };
      }),
    send: (entity, messages) => as(() => void broker.send(entity, messages.map(outgoing))),
    schedule: (entity, messages, at) =>
      as(() =>
        broker
          .schedule(
            entity,
            messages.map((message) => ({ ...outgoing(message), scheduledEnqueueTimeMs: at })),
          )
          .map(String),
      ),
    cancelScheduled: (entity, numbers) => as(() => broker.cancelScheduled(entity, numbers.map(Number))),
    receiver: (path, mode = 'peekLock') =>
      as(() => {
        const queue = broker.resolve(path);
        const consumer = queue.openConsumer({ mode, onMessage: (delivery) => inbox.push(delivery) });
        const inbox: DeliveredMessage[] = [];
        return receiverOf(
          queue,
          undefined,
          (count) => {
            consumer.addCredit(count);
            consumer.drain();
            return inbox.splice(0);
          },
          () => consumer.close(),
        );
      }),
    peek: (path, count) => as(() => broker.resolveForPeek(path).peek(0, count).map(received)),
    acceptSession: (path, id) => as(() => sessionOf(broker.resolve(path), broker.resolve(path).sessions.accept(id))),
    acceptNextSession: (path) =>
      as(() => {
        const hold = broker.resolve(path).sessions.acceptNext();
        return hold && sessionOf(broker.resolve(path), hold);
      }),
    attach: () => Promise.reject(new Error('the core has no links')),
    post: () => Promise.reject(new Error('the core has no REST interface')),
    restart: () => Promise.reject(new Error('the core ends with its process')),
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    close: async () => broker.close(),
  };
}

function outgoing(message: TestMessage): OutgoingMessage {
  return { ...message, sizeBytes: message.body.length + JSON.stringify(message.applicationProperties ?? {}).length };
}

function sessionOf(queue: MessageQueue, hold: SessionHold): TestSession {
  const receiver = receiverOf(
    queue,
    hold,
    (count) => hold.receive(count),
    () => hold.close(),
  );
  return {
    ...receiver,
    sessionId: hold.sessionId,
    getState: () => as(() => hold.state && Buffer.from(hold.state).toString()),
    setState: (state) => as(() => hold.setState(state === undefined ? undefined : Buffer.from(state))),
    renewSession: () => as(() => hold.renew()),
  };
}

function receiverOf(
  queue: MessageQueue,
  hold: SessionHold | undefined,
  take: (count: number) => DeliveredMessage[],
  close: () => void,
): TestReceiver {
  const taken = new TakenMessages<DeliveredMessage>(received);
  const lockOf = (message: ReceivedTestMessage): string => {
    const token = taken.original(message).lockToken;
    if (token === undefined) throw new Error('settle what this receiver received under a lock');
    return token;
  };
  return {
    receive: (count) => as(() => take(count).map(taken.keep)),
    complete: (message) => as(() => queue.complete(lockOf(message))),
    abandon: (message, properties) => as(() => queue.abandon(lockOf(message), properties)),
    defer: (message, properties) => as(() => queue.defer(lockOf(message), properties)),
    deadLetter: (message, reason, description) => as(() => queue.deadLetter(lockOf(message), reason, description)),
    renewLock: (message) => as(() => queue.renewLock(lockOf(message))),
    receiveDeferred: (numbers) =>
      as(() => queue.receiveDeferred(numbers.map(Number), 'peekLock', hold).map(taken.keep)),
    peek: (count, from) => as(() => queue.peek(Number(from ?? 0), count, hold?.sessionId).map(received)),
    deleteMessages: (count, before) => as(() => queue.deleteMessages(count, before, hold)),
    close: () => as(close),
  };
}

function received(message: PeekedMessage): ReceivedTestMessage {
  const { content, sequenceNumber, enqueuedSequenceNumber, deliveryCount, enqueuedAt, state, deadLetterSource } =
    message;
  const { messageId, sessionId, correlationId, subject, to, replyTo, replyToSessionId } = content;
  const { contentType, partitionKey, body, applicationProperties } = content;
  const text = (name: string): string | undefined => applicationProperties[name]?.toString();
  return {
    body: String(body),
    messageId,
    sessionId,
    correlationId,
    subject,
    to,
    replyTo,
    replyToSessionId,
    contentType,
    partitionKey,
    expiresAt: Number.isFinite(message.expiresAt) ? message.expiresAt : undefined,
    applicationProperties,
    sequenceNumber: String(sequenceNumber),
    enqueuedSequenceNumber: String(enqueuedSequenceNumber),
    deliveryCount,
    enqueuedAt,
    lockedUntil: 'lockedUntil' in message && typeof message.lockedUntil === 'number' ? message.lockedUntil : undefined,
    state,
    deadLetterReason: text('DeadLetterReason'),
    deadLetterErrorDescription: text('DeadLetterErrorDescription'),
    deadLetterSource,
  };
}
