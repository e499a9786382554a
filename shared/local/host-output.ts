/** Prints the host's logs and errors on a terminal. A repeated error is printed once in a while. */
import { complain, dim, print, red, yellow } from '../terminal/command.ts';
import type { LogLevel } from './functions-host/core-module.ts';
import type { HostOptions } from './functions-host/functions-host.ts';

const SHOWN: readonly LogLevel[] = ['information', 'warning', 'error', 'critical'];
/** While the broker is away, every receiver reports an error at every attempt to connect. */
const REPEAT_MS = 10_000;

/** Prints what `startFunctionsHost` reports, on stdout and stderr. */
export function hostOutput(isVerbose: boolean): Pick<HostOptions, 'onLog' | 'onError'> {
  const lastPrinted = new Map<string, number>();
  const complainOnce = (line: string, text: string): void => {
    const now = performance.now();
    if (now - (lastPrinted.get(text) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    if (lastPrinted.size > 1000) lastPrinted.clear();
    lastPrinted.set(text, now);
    complain(line);
  };
  return {
    onLog: ({ level, category, functionName, message }) => {
      if (!isVerbose && (category !== 'user' || !SHOWN.includes(level))) return;
      const line = `${dim(time())} ${functionName} ${message}`;
      if (level === 'error' || level === 'critical') complain(red(line));
      else if (level === 'warning') complain(yellow(line));
      else print(line);
    },
    onError: (functionName, message) => {
      const isConnection = /^receive: /.test(message);
      const text = isConnection ? message.slice('receive: '.length) : message;
      const who = isConnection ? 'Service Bus' : functionName;
      complainOnce(`${dim(time())} ${red(who)} ${text}`, isConnection ? text : `${functionName} ${text}`);
    },
  };
}

function time(): string {
  return new Date().toISOString().slice(11, 23);
}
