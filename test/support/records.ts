import { type EventRecord, RECORD_PARTITIONS } from '../../shared/delivery/event-record.ts';
import type { StateStore } from '../../shared/ports/state.ts';

/** Every event's record at its handlers, in the order of their keys. */
export async function recordsOf(state: StateStore): Promise<EventRecord[]> {
  const found: { key: string; value: EventRecord }[] = [];
  for (const partition of RECORD_PARTITIONS) {
    // What comes before letters are the rows of the history.
    for await (const stored of state.query<EventRecord>(partition, { from: 'A' })) found.push(stored);
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ value }) => value);
}
