/** What the broker refuses, as the AMQP conditions that Service Bus answers with. */
import { PlatformError } from '../../../errors.ts';

/**
 * Conditions, and the code that the Azure SDKs make of them.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
 */
const CODES = {
  'amqp:not-found': 'MessagingEntityNotFound',
  'amqp:not-allowed': 'InvalidOperation',
  'amqp:invalid-field': 'InvalidArgument',
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

/** A refusal. `condition` goes over the wire as it is; nothing was changed by the call that threw it. */
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

/** The SDKs recognise a missing entity by this very sentence. */
export function entityNotFound(path: string): BrokerError {
  return new BrokerError('amqp:not-found', `The messaging entity '${path}' could not be found`);
}

/** A message that an expression cannot be applied to, such as a string that is divided. */
export class FilterError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FilterError';
  }
}
