/** Which rights a link or a request needs, and whether the client has shown them. */
import { missingClaims } from '../../auth/authority.ts';
import type { Claims } from '../../auth/claims.ts';
import { ACCESS_RIGHTS, type AccessRight } from '../../core/authorization-rule.ts';
import { AmqpError } from '../codec/types.ts';

/** Each inner list holds alternatives; one of every list is needed. */
type Needed = readonly (readonly AccessRight[])[];

export const TO_SEND: Needed = [['Send']];
export const TO_RECEIVE: Needed = [['Listen']];
/** Any right: what a request does needs its own. */
export const TO_MANAGE: Needed = [ACCESS_RIGHTS];

/** @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas#rights-required-for-service-bus-operations */
const OPERATIONS: Readonly<Record<string, Needed>> = {
  'schedule-message': [['Send'], ['Listen']],
  'cancel-scheduled-message': [['Send'], ['Listen']],
  'enumerate-rules': [['Manage', 'Listen']],
};

/** What an operation of `$management` needs. */
export function neededFor(operation: string): Needed {
  return OPERATIONS[operation.replace('com.microsoft:', '')] ?? TO_RECEIVE;
}

/**
 * A client that has shown nothing may do everything when no token is required; one that has is held to it.
 *
 * @throws AmqpError with the text of the service
 */
export function checkAccess(claims: Claims, address: string, needed: Needed, requireToken: boolean): void {
  if (claims.isEmpty && !requireToken) return;
  const rights = claims.rightsAt(address);
  for (const alternatives of needed) {
    if (rights && alternatives.some((right) => rights.has(right))) continue;
    const resource = /^[a-z]+:\/\//i.test(address) ? address : `sb://localhost/${address.replace(/^\/+/, '')}`;
    throw new AmqpError('amqp:unauthorized-access', missingClaims(alternatives, resource));
  }
}
