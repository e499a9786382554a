/** Registers timer functions: a schedule, ports, and errors that the log shows and the host counts as failures. */
import { app } from '@azure/functions';
import { appPorts, checkSettingsAtStart } from './app-ports.ts';
import { registerTimer, type TimerFunction, type TimerHandler } from './delivery/registered-timers.ts';
import { failureOf } from './describe-error.ts';
import { stackOf } from './stack.ts';
import { inInvocationSpan } from './telemetry/spans.ts';

/**
 * Registers an Azure Function that runs by a schedule. An error is logged and thrown on: the host counts the run as failed,
 * and the next occurrence is the next attempt.
 *
 * @example onTimer({ name: 'read-queues', schedule: '0 * * * * *' }, handle);
 * @throws TypeError as `registerTimer`
 */
export function onTimer({ name, schedule }: TimerFunction, handle: TimerHandler): void {
  registerTimer({ name, schedule }, handle);
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
