/** Filters that compare properties for equality. */

import { BrokerError } from '../core/broker-error.ts';
import { type ApplicationProperties, type Content, Float, type PropertyValue } from '../core/message.ts';
import type { CorrelationFilter, CorrelationProperty } from './rule-definition.ts';

/**
 * Compares strings case-sensitively, and numbers by value, not by type.
 *
 * @throws BrokerError when the filter compares no property
 */
export function compileCorrelation({
  properties,
  applicationProperties,
}: CorrelationFilter): (content: Content) => boolean {
  const system = Object.entries(properties).filter(([, value]) => value !== undefined);
  const application = Object.entries(applicationProperties);
  if (system.length + application.length === 0) {
    throw new BrokerError('com.microsoft:argument-error', 'a correlation filter must compare at least one property');
  }
  const [first] = system;
  if (system.length === 1 && application.length === 0 && first) {
    const [name, expected] = first;
    // Object.entries widens the keys.
    return (content) => content[name as CorrelationProperty] === expected;
  }
  return (content) =>
    system.every(([name, expected]) => content[name as CorrelationProperty] === expected) &&
    application.every(([name, expected]) => isSame(findProperty(content.applicationProperties, name), expected));
}

/** The value of an application property, whose name is matched without case. Undefined when the property is absent. */
export function findProperty(properties: ApplicationProperties, name: string): PropertyValue | undefined {
  if (Object.hasOwn(properties, name)) return properties[name];
  const lower = name.toLowerCase();
  for (const key of Object.keys(properties)) {
    if (key.length === name.length && key.toLowerCase() === lower) return properties[key];
  }
  return undefined;
}

function isSame(a: PropertyValue | undefined, b: PropertyValue): boolean {
  if (a === undefined || a === null || b === null) return a === b;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.from(a).equals(b);
  const left = a instanceof Float ? a.value : a;
  const right = b instanceof Float ? b.value : b;
  // 5n and 5 are equal.
  return isNumber(left) && isNumber(right) ? Number(left) === Number(right) : left === right;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
