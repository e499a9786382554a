/** The broker's errors, as the AMQP conditions that Service Bus answers with. */
import { PlatformError } from '../../../errors.ts';

/**
 * Conditions, and the code that the Azure SDKs make of them.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-exceptions-latest
 */
const CODES = {
  'amqp:not-found': 'MessagingEntityNotFound',
  'amqp:not-allowed': 'InvalidOperation',
  'com.microsoft:argument-error': 'InvalidArgument',
  'amqp:resource-limit-exceeded': 'QuotaExceeded',
  'amqp:link:message-size-exceeded': 'MessageSizeExceeded',
  'amqp:internal-error': 'GeneralError',
  'amqp:unauthorized-access': 'UnauthorizedAccess',
  'amqp:connection:forced': 'ServiceCommunicationProblem',
  'com.microsoft:entity-already-exists': 'MessagingEntityAlreadyExists',
  'com.microsoft:entity-disabled': 'MessagingEntityDisabled',
  'com.microsoft:message-lock-lost': 'MessageLockLost',
  'com.microsoft:message-not-found': 'MessageNotFound',
  'com.microsoft:session-lock-lost': 'SessionLockLost',
  'com.microsoft:session-cannot-be-locked': 'SessionCannotBeLocked',
  'com.microsoft:server-busy': 'ServiceBusy',
  'com.microsoft:timeout': 'ServiceTimeout',
} as const;

export type Condition = keyof typeof CODES;

const TRANSIENT: ReadonlySet<Condition> = new Set<Condition>([
  'amqp:internal-error',
  'amqp:connection:forced',
  'com.microsoft:server-busy',
  'com.microsoft:timeout',
]);

/** An operation was refused and changed nothing. `condition` is what AMQP clients receive. */
export class BrokerError extends PlatformError {
  override readonly isTransient: boolean;
  override readonly reason: string;
  readonly condition: Condition;

  constructor(condition: Condition, message: string) {
    super(message);
    this.condition = condition;
    this.reason = CODES[condition];
    this.isTransient = TRANSIENT.has(condition);
  }
}

/** The SDKs recognise a missing entity by this exact sentence. */
export function entityNotFound(path: string): BrokerError {
  return new BrokerError('amqp:not-found', `The messaging entity '${path}' could not be found`);
}

/** An expression cannot be applied to a message, for example because it divides a string. */
export class FilterError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FilterError';
  }
}
