/** An explanation as `GET /api/explain` answers it: its times are RFC 3339, as everywhere in the API. */
import type { Explanation } from './explanation.ts';

/** The members that are times, wherever they are. */
const TIMES = ['at', 'from', 'to', 'deadline', 'startedAt', 'endedAt', 'openedAt', 'receivedAt', 'dueAt'] as const;
const NAMES: ReadonlySet<string> = new Set(TIMES);

type WithTimes<Value> = Value extends readonly (infer Item)[]
  ? readonly WithTimes<Item>[]
  : Value extends object
    ? { [Name in keyof Value]: Name extends (typeof TIMES)[number] ? TimeText<Value[Name]> : WithTimes<Value[Name]> }
    : Value;
/** `to` is a phase too. */
type TimeText<Value> = Value extends number ? string : Value;

export type ExplanationJson = WithTimes<Explanation>;

export function explanationJson(explanation: Explanation): ExplanationJson {
  // The type says what is done to each member.
  return withTimes(explanation) as ExplanationJson;
}

function withTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      typeof one === 'number' && NAMES.has(name) ? new Date(one).toISOString() : withTimes(one),
    ]),
  );
}
