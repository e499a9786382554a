/**
 * SQL actions: how a rule changes the copies of messages that it takes.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-rule-action
 */
import { type Arrival, type Content, changeContent, Float, type PropertyValue } from '../core/message.ts';
import { compileValue, type Now } from './sql-filter.ts';
import { SqlSyntaxError } from './sql-lexer.ts';
import { type Parameters, parseStatements, type StatementNode } from './sql-parser.ts';
import { sqlText, TimeSpan, toTime, toTimeSpan, type Value } from './sql-value.ts';
import { timePropertyOf } from './system-properties.ts';

/**
 * @returns a function from a message's content to the changed content; it throws FilterError as filters do
 * @throws SqlSyntaxError that names the position
 */
export function compileSqlAction(
  expression: string,
  parameters?: Parameters,
): (content: Content, arrival?: Arrival) => Content {
  const now: Now = { arrival: undefined };
  const statements = parseStatements(expression, parameters).map((statement) => compileStatement(statement, now));
  return (content, arrival) => {
    now.arrival = arrival;
    return statements.reduce((changed, statement) => statement(changed), content);
  };
}

function compileStatement(statement: StatementNode, now: Now): (content: Content) => Content {
  const { property } = statement;
  const value = statement.kind === 'set' ? compileValue(statement.value, now) : undefined;
  if (property.kind === 'derived') {
    const time = timePropertyOf(property.name);
    if (!time) throw new SqlSyntaxError(`sys.${property.name} cannot be changed`, statement.at);
    return (content) => {
      const result = value?.(content);
      const ms = time === 'timeToLiveMs' ? toTimeSpan(result)?.ms : toTime(result)?.getTime();
      return changeContent(content, {}, { [time]: ms });
    };
  }
  if (property.kind === 'system') {
    if (!value && property.property === 'messageId') {
      throw new SqlSyntaxError('the message id cannot be removed', statement.at);
    }
    return (content) => {
      const result = value?.(content);
      return changeContent(content, {}, { [property.property]: result === undefined ? undefined : sqlText(result) });
    };
  }
  return (content) => {
    const name = existingName(content, property.name);
    if (!value) return changeContent(content, { [name]: undefined });
    return changeContent(content, { [name]: converted(value(content), content.applicationProperties[name]) });
  };
}

/** The spelling that a property of this name already has: case does not matter. */
function existingName({ applicationProperties }: Content, name: string): string {
  if (Object.hasOwn(applicationProperties, name)) return name;
  return Object.keys(applicationProperties).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
}

/** Converts the value to the type that the property had, where that is possible. */
function converted(value: Value, before: PropertyValue | undefined): PropertyValue {
  if (value === undefined) return null;
  if (typeof before === 'string' || value instanceof TimeSpan) return sqlText(value);
  if (before instanceof Float && typeof value === 'number') return new Float(value);
  if ((typeof before === 'number' || before instanceof Float) && typeof value === 'string') {
    const number = value.trim() === '' ? Number.NaN : Number(value);
    return Number.isNaN(number) ? value : before instanceof Float ? new Float(number) : number;
  }
  if (typeof before === 'boolean' && typeof value === 'string' && /^(true|false)$/i.test(value)) {
    return value.toLowerCase() === 'true';
  }
  return value;
}
