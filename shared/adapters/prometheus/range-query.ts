/** What Prometheus is asked for one objective: everything in one query, so that one server answers it from one state. */
import { selectorsIn } from '../../config/selectors.ts';
import { MINUTE_MS, SECOND_MS } from '../../duration.ts';
import { PermanentError } from '../../errors.ts';
import type { MeasuredObjective } from '../../ports/measurements.ts';

/** As often as most are scraped. Of a process that begins anew, what it counted since the step before is lost. */
const STEP_MS = 15 * SECOND_MS;
/** So long may a process not be scraped (an overload is one reason) before what it counted meanwhile is lost. */
const LOOK_BACK_MS = 10 * MINUTE_MS;

/** The label that says what a series was selected as: `good`, `total` or `newest`, and by which selector. */
export const SELECTED = 'platform_events';

/** The parameters of `/api/v1/query_range`, in milliseconds since the Unix epoch. */
export interface RangeQuery {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly stepMs: number;
}

/**
 * The grid is one and the same for all questions, so that adjacent times compare with one value. It lies at multiples of
 * the step: VictoriaMetrics and the query frontend of Thanos move any other there, for their caches.
 *
 * @throws PermanentError when the queries do not select counters
 */
export function rangeQuery(objective: MeasuredObjective, from: number, to: number): RangeQuery {
  return { query: queryOf(objective), start: onGrid(from - LOOK_BACK_MS), end: onGrid(to), stepMs: STEP_MS };
}

/** The time of the grid at or before a time. */
export function onGrid(at: number): number {
  return Math.floor(at / STEP_MS) * STEP_MS;
}

/**
 * Each selector by itself. `a or b` in one would leave out of b what has the labels of something in a, and of anything
 * but a selector `timestamp` says when it was asked, and not when it was scraped. The offset, the smallest that every version
 * allows, has a time of the grid show what was before it.
 */
function queryOf({ good, total }: MeasuredObjective): string {
  const selected = { good: selectorsIn(good), total: selectorsIn(total) };
  const counters = Object.entries(selected).flatMap(([name, selectors]) => {
    // Of a sum nobody could tell which process began anew, and a rate is no counter.
    if (selectors.length === 0) throw new PermanentError(`'${name}' does not select counters: ${COUNTERS}`);
    return selectors.map((selector, n) => labelled(`${selector} offset 1ms`, `${name}/${n}`));
  });
  const newest = selected.total.map((selector, n) => labelled(`max(timestamp(${selector} offset 1ms))`, `newest/${n}`));
  return [...counters, ...newest].join('\nor\n');
}

/** What a query has to be, for people. */
export const COUNTERS =
  'each has to select counters, such as http_requests_total{job="checkout"}, without rate() and sum()';

function labelled(part: string, name: string): string {
  return `label_replace(${part}, "${SELECTED}", "${name}", "", "")`;
}
