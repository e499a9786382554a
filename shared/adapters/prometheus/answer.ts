/** What Prometheus answers to a range query, and what was counted by it. */
import * as z from 'zod/mini';
import { PermanentError, TransientError } from '../../errors.ts';
import type { Measurement } from '../../ports/measurements.ts';
import { riseOf, type Series } from './counters.ts';
import { SELECTED } from './range-query.ts';

/** Of Prometheus and of all that speak as it does: Thanos, Mimir, VictoriaMetrics, Azure Monitor. */
const answerSchema = z.object({
  status: z.literal('success'),
  // A part of a distributed store did not answer. Remarks on the query itself begin with 'PromQL'.
  warnings: z.pipe(
    z.nullish(z.array(z.string())),
    z.transform((warnings) => (warnings ?? []).filter((text) => !text.startsWith('PromQL'))),
  ),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z._default(z.array(z.tuple([z.number(), z.string()])), []),
      }),
    ),
  }),
});

type Answer = z.output<typeof answerSchema>;

/** @throws TransientError when it is none, or one of a part only */
export function parseAnswer(text: string): Answer {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new TransientError('expected JSON, got something else');
  }
  const parsed = answerSchema.safeParse(json);
  if (!parsed.success) throw new TransientError('expected the answer of a Prometheus API, got something else');
  if (parsed.data.warnings.length > 0) throw new TransientError('answered with a part of the data only (warnings)');
  return parsed.data;
}

/**
 * @returns undefined when it holds no sample from `from` on
 * @throws PermanentError when there is more good than there is
 */
export function measurementIn({ data: { result } }: Answer, from: number): Measurement | undefined {
  const selected = { good: [] as Series[], total: [] as Series[], newest: [] as Series[] };
  for (const { metric, values } of result) {
    const points = values
      .map(([seconds, value]) => ({ at: Math.round(seconds * 1_000), value: Number(value) }))
      // A counter that is NaN says nothing, and the next value is compared with the one before it.
      .filter(({ value }) => Number.isFinite(value) && value >= 0);
    const series = { process: JSON.stringify([metric['job'], metric['instance']]), points };
    const name = metric[SELECTED];
    if (points.length > 0 && (name === 'good' || name === 'total' || name === 'newest')) selected[name].push(series);
  }
  const newest = Math.max(...selected.newest.flatMap(({ points }) => points.map(({ value }) => value * 1_000)));
  if (!(newest >= from)) return undefined;

  const all = [...selected.good, ...selected.total];
  const good = Math.round(riseOf(selected.good, from, all));
  const total = Math.round(riseOf(selected.total, from, all));
  if (good > total) throw new PermanentError(`answered with more good events (${good}) than events (${total})`);
  // The sample itself is counted.
  return { good: selected.good.length > 0 ? good : undefined, total, until: Math.round(newest) + 1 };
}
