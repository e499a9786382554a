/**
 * Prints the host's logs and errors, for people or for programs, with their time and level. A repeated error is printed
 * once in a while.
 */
import { parseJson } from '../json.ts';
import { oneLine } from '../shown-text.ts';
import { complain, dim, print, printJson, red, yellow } from '../terminal/command.ts';
import type { LogLevel } from './functions-host/core-module.ts';
import type { HostOptions } from './functions-host/functions-host.ts';
import type { InvocationLog } from './functions-host/invoke.ts';

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'information', 'warning', 'error', 'critical'];
/** While the broker is away, every receiver reports an error at every attempt to connect. */
const REPEAT_MS = 10_000;

interface HostOutputOptions {
  /** The level from which on functions' lines are printed. */
  readonly from: LogLevel;
  /** Every line, those of the library too. */
  readonly isVerbose: boolean;
  /** One JSON object a line on stdout, among the others. */
  readonly isJson: boolean;
}

/** Prints what `startFunctionsHost` reports. */
export function hostOutput({
  from,
  isVerbose,
  isJson,
}: HostOutputOptions): Required<Pick<HostOptions, 'onLog' | 'onError'>> {
  const show = isJson ? printAsJson : printAsText;
  const lastPrinted = new Map<string, number>();
  const isRepeated = (text: string): boolean => {
    const now = performance.now();
    if (now - (lastPrinted.get(text) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return true;
    if (lastPrinted.size > 1000) lastPrinted.clear();
    lastPrinted.set(text, now);
    return false;
  };
  return {
    onLog: (line) => {
      const isShown = line.category === 'user' && LEVELS.indexOf(line.level) >= LEVELS.indexOf(from);
      if (isVerbose || isShown) show(line);
    },
    onError: (name, text) => {
      const isConnection = /^receive: /.test(text);
      const message = isConnection ? text.slice('receive: '.length) : text;
      const functionName = isConnection ? 'Service Bus' : name;
      if (!isRepeated(isConnection ? message : `${name} ${message}`)) show({ level: 'error', functionName, message });
    },
  };
}

type Line = Pick<InvocationLog, 'level' | 'functionName' | 'message'> & Partial<Pick<InvocationLog, 'invocationId'>>;

/** What the app logs is a JSON object with a message. */
function partsOf({ message: text }: Line): { message: string; fields: Readonly<Record<string, unknown>> } {
  try {
    const { message, ...fields } = Object(parseJson(text)) as Readonly<Record<string, unknown>>;
    if (typeof message === 'string') return { message, fields };
  } catch {
    // A line of somebody else.
  }
  return { message: text, fields: {} };
}

function printAsJson(line: Line): void {
  const { level, functionName, invocationId } = line;
  const { message, fields } = partsOf(line);
  const time = new Date().toISOString();
  printJson({ log: { ...fields, time, level, function: functionName, invocationId, message } });
}

function printAsText(line: Line): void {
  const { level, functionName } = line;
  const { message, fields } = partsOf(line);
  const { stack, ...others } = fields;
  const isError = level === 'error' || level === 'critical';
  const colour = isError ? red : level === 'warning' ? yellow : (text: string) => text;
  const shown = Object.entries(others).map(([name, value]) => ` ${name}=${value}`);
  // What is no line of the app may have several, such as the stack of an error.
  const text = shown.length > 0 ? oneLine(`${message} ${shown.join('')}`) : message;
  const whole = `${dim(new Date().toISOString().slice(11, 23))} ${colour(`${level} ${functionName} ${text}`)}`;
  const printed = stack === undefined ? whole : `${whole}\n${dim(String(stack))}`;
  if (isError || level === 'warning') complain(printed);
  else print(printed);
}
