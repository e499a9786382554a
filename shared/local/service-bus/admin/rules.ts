/**
 * Reads and writes rules as XML: filters, actions, and typed values.
 *
 * @see https://learn.microsoft.com/rest/api/servicebus/rules
 */

import { Float, type PropertyValue } from '../core/message.ts';
import type { CorrelationProperty, Filter, RuleDefinition, SqlExpression } from '../filters/rule-definition.ts';
import { AdminError } from './error.ts';
import { element, type Xml, type XmlElement } from './xml.ts';

const SCHEMA = 'http://www.w3.org/2001/XMLSchema';
/** The only compatibility level that SQL filters have had. */
const LEVEL = element('CompatibilityLevel', '20');

/** In the order of the service's data contract. */
const CORRELATION: readonly (readonly [string, CorrelationProperty])[] = [
  ['CorrelationId', 'correlationId'],
  ['MessageId', 'messageId'],
  ['To', 'to'],
  ['ReplyTo', 'replyTo'],
  ['Label', 'subject'],
  ['SessionId', 'sessionId'],
  ['ReplyToSessionId', 'replyToSessionId'],
  ['ContentType', 'contentType'],
];

/**
 * The rule of a description; without a filter it takes every message.
 *
 * @throws AdminError that names the wrong element
 */
export function readRule(description: XmlElement, name: string): RuleDefinition {
  const filter = childOf(description, 'Filter');
  const action = childOf(description, 'Action');
  const made = action && readAction(action);
  return { name, filter: filter ? readFilter(filter) : { kind: 'true' }, ...(made && { action: made }) };
}

function readFilter(filter: XmlElement): Filter {
  const type = filter.attributes.get('type') ?? '';
  switch (type) {
    case 'TrueFilter':
      return { kind: 'true' };
    case 'FalseFilter':
      return { kind: 'false' };
    case 'SqlFilter':
      return { kind: 'sql', ...readSql(filter) };
    case 'CorrelationFilter': {
      const properties = Object.fromEntries(
        CORRELATION.flatMap(([xmlName, property]) => {
          const child = childOf(filter, xmlName);
          return child ? [[property, child.text]] : [];
        }),
      );
      return { kind: 'correlation', properties, applicationProperties: readValues(childOf(filter, 'Properties')) };
    }
    default:
      throw new AdminError(
        400,
        `Filter: expected the type SqlFilter, CorrelationFilter, TrueFilter or FalseFilter, got '${type}'`,
      );
  }
}

function readAction(action: XmlElement): SqlExpression | undefined {
  const type = action.attributes.get('type') ?? 'EmptyRuleAction';
  if (type === 'EmptyRuleAction') return undefined;
  if (type === 'SqlRuleAction') return readSql(action);
  throw new AdminError(400, `Action: expected the type SqlRuleAction or EmptyRuleAction, got '${type}'`);
}

function readSql(parent: XmlElement): SqlExpression {
  const expression = childOf(parent, 'SqlExpression')?.text;
  if (expression === undefined || expression.trim() === '') {
    throw new AdminError(400, `${parent.name}.SqlExpression: expected an expression, got nothing`);
  }
  const parameters = childOf(parent, 'Parameters');
  return { expression, ...(parameters && { parameters: readValues(parameters) }) };
}

function readValues(parent: XmlElement | undefined): Record<string, PropertyValue> {
  const pairs = parent?.children.map((pair): [string, PropertyValue] => {
    const key = childOf(pair, 'Key')?.text;
    const value = childOf(pair, 'Value');
    if (key === undefined || !value) throw new AdminError(400, `${parent.name}: expected pairs of Key and Value`);
    return [key, readValue(key, value)];
  });
  return Object.fromEntries(pairs ?? []);
}

function readValue(key: string, { attributes, text }: XmlElement): PropertyValue {
  if (attributes.get('nil') === 'true') return null;
  const type = (attributes.get('type') ?? 'string').replace(/^.*:/, '');
  const wrong = (): AdminError =>
    new AdminError(400, `the value of '${key}': expected ${type}, got ${JSON.stringify(text)}`);
  switch (type) {
    case 'boolean':
      if (!/^(true|false|1|0)$/i.test(text)) throw wrong();
      return /^(true|1)$/i.test(text);
    case 'byte':
    case 'short':
    case 'int':
    case 'long':
    case 'unsignedByte':
    case 'unsignedShort':
    case 'unsignedInt':
    case 'unsignedLong': {
      if (!/^[+-]?[0-9]{1,20}$/.test(text)) throw wrong();
      const value = BigInt(text);
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    case 'float':
    case 'double':
    case 'decimal': {
      const value = Number(text);
      if (text.trim() === '' || Number.isNaN(value)) throw wrong();
      return new Float(value);
    }
    case 'dateTime': {
      const value = new Date(text);
      if (Number.isNaN(value.getTime())) throw wrong();
      return value;
    }
    case 'base64Binary':
      return Buffer.from(text, 'base64');
    default:
      return text; // string, guid, duration, anyURI
  }
}

function childOf(parent: XmlElement, name: string): XmlElement | undefined {
  return parent.children.find((child) => child.name === name);
}

/** The fields of a RuleDescription. */
export function renderRule({ name, filter, action }: RuleDefinition, createdMs: number): Xml[] {
  return [
    renderFilter(filter),
    action
      ? element('Action', renderSql(action), { 'i:type': 'SqlRuleAction' })
      : element('Action', '', { 'i:type': 'EmptyRuleAction' }),
    element('CreatedAt', new Date(createdMs).toISOString()),
    element('Name', name),
  ];
}

function renderFilter(filter: Filter): Xml {
  switch (filter.kind) {
    case 'true':
      return element('Filter', [element('SqlExpression', '1=1'), LEVEL], { 'i:type': 'TrueFilter' });
    case 'false':
      return element('Filter', [element('SqlExpression', '1=0'), LEVEL], { 'i:type': 'FalseFilter' });
    case 'sql':
      return element('Filter', renderSql(filter), { 'i:type': 'SqlFilter' });
    case 'correlation': {
      const properties = CORRELATION.flatMap(([xmlName, property]) => {
        const value = filter.properties[property];
        return value === undefined ? [] : element(xmlName, value);
      });
      const values = renderValues('Properties', filter.applicationProperties);
      return element('Filter', [...properties, ...values], { 'i:type': 'CorrelationFilter' });
    }
  }
}

function renderSql({ expression, parameters = {} }: SqlExpression): Xml[] {
  return [element('SqlExpression', expression), LEVEL, ...renderValues('Parameters', parameters)];
}

/** No element for no values: clients refuse an empty element. */
function renderValues(name: string, values: Readonly<Record<string, PropertyValue>>): Xml[] {
  const pairs = Object.entries(values).map(([key, value]) =>
    element('KeyValueOfstringanyType', [element('Key', key), renderValue(value)]),
  );
  return pairs.length === 0 ? [] : [element(name, pairs)];
}

function renderValue(value: PropertyValue): Xml {
  if (value === null) return element('Value', '', { 'i:nil': 'true' });
  const [type, text] = typedText(value);
  // Some clients remove the prefix by its length, so it has the length of the service's prefix.
  return element('Value', text, { 'i:type': `d6p1:${type}`, 'xmlns:d6p1': SCHEMA });
}

function typedText(value: NonNullable<PropertyValue>): [string, string] {
  if (value instanceof Date) return ['dateTime', value.toISOString()];
  if (value instanceof Uint8Array) return ['base64Binary', Buffer.from(value).toString('base64')];
  if (value instanceof Float) return ['double', String(value.value)];
  if (typeof value === 'number' && !Number.isInteger(value)) return ['double', String(value)];
  if (typeof value === 'number' || typeof value === 'bigint') {
    return [value >= -(2 ** 31) && value < 2 ** 31 ? 'int' : 'long', String(value)];
  }
  return [typeof value, String(value)];
}
