/** Runs a handler once: with its own ports, within its time, and with what it asked to be published. */

import { describeError } from '../describe-error.ts';
import { combineErrors, TransientError } from '../errors.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import { childEvent } from '../events/cloud-event.ts';
import type { Handler, HandlerPorts, Ports, Requeue } from '../ports/handler.ts';
import type { Log, LogFields } from '../ports/log.ts';
import type { Notifier } from '../ports/notifier.ts';
import type { StateStore } from '../ports/state.ts';
import { stackOf } from '../stack.ts';
import { currentTraceparent } from '../telemetry/spans.ts';
import { type Timer, within } from '../timeout.ts';
import { isCompleted } from './event-record.ts';

/** How a run ended. What a run has asked for that failed before it could be published is forgotten. */
export type HandlerOutcome =
  | ({ readonly kind: 'completed' } & Done)
  | ({ readonly kind: 'requeue'; readonly afterMs: number; readonly notifiesAgain: boolean } & Done)
  | { readonly kind: 'failed'; readonly error: unknown; readonly children: readonly PlatformEvent[] };

interface Done {
  readonly children: readonly PlatformEvent[];
  readonly failedNotifications?: FailedNotifications | undefined;
}

/** What no channel took. */
export interface FailedNotifications {
  readonly error: NotificationFailedError;
  /** Whether every channel refused for good, so that another attempt cannot help. */
  readonly isFinal: boolean;
}

class NotificationFailedError extends TransientError {
  override readonly reason = 'NotificationFailed';
}

interface HandlerRun {
  readonly event: PlatformEvent;
  /** The subscription of the handler. */
  readonly handler: string;
  readonly handle: Handler<never>;
  /** What the handler sees of the store. */
  readonly state: StateStore;
  readonly log: Log;
  readonly handlerTimeoutMs: number;
  readonly timer: Timer;
}

/** The handler's time is over. It cannot be stopped: what it does from now on must be harmless, as after a lost lease. */
class HandlerTimeoutError extends TransientError {
  override readonly reason = 'HandlerTimeout';
}

/** How a run ended that an error ended. @param children what it had published by then */
export function failedOutcome(
  error: unknown,
  children: readonly PlatformEvent[] = [],
): HandlerOutcome & { readonly kind: 'failed' } {
  return { kind: 'failed', error, children };
}

/** Never rejects: whatever the handler throws is the outcome. */
export async function runHandler(
  { event, handler, handle, state, log, handlerTimeoutMs, timer }: HandlerRun,
  ports: Ports,
): Promise<HandlerOutcome> {
  const { clusters, notifier, clock, config } = ports;
  const children: PlatformEvent[] = [];
  const failures: NotificationFailure[] = [];
  let isOver = false;
  const handlerPorts: HandlerPorts = {
    isCompleted: (eventKey) => isCompleted(ports.state, handler, eventKey),
    state,
    clusters,
    notifier: tolerant(notifier, failures, log),
    clock,
    config,
    log,
    publish: (definition, data, { key, correlationid } = {}) => {
      if (isOver) throw new TypeError(`${handler} publishes ${definition.type} after its run has ended`);
      const time = new Date(clock.now()).toISOString();
      const fields = { handler, data, time, key, correlationid, traceparent: currentTraceparent() };
      const child = childEvent(event, definition, fields);
      // A definition that handlers can import comes from the catalog, so the child is one of its events.
      children.push(child as unknown as PlatformEvent);
    },
  };
  try {
    // The subscription's filter and the check of the type hand this handler its own events only.
    const result = await within(handlerTimeoutMs, timer, handle(event as never, handlerPorts), () => {
      return new HandlerTimeoutError(`${handler} has not ended after ${handlerTimeoutMs} ms`);
    });
    const failedNotifications = failedNotificationsOf(failures);
    return result
      ? {
          ...{ kind: 'requeue', afterMs: delayOf(result, handler), notifiesAgain: result.notifiesAgain ?? false },
          ...{ children, failedNotifications },
        }
      : { kind: 'completed', children, failedNotifications };
  } catch (error) {
    return failedOutcome(error);
  } finally {
    isOver = true;
  }
}

interface NotificationFailure {
  readonly title: string;
  readonly error: unknown;
}

/** A notifier that never rejects: the event's work does not depend on who can be notified of it. */
function tolerant(notifier: Notifier, failures: NotificationFailure[], log: Log): Notifier {
  return {
    async notify(notification) {
      try {
        await notifier.notify(notification);
      } catch (error) {
        const stack = stackOf(error);
        // It goes on as one of the failures that are expected here, and those have no stack.
        if (stack !== undefined) log.error('notification failed', { error: describeError(error), stack });
        failures.push({ title: notification.title, error });
      }
    },
  };
}

function failedNotificationsOf(failures: readonly NotificationFailure[]): FailedNotifications | undefined {
  if (failures.length === 0) return undefined;
  const message = failures
    .map(({ title, error }) => `notification '${title}' failed: ${describeError(error)}`)
    .join('; ');
  const combined = combineErrors(failures.map(({ error }) => error));
  const retryAfterMs = combined instanceof TransientError ? combined.retryAfterMs : undefined;
  return { error: new NotificationFailedError(message, { retryAfterMs }), isFinal: !combined.isTransient };
}

function delayOf({ requeueAfterMs }: Requeue, handler: string): number {
  if (Number.isFinite(requeueAfterMs) && requeueAfterMs >= 0) return requeueAfterMs;
  throw new TypeError(`${handler} asks to be requeued after ${requeueAfterMs} ms`);
}

/** A log whose every line carries these fields. */
export function withFields(log: Log, fields: LogFields): Log {
  // Ten times as fast as a spread, and there is a line for every event.
  const merged = (more?: LogFields): LogFields => Object.assign({}, fields, more);
  return {
    info: (message, more) => log.info(message, merged(more)),
    warn: (message, more) => log.warn(message, merged(more)),
    error: (message, more) => log.error(message, merged(more)),
  };
}
