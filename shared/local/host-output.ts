/** How the host's doings are shown on a terminal: one line each, the same trouble once a while. */
import { complain, dim, print, red, yellow } from '../terminal/command.ts';
import type { LogLevel } from './functions-host/core-module.ts';
import type { HostOptions } from './functions-host/functions-host.ts';

const SHOWN: readonly LogLevel[] = ['information', 'warning', 'error', 'critical'];
/** A broker that is away makes every receiver complain at every try. */
const REPEAT_MS = 10_000;

/** What `startFunctionsHost` tells, as lines on stdout and stderr. */
export function hostOutput(isVerbose: boolean): Pick<HostOptions, 'onLog' | 'onError'> {
  const lastSaid = new Map<string, number>();
  const say = (line: string, text: string): void => {
    const now = performance.now();
    if (now - (lastSaid.get(text) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    if (lastSaid.size > 1000) lastSaid.clear();
    lastSaid.set(text, now);
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
      say(`${dim(time())} ${red(who)} ${text}`, isConnection ? text : `${functionName} ${text}`);
    },
  };
}

function time(): string {
  return new Date().toISOString().slice(11, 23);
}
