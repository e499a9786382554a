/** What Prometheus is asked for one objective: everything in one query, so that one server answers it from one state. */
import { MINUTE_MS, SECOND_MS } from '../../duration.ts';
import type { MeasuredObjective } from '../../ports/measurements.ts';

/** As often as most are scraped. Of a process that begins anew, what it counted since the step before is lost. */
const MAX_STEP_MS = 15 * SECOND_MS;
const MIN_STEP_MS = SECOND_MS;
/** So long may a process not be scraped (an overload is one reason) before what it counted meanwhile is lost. */
const LOOK_BACK_MS = 10 * MINUTE_MS;

/** The label that says what a series was selected as. */
export const SELECTED = 'platform_events';

/** The parameters of `/api/v1/query_range`, in milliseconds since the Unix epoch. */
export interface RangeQuery {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly stepMs: number;
}

/** The grid goes through `from`, so that adjacent times compare with one and the same value, and ends before `to`. */
export function rangeQuery(objective: MeasuredObjective, from: number, to: number): RangeQuery {
  const steps = Math.max(1, Math.ceil((to - from) / MAX_STEP_MS));
  const stepMs = Math.max(MIN_STEP_MS, Math.floor((to - from) / steps));
  const before = Math.ceil(LOOK_BACK_MS / stepMs);
  return { query: queryOf(objective), start: from - before * stepMs, end: from + steps * stepMs, stepMs };
}

/**
 * `offset` can be said of a selector alone, so a sum or a rate in the place of counters is refused: of a sum nobody
 * could tell which process began anew, and a rate is no counter. It is the smallest that every version allows.
 */
function queryOf({ good, total }: MeasuredObjective): string {
  // A line of its own ends what a query may end with, a comment.
  const selected = { good: `${good}\noffset 1ms`, total: `${total}\noffset 1ms` };
  const parts = { ...selected, newest: `max(timestamp(${selected.total}))` };
  return Object.entries(parts)
    .map(([name, part]) => `label_replace(${part}, "${SELECTED}", "${name}", "", "")`)
    .join('\nor\n');
}
