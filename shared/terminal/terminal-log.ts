/** Prints the functions' log on a terminal: warnings and errors, and with `isVerbose` the rest. */
import type { Log, LogFields } from '../ports/log.ts';
import { oneLine } from '../shown-text.ts';
import { complain, dim, printJson, red, yellow } from './command.ts';

export interface LogOptions {
  /** One JSON object a line on stdout, among the others. */
  readonly isJson: boolean;
  readonly isVerbose: boolean;
}

export function terminalLog({ isJson, isVerbose }: LogOptions): Log {
  const line = (level: string, message: string, fields: LogFields = {}, colour: (text: string) => string): void => {
    if (isJson) {
      printJson({ log: { level, message, ...fields } });
      return;
    }
    const { stack, ...others } = fields;
    const shown = Object.entries(others).filter(([, value]) => value !== undefined);
    const text = colour(oneLine(`${message}  ${shown.map(([name, value]) => `${name}=${value}`).join(' ')}`));
    complain(stack === undefined ? text : `${text}\n${dim(String(stack))}`);
  };
  return {
    info: (message, fields) => {
      if (isVerbose) line('info', message, fields, dim);
    },
    warn: (message, fields) => line('warn', message, fields, yellow),
    error: (message, fields) => line('error', message, fields, red),
  };
}
