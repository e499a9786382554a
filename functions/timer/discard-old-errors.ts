/** Every hour: discards the entries of the errors queue that have been kept for long enough. */
import { discardOldErrors } from '../../shared/delivery/retention.ts';
import { MINUTE_MS } from '../../shared/duration.ts';
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** Well within the time of a function; the next hour goes on. */
const MAX_MS = 2 * MINUTE_MS;

export async function handle(ports: Ports): Promise<void> {
  const begun = ports.clock.now();
  let isDone = false;
  while (!isDone && ports.clock.now() < begun + MAX_MS) isDone = await discardOldErrors(ports, begun);
}

onTimer({ name: 'discard-old-errors', schedule: '0 7 * * * *' }, handle);
