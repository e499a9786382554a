/** The operations of a subscription's `$management` on its rules. */

import { Float, type PropertyValue } from '../../core/message.ts';
import type { Subscription } from '../../core/topic.ts';
import type { Rule } from '../../filters/rule.ts';
import type { CorrelationProperty, Filter, RuleDefinition, SqlExpression } from '../../filters/rule-definition.ts';
import { asMap } from '../codec/frames.ts';
import { AmqpError, type AmqpMap, type AmqpValue, Described, Typed, ulong } from '../codec/types.ts';
import type { AmqpResponse } from '../engine/request.ts';
import { toProperties } from '../messages/decode.ts';
import { OK } from './entity-management.ts';
import type { RequestBody } from './request-body.ts';

// The two prefixes differ by one digit; with the wrong one clients throw.
const RULE = 0x13700000004;
const EMPTY_ACTION = 0x13700000005;
const SQL_ACTION = 0x13700000006;
const SQL_FILTER = 0x1370000006;
const TRUE_FILTER = 0x1370000007;
const FALSE_FILTER = 0x1370000008;
const CORRELATION_FILTER = 0x1370000009;
/** The compatibility level of the SQL dialect. */
const COMPATIBILITY_LEVEL = new Typed('int', 20);

/** In the order of the described list, with the names of `add-rule`. */
const CORRELATION_FIELDS: readonly (readonly [string, CorrelationProperty])[] = [
  ['correlation-id', 'correlationId'],
  ['message-id', 'messageId'],
  ['to', 'to'],
  ['reply-to', 'replyTo'],
  ['label', 'subject'],
  ['session-id', 'sessionId'],
  ['reply-to-session-id', 'replyToSessionId'],
  ['content-type', 'contentType'],
];

export function addRule(subscription: Subscription, body: RequestBody): AmqpResponse {
  const name = body.text('rule-name');
  const description = body.map('rule-description');
  if (!description) throw new AmqpError('com.microsoft:argument-error', 'rule-description: expected a map');
  const action = readExpression(asMap(description.get('sql-rule-action')));
  const definition: RuleDefinition = { name, filter: readFilter(description), ...(action && { action }) };
  subscription.addRule(definition);
  return OK;
}

export function removeRule(subscription: Subscription, body: RequestBody): AmqpResponse {
  subscription.removeRule(body.text('rule-name'));
  return OK;
}

export function listRules(subscription: Subscription, body: RequestBody): AmqpResponse {
  const skip = body.optionalNumber('skip') ?? 0;
  const page = subscription.rules.slice(skip, skip + (body.optionalNumber('top') ?? 100));
  if (page.length === 0) return { status: 204, description: 'No rules' };
  const rules = page.map((rule): AmqpMap => new Map([['rule-description', describeRule(rule)]]));
  return { ...OK, body: new Map([['rules', rules]]) };
}

function readFilter(description: AmqpMap): Filter {
  const correlation = asMap(description.get('correlation-filter'));
  if (correlation) {
    const properties: Partial<Record<CorrelationProperty, string>> = {};
    for (const [key, name] of CORRELATION_FIELDS) {
      const value = correlation.get(key);
      if (typeof value === 'string') properties[name] = value;
    }
    const applicationProperties = toProperties(asMap(correlation.get('properties'))) ?? {};
    return { kind: 'correlation', properties, applicationProperties };
  }
  // SDKs add a true filter as the SQL filter 1=1, and the service lists it as one:
  // https://github.com/Azure/azure-sdk-for-js/issues/1727
  const sql = readExpression(asMap(description.get('sql-filter')));
  if (sql) return { kind: 'sql', ...sql };
  if (description.has('false-filter')) return { kind: 'false' };
  if (description.has('true-filter') || description.size === 0) return { kind: 'true' };
  throw new AmqpError(
    'com.microsoft:argument-error',
    'rule-description: expected sql-filter, correlation-filter or true-filter',
  );
}

function readExpression(map: AmqpMap | undefined): SqlExpression | undefined {
  const expression = map?.get('expression');
  if (typeof expression !== 'string' || expression === '') return undefined;
  const parameters = toProperties(asMap(map?.get('parameters')));
  return { expression, ...(parameters && { parameters }) };
}

function describeRule({ definition, createdAt }: Rule): Described {
  const { name, filter, action } = definition;
  const described = action
    ? new Described(ulong(SQL_ACTION), [action.expression, COMPATIBILITY_LEVEL])
    : new Described(ulong(EMPTY_ACTION), []);
  return new Described(ulong(RULE), [describeFilter(filter), described, name, new Date(createdAt)]);
}

function describeFilter(filter: Filter): Described {
  switch (filter.kind) {
    case 'true':
      return new Described(ulong(TRUE_FILTER), []);
    case 'false':
      return new Described(ulong(FALSE_FILTER), []);
    case 'sql':
      return new Described(ulong(SQL_FILTER), [filter.expression, COMPATIBILITY_LEVEL]);
    case 'correlation': {
      const fields = CORRELATION_FIELDS.map(([, name]) => filter.properties[name] ?? null);
      const properties = Object.entries(filter.applicationProperties);
      const map: AmqpMap = new Map(properties.map(([key, value]) => [key, wireValue(value)]));
      return new Described(ulong(CORRELATION_FILTER), [...fields, map]);
    }
  }
}

function wireValue(value: PropertyValue): AmqpValue {
  if (value instanceof Float) return new Typed('double', value.value);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}
