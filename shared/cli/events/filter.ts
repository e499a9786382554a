/** The flags that say which entries of the history are meant. */
import { knownType } from '../options.ts';

export const FILTER_FLAGS = {
  type: { type: 'string' },
  subject: { type: 'string' },
  'correlation-id': { type: 'string' },
} as const;

export const FILTER_USAGE = `  --type TYPE            only events of this type
  --subject TEXT         only events about this: default/shop/web
  --correlation-id ID    only events of this chain`;

type FilterFlags = { readonly [Flag in keyof typeof FILTER_FLAGS]?: string | undefined };

interface EventFilter {
  readonly type: string | undefined;
  readonly subject: string | undefined;
  readonly correlationId: string | undefined;
}

/** @throws UsageError for a type that does not exist */
export function filterOf({ type, subject, 'correlation-id': correlationId }: FilterFlags): EventFilter {
  if (type !== undefined) knownType(type, '--type: ');
  return { type, subject, correlationId };
}
