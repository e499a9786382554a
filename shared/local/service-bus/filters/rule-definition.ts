/** The rule of a subscription, before it is compiled. */
import type { PropertyValue } from '../core/message.ts';

/** An SQL expression, and the values of its parameters by their names, `@` included. */
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

/** Matches when every given property is equal. */
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
