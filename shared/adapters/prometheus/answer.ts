/** What Prometheus answers to a range query, and what was counted by it. */
import * as z from 'zod/mini';
import { PermanentError, TransientError } from '../../errors.ts';
import type { Measurement } from '../../ports/measurements.ts';
import { riseOf, type Series } from './counters.ts';
import { onGrid, SELECTED } from './range-query.ts';

/** Of Prometheus and of all that speak as it does: Thanos, Mimir, VictoriaMetrics, Azure Monitor. */
const answerSchema = z.object({
  status: z.literal('success'),
  // A part of a distributed store did not answer: so says VictoriaMetrics.
  isPartial: z.optional(z.boolean()),
  // So say others. Remarks on the query itself begin with 'PromQL'.
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
  if (parsed.data.isPartial) throw new TransientError('answered with a part of the data only (isPartial)');
  if (parsed.data.warnings.length > 0) throw new TransientError('answered with a part of the data only (warnings)');
  return parsed.data;
}

/**
 * What was counted from a time on up to the last time of the grid that the newest sample has reached.
 *
 * @returns undefined when that is no later
 * @throws PermanentError when there is more good than there is
 */
export function measurementIn({ data: { result } }: Answer, from: number): Measurement | undefined {
  const selected = { good: new Map<string, Series>(), total: new Map<string, Series>() };
  let newest = Number.NEGATIVE_INFINITY;
  for (const { metric, values } of result) {
    const { [SELECTED]: as = '', ...labels } = metric;
    const points = values
      .map(([seconds, value]) => ({ at: Math.round(seconds * 1_000), value: Number(value) }))
      // A counter that is NaN says nothing, and the next value is compared with the one before it.
      .filter(({ value }) => Number.isFinite(value) && value >= 0);
    const [name] = as.split('/');
    if (name === 'newest') newest = Math.max(newest, ...points.map(({ value }) => Math.round(value * 1_000)));
    if (points.length === 0 || (name !== 'good' && name !== 'total')) continue;
    const series = { process: JSON.stringify([metric['job'], metric['instance']]), points };
    // Several selectors may select the same one.
    selected[name].set(JSON.stringify(Object.entries(labels).sort()), series);
  }
  // What a time of the grid shows is from before it.
  const until = onGrid(newest + 1);
  if (!(until > from)) return undefined;

  const [goods, totals] = [[...selected.good.values()], [...selected.total.values()]];
  const counted = { from: onGrid(from), until, all: [...goods, ...totals] };
  const [good, total] = [Math.round(riseOf(goods, counted)), Math.round(riseOf(totals, counted))];
  if (good > total) throw new PermanentError(`answered with more good events (${good}) than events (${total})`);
  return { good: goods.length > 0 ? good : undefined, total, until };
}
