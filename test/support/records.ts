import { type EventRecord, RECORD_PARTITIONS } from '../../shared/delivery/event-record.ts';
import type { StateStore } from '../../shared/ports/state.ts';

/** Every event's record at its handlers, in the order of handlers and ids. */
export async function recordsOf(state: StateStore): Promise<EventRecord[]> {
  const found: EventRecord[] = [];
  for (const partition of RECORD_PARTITIONS) {
    // What comes before letters are the rows of the history.
    for await (const { value } of state.query<EventRecord>(partition, { from: 'A' })) found.push(value);
  }
  const placeOf = ({ handler, id, source }: EventRecord): string => `${handler}|${id}|${source}`;
  return found.sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
}
