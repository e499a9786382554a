/** Every minute: asks the sources of measurements what happened, and publishes it as health checks. */
import { MINUTE_MS } from '../../shared/duration.ts';
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { takeMeasurements } from '../../shared/slo/take-measurements.ts';

/** Well within the time of a function; the next minute goes on. */
const MAX_MS = 2 * MINUTE_MS;

export async function handle(ports: Ports): Promise<void> {
  await takeMeasurements(ports, ports.clock.now() + MAX_MS);
}

onTimer({ name: 'take-measurements', schedule: '15 * * * * *' }, handle);
