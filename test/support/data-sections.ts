/** Messages whose body is cut into several AMQP data sections, which the SDK itself never sends. */
import { message } from 'rhea';
import { readMessage } from '../../shared/local/service-bus/amqp/messages/decode.ts';
import type { OutgoingMessage } from '../../shared/local/service-bus/core/message.ts';

/** As it comes in over AMQP: one section for each part. */
export function inDataSections(parts: readonly Buffer[]): OutgoingMessage {
  const body = message.data_sections([...parts]);
  return readMessage(message.encode({ message_id: 'cut', content_type: 'application/cloudevents+json', body }));
}

/** The bytes in parts of so many. */
export function cut(bytes: Buffer, length: number): Buffer[] {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, n) => bytes.subarray(n * length, (n + 1) * length));
}
