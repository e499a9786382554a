/** Registers timer functions: a schedule, ports, and errors that the log shows and the host counts as failures. */
import { app } from '@azure/functions';
import { appPorts, checkSettingsAtStart } from './app-ports.ts';
import { failureOf } from './describe-error.ts';
import type { Ports } from './ports/handler.ts';
import { stackOf } from './stack.ts';
import { inInvocationSpan } from './telemetry/spans.ts';

/**
 * Does what is due. Runs on one instance at a time, but may be run again after a failure, or twice when an instance dies
 * on the way: what it does must stand that.
 */
export type TimerHandler = (ports: Ports) => Promise<void>;

export interface TimerFunction {
  /** The function's name. */
  readonly name: string;
  /** NCRONTAB, in UTC: `{second} {minute} {hour} {day} {month} {day of week}`. */
  readonly schedule: string;
}

/**
 * Registers an Azure Function that runs by a schedule. An error is logged and thrown on: the host counts the run as failed,
 * and the next occurrence is the next attempt.
 *
 * @example onTimer({ name: 'read-queues', schedule: '0 * * * * *' }, handle);
 */
export function onTimer({ name, schedule }: TimerFunction, handle: TimerHandler): void {
  checkSettingsAtStart();
  app.timer(name, {
    schedule,
    handler: async (_, context) => {
      const attributes = { 'faas.trigger': 'timer', 'faas.invocation_id': context.invocationId };
      const origin = { host: context.traceContext?.traceParent, sender: undefined };
      await inInvocationSpan(`timer ${name}`, 'INTERNAL', origin, attributes, async () => {
        const { ports } = await appPorts(context);
        try {
          await handle(ports);
        } catch (error) {
          ports.log.error('timer function failed', { function: name, ...failureOf(error), stack: stackOf(error) });
          throw error;
        }
      });
    },
  });
}
