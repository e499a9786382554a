/** Every registered timer by its schedule, in the time of a bus and without a Functions host. */

import { registeredTimers } from '../../delivery/registered-timers.ts';
import { failureOf } from '../../describe-error.ts';
import type { Ports } from '../../ports/handler.ts';
import { parseSchedule } from '../functions-host/timer-schedule.ts';
import type { InMemoryEventBus } from './in-memory-event-bus.ts';

/** As the host runs them: one that fails is logged, and its next occurrence is the next attempt. */
export function runTimers(bus: InMemoryEventBus, ports: Ports): void {
  const { clock } = bus;
  for (const { name, schedule, handle } of registeredTimers().values()) {
    const { nextAfter } = parseSchedule(name, schedule);
    const run = async (): Promise<void> => {
      try {
        await handle(ports);
      } catch (error) {
        ports.log.error('timer function failed', { function: name, ...failureOf(error) });
      }
      wait();
    };
    const wait = (): void => void clock.at(nextAfter(clock.now()), () => bus.waitFor(run()));
    wait();
  }
}
