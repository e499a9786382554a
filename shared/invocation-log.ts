/** The log of one invocation: the host shows each line with the level, the function, the invocation and its trace. */
import type { InvocationContext } from '@azure/functions';
import type { Log, LogFields } from './ports/log.ts';

/** What of an invocation its log needs. */
export type InvocationLogger = Pick<InvocationContext, 'info' | 'warn' | 'error'>;

/** One JSON object a line. Written to the console instead, a line has no invocation, and the host guesses its level by its words. */
export function invocationLog(context: InvocationLogger): Log {
  return {
    info: (message, fields) => context.info(lineOf(message, fields)),
    warn: (message, fields) => context.warn(lineOf(message, fields)),
    error: (message, fields) => context.error(lineOf(message, fields)),
  };
}

function lineOf(message: string, fields: LogFields | undefined): string {
  return JSON.stringify({ message, ...fields });
}
