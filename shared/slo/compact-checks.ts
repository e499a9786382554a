/**
 * Which counted checks a service's document may drop. A completed one is known by its delivery record and never handled
 * again; one that was cut off, or is dead-lettered and may be replayed, has to stay.
 */

import type { HandlerPorts } from '../ports/handler.ts';
import { changeHealth } from './health-store.ts';
import { countIds, oldestIn } from './id-set.ts';
import { type ServiceHealth, withoutChecks } from './service-health.ts';

/** The newest are kept in any case. */
const KEPT = 64;
/** How many are looked up at a time: one look-up per check on average. */
const STRIDE = 32;
/** In characters; however long the ids and however many are stuck, the document stays small. */
const MAX_LENGTH = 16 * 1024;

/** Call it after each check; it mostly has nothing to do. */
export async function dropCompletedChecks(health: ServiceHealth, ports: HandlerPorts): Promise<void> {
  const { state, log } = ports;
  const isFull = health.counted.length > MAX_LENGTH;
  const count = countIds(health.counted);
  if (!isFull && (count < KEPT + STRIDE || count % STRIDE !== 0)) return;
  const old = oldestIn(health.counted, isFull ? Math.floor(count / 2) : KEPT);
  const completed = await Promise.all(old.map((id) => ports.isCompleted(id)));
  const gone = new Set(old.filter((_, index) => completed[index]));
  if (isFull && gone.size === 0) {
    log.warn('unfinished health checks dropped', { service: health.service, checks: old.length });
    for (const id of old) gone.add(id);
  }
  if (gone.size === 0) return;
  await changeHealth(state, health.service, (found) => found && withoutChecks(found, gone));
}
