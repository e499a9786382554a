/**
 * The quotas of a message's properties: 32 KB for each, 64 KB for all of them.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
 */
import { BrokerError } from '../broker-error.ts';
import { type ChangedProperties, Encoded, Float, type OutgoingMessage, type PropertyValue } from '../message.ts';

export const MAX_PROPERTY_BYTES: number = 32 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * @throws BrokerError as the service answers: a property that is too large is an internal error, which clients try
 *   again; properties that are too large together are a message that is too large
 */
export function checkPropertyQuotas(message: OutgoingMessage): void {
  const { body: _, applicationProperties = {}, ...system } = message;
  let total = checkEach(applicationProperties);
  for (const value of Object.values(system)) if (typeof value === 'string') total += Buffer.byteLength(value);
  if (total <= MAX_HEADER_BYTES) return;
  throw new BrokerError(
    'amqp:link:message-size-exceeded',
    `A serialization error occurred while processing the message header stream. The size quota for this stream (${MAX_HEADER_BYTES}) has been exceeded: the properties have ${total} bytes.`,
  );
}

/** Checks each property alone. @returns the bytes of all. @throws BrokerError like `checkPropertyQuotas` */
export function checkEach(properties: ChangedProperties): number {
  let total = 0;
  for (const [name, value] of Object.entries(properties)) {
    const bytes = sizeOf(value);
    if (bytes > MAX_PROPERTY_BYTES) {
      throw new BrokerError(
        'amqp:internal-error',
        `The service was unable to process the request; please retry the operation. (The property '${name.slice(0, 100)}' has ${bytes} bytes; at most ${MAX_PROPERTY_BYTES} are allowed.)`,
      );
    }
    total += Buffer.byteLength(name) + bytes;
  }
  return total;
}

function sizeOf(value: PropertyValue | Encoded | undefined): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof Encoded) return sizeOf(value.value);
  if (value instanceof Uint8Array) return value.length;
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Date || value instanceof Float)
    return 8;
  return value === undefined ? 0 : 1;
}
