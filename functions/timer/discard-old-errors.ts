/** Every hour: discards what was kept for long enough in the errors queue, in the audit log, and of who sent what. */
import { forgetOldAudit } from '../../shared/access/audit.ts';
import { forgetOldSenders } from '../../shared/access/senders.ts';
import { discardOldErrors } from '../../shared/delivery/retention.ts';
import { MINUTE_MS } from '../../shared/duration.ts';
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';

/** Well within the time of a function; the next hour goes on. */
const MAX_MS = 2 * MINUTE_MS;

export async function handle(ports: Ports): Promise<void> {
  const begun = ports.clock.now();
  const { state, config } = ports;
  for (const pass of [
    () => discardOldErrors(ports, begun),
    () => forgetOldAudit(state, begun - config.access.auditFor),
    () => forgetOldSenders(state, begun),
  ]) {
    while (ports.clock.now() < begun + MAX_MS && !(await pass()));
  }
}

onTimer({ name: 'discard-old-errors', schedule: '0 7 * * * *' }, handle);
