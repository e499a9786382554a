/** What a rule of a subscription says, before it is compiled. */
import type { PropertyValue } from '../core/message.ts';

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
