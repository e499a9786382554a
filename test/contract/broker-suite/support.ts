/** What the sections of the broker contract share. */
import type {
  QueueProperties,
  SubscriptionProperties,
} from '../../../shared/local/service-bus/core/entity-properties.ts';
import type { RuleDefinition } from '../../../shared/local/service-bus/filters/rule-definition.ts';
import type { Bench } from '../broker-case.ts';
import type { BrokerDriver, ReceivedTestMessage, TestMessage } from '../broker-driver.ts';

/** Receives and deletes what is there, at most a hundred messages. */
export async function drain(driver: BrokerDriver, path: string): Promise<ReceivedTestMessage[]> {
  const receiver = await driver.receiver(path, 'receiveAndDelete');
  const received = await receiver.receive(100);
  await receiver.close();
  return received;
}

export async function drainBodies(driver: BrokerDriver, path: string): Promise<string[]> {
  return bodiesOf(await drain(driver, path));
}

export function bodiesOf(messages: readonly ReceivedTestMessage[]): string[] {
  return messages.map(({ body }) => body);
}

/** The only message of an answer. */
export function one(messages: readonly ReceivedTestMessage[]): ReceivedTestMessage {
  const [message] = messages;
  if (!message || messages.length !== 1) throw new Error(`expected one message, got ${messages.length}`);
  return message;
}

/** A new queue with messages of these bodies. @returns its name */
export async function queueWith(
  { driver, name }: Bench,
  properties: Partial<QueueProperties> = {},
  messages: readonly (string | TestMessage)[] = [],
): Promise<string> {
  const queue = name('q');
  await driver.createQueue(queue, properties);
  if (messages.length > 0) await driver.send(queue, messages.map(messageOf));
  return queue;
}

function messageOf(message: string | TestMessage): TestMessage {
  return typeof message === 'string' ? { body: message } : message;
}

/** A new topic with one subscription. */
export async function subscribed(
  { driver, name }: Bench,
  properties: Partial<SubscriptionProperties> = {},
  rules: readonly RuleDefinition[] = [],
): Promise<{ topic: string; path: string }> {
  const topic = name('t');
  await driver.createTopic(topic);
  await driver.createSubscription(topic, 's', properties, rules);
  return { topic, path: `${topic}/Subscriptions/s` };
}

export function sql(name: string, expression: string, action?: string): RuleDefinition {
  return { name, filter: { kind: 'sql', expression }, ...(action !== undefined && { action: { expression: action } }) };
}

/** What a subscription with these rules gets of the messages. */
export async function routed(
  bench: Bench,
  rules: readonly RuleDefinition[],
  messages: readonly TestMessage[],
): Promise<ReceivedTestMessage[]> {
  const { topic, path } = await subscribed(bench, {}, rules);
  await bench.driver.send(topic, messages);
  return drain(bench.driver, path);
}

export const KB = 1024;

export function textOf(length: number): string {
  return 'x'.repeat(length);
}

export const deadLettersOf = (path: string): string => `${path}/$DeadLetterQueue`;
