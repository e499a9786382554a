/** The rules of a subscription: which messages it takes, and what is changed on the way in. */
import { BrokerError } from './broker-error.ts';
import { compileCorrelation } from './correlation-filter.ts';
import type { Content, PropertyValue } from './message.ts';
import { compileSqlAction } from './sql-action.ts';
import { compileSqlFilter } from './sql-filter.ts';
import { SqlSyntaxError } from './sql-lexer.ts';
import { FilterError } from './sql-value.ts';

/** An SQL expression and the values of the parameters in it, by their names with the `@`. */
export interface SqlExpression {
  readonly expression: string;
  readonly parameters?: Readonly<Record<string, PropertyValue>>;
}

export type CorrelationProperty =
  | 'messageId'
  | 'correlationId'
  | 'subject'
  | 'to'
  | 'replyTo'
  | 'replyToSessionId'
  | 'sessionId'
  | 'contentType';

/** All that is given must be equal. */
export interface CorrelationFilter {
  readonly properties: Readonly<Partial<Record<CorrelationProperty, string | undefined>>>;
  readonly applicationProperties: Readonly<Record<string, PropertyValue>>;
}

export type Filter =
  | { readonly kind: 'true' }
  | { readonly kind: 'false' }
  | (SqlExpression & { readonly kind: 'sql' })
  | (CorrelationFilter & { readonly kind: 'correlation' });

export interface RuleDefinition {
  readonly name: string;
  readonly filter: Filter;
  readonly action?: SqlExpression;
}

/** What a subscription made without rules has. */
export const DEFAULT_RULE: RuleDefinition = { name: '$Default', filter: { kind: 'true' } };

export interface Rule {
  readonly definition: RuleDefinition;
  readonly createdAt: number;
  /** @throws FilterError when the message has properties that the expression cannot be applied to */
  readonly matches: (content: Content) => boolean;
  /** @returns the changed content. @throws FilterError as `matches` */
  readonly act: ((content: Content) => Content) | undefined;
}

/** @throws BrokerError naming the rule and the position when an expression is wrong */
export function compileRule(definition: RuleDefinition, createdAt: number): Rule {
  const { name, filter, action } = definition;
  try {
    return {
      definition,
      createdAt,
      matches: compileFilter(filter),
      act: action && compileSqlAction(action.expression, action.parameters),
    };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError || error instanceof FilterError)) throw error;
    throw new BrokerError('amqp:invalid-field', `rule '${name}': ${error.message}`);
  }
}

function compileFilter(filter: Filter): (content: Content) => boolean {
  switch (filter.kind) {
    case 'true':
      return () => true;
    case 'false':
      return () => false;
    case 'sql':
      return compileSqlFilter(filter.expression, filter.parameters);
    case 'correlation':
      return compileCorrelation(filter);
  }
}
