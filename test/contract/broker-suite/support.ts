/** What the sections of the broker contract share. */
import type { BrokerDriver, ReceivedTestMessage } from '../broker-driver.ts';

/** Receives and deletes what is there, at most a hundred messages. */
export async function drain(driver: BrokerDriver, path: string): Promise<ReceivedTestMessage[]> {
  const receiver = await driver.receiver(path, 'receiveAndDelete');
  const received = await receiver.receive(100);
  await receiver.close();
  return received;
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
