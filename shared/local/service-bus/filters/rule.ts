/** Compiled rules: which messages a subscription takes, and how it changes them. */

import { BrokerError, FilterError } from '../core/broker-error.ts';
import { type Arrival, type Content, changeContent } from '../core/message.ts';
import { compileCorrelation } from './correlation-filter.ts';
import type { Filter, RuleDefinition, SqlExpression } from './rule-definition.ts';
import { compileSqlAction } from './sql-action.ts';
import { compileSqlFilter } from './sql-filter.ts';
import { SqlSyntaxError } from './sql-lexer.ts';

export interface Rule {
  readonly definition: RuleDefinition;
  readonly createdAt: number;
  /** @throws FilterError when the expression cannot be applied to the message's properties */
  readonly matches: (content: Content, arrival: Arrival) => boolean;
  /** @returns the changed content, which names the rule. @throws FilterError like `matches` */
  readonly act: ((content: Content, arrival: Arrival) => Content) | undefined;
}

/** Given to the broker, so that its core does not import the filters. */
export type CompileRule = typeof compileRule;

/** @throws BrokerError that names the rule and the position, when an expression is wrong */
export function compileRule(definition: RuleDefinition, createdAt: number): Rule {
  const { name, filter, action } = definition;
  try {
    return {
      definition,
      createdAt,
      matches: compileFilter(filter),
      act: action && compileAction(name, action),
    };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError || error instanceof FilterError)) throw error;
    throw new BrokerError('com.microsoft:argument-error', `rule '${name}': ${error.message}`);
  }
}

/** A copy tells its receiver which rule made it: https://learn.microsoft.com/azure/service-bus-messaging/topic-filters */
function compileAction(rule: string, { expression, parameters }: SqlExpression): NonNullable<Rule['act']> {
  const act = compileSqlAction(expression, parameters);
  return (content, arrival) => act(changeContent(content, { RuleName: rule }), arrival);
}

function compileFilter(filter: Filter): Rule['matches'] {
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
