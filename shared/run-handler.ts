/** Runs a handler once: with its own ports, within its time, and with what it asked to be published. */
import { TransientError } from './errors.ts';
import type { PlatformEvent } from './events/catalog.ts';
import { childEvent } from './events/cloud-event.ts';
import type { Handler, HandlerPorts, Log, LogFields, Ports, Recheck } from './ports.ts';

/** How a run ended. Only a run that did not fail has children. */
export type Outcome =
  | { readonly kind: 'finished'; readonly children: readonly PlatformEvent[] }
  | { readonly kind: 'recheck'; readonly afterMs: number; readonly children: readonly PlatformEvent[] }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Calls back after so many milliseconds, unless the returned function is called before. */
export type Timer = (ms: number, callback: () => void) => () => void;

export const systemTimer: Timer = (ms, callback) => {
  const handle = setTimeout(callback, ms);
  return () => clearTimeout(handle);
};

export interface Run {
  readonly event: PlatformEvent;
  /** The subscription of the handler. */
  readonly name: string;
  readonly handle: Handler<never>;
  readonly log: Log;
  readonly handlerTimeoutMs: number;
  readonly timer: Timer;
}

/** The handler's time is over. It cannot be stopped: what it does from now on must be harmless, as after a lost lease. */
export class HandlerTimeoutError extends TransientError {
  override readonly reason = 'HandlerTimeout';
}

/** Never rejects: whatever the handler throws is the outcome. */
export async function runHandler(
  { event, name, handle, log, handlerTimeoutMs, timer }: Run,
  ports: Ports,
): Promise<Outcome> {
  const { bus: _, ...rest } = ports;
  const children: PlatformEvent[] = [];
  let isOver = false;
  const handlerPorts: HandlerPorts = {
    ...rest,
    log,
    publish: (definition, data, { key, correlationid } = {}) => {
      if (isOver) throw new TypeError(`${name} asked to publish ${definition.type} after its run had ended`);
      const child = childEvent(event, definition, {
        handler: name,
        data,
        time: new Date(ports.clock.now()).toISOString(),
        ...(key !== undefined && { key }),
        ...(correlationid !== undefined && { correlationid }),
      });
      // A definition that handlers can import comes from the catalog, so the child is one of its events.
      children.push(child as unknown as PlatformEvent);
    },
  };
  try {
    // The subscription's filter and the check of the type hand this handler its own events only.
    const result = await within(handlerTimeoutMs, timer, name, handle(event as never, handlerPorts));
    return result ? { kind: 'recheck', afterMs: delayOf(result, name), children } : { kind: 'finished', children };
  } catch (error) {
    return { kind: 'failed', error };
  } finally {
    isOver = true;
  }
}

function delayOf({ recheckAfterMs }: Recheck, name: string): number {
  if (Number.isFinite(recheckAfterMs) && recheckAfterMs >= 0) return recheckAfterMs;
  throw new TypeError(`${name} asked to be run again after ${recheckAfterMs} ms`);
}

async function within<T>(ms: number, timer: Timer, name: string, work: Promise<T>): Promise<T> {
  let cancel = (): void => {};
  const timeout = new Promise<never>((_, reject) => {
    cancel = timer(ms, () => reject(new HandlerTimeoutError(`${name} has not ended after ${ms} ms`)));
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    cancel();
  }
}

/** A log whose every line carries these fields. */
export function withFields(log: Log, fields: LogFields): Log {
  return {
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
