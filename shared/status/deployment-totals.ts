/**
 * The DORA measures of all deployments. Counting them takes a look at every deployment there is, so a timer does that once a
 * minute and leaves the sums: whoever asks costs one call, however many deployments there are.
 */
import { MINUTE_MS } from '../duration.ts';
import type { Ports } from '../ports/handler.ts';
import type { Operation } from '../ports/state.ts';
import { type DeploymentMeasure, measuresOf } from './metric-labels.ts';
import { type DeploymentSummary, deployments, NO_TOTALS, sumOf } from './summaries.ts';

export interface DeploymentTotals {
  /** When they were counted, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly count: number;
  readonly doraTotals: DeploymentSummary['doraTotals'];
  /** One by one, as far as they have labels of their own in the metrics. */
  readonly measures: readonly DeploymentMeasure[];
}

type Needs = Pick<Ports, 'state' | 'config' | 'clock'>;

/** Of the state store; the keys of the parts begin with this one. */
const PARTITION = 'status';
const KEY = 'deployments';
/** So many measures fit into a document, however long their names are. */
const CHUNK = 400;
/** What is older was left by a timer that does not run, and is counted anew. */
const MAX_AGE_MS = 3 * MINUTE_MS;

/** As the timer last counted them, or else as they are now. */
export async function deploymentTotals(ports: Needs): Promise<DeploymentTotals> {
  const parts: DeploymentTotals[] = [];
  for await (const { value } of ports.state.query<DeploymentTotals>(PARTITION, { from: KEY, to: `${KEY}0` }))
    parts.push(value);
  const [first] = parts;
  if (!first || ports.clock.now() - first.at > MAX_AGE_MS) return countDeployments(ports);
  // Of an earlier time may be more.
  return { ...first, measures: parts.flatMap((part) => (part.at === first.at ? part.measures : [])) };
}

/** Looks at every deployment. */
export async function countDeployments({ state, config, clock }: Needs): Promise<DeploymentTotals> {
  let count = 0;
  let doraTotals = NO_TOTALS;
  async function* counted(): AsyncIterable<DeploymentSummary> {
    for await (const one of deployments({ state, config })) {
      count++;
      doraTotals = sumOf(doraTotals, one.doraTotals);
      yield one;
    }
  }
  const at = clock.now();
  const measures = await measuresOf(counted(), new Set(config.services.map(({ name }) => name)));
  return { at, count, doraTotals, measures };
}

export async function storeTotals({ state }: Pick<Ports, 'state'>, totals: DeploymentTotals): Promise<void> {
  const chunks = Array.from({ length: Math.max(1, Math.ceil(totals.measures.length / CHUNK)) }, (_, n) =>
    totals.measures.slice(n * CHUNK, (n + 1) * CHUNK),
  );
  const operations = chunks.map((measures, n): Operation => {
    return { kind: 'put', key: n === 0 ? KEY : `${KEY}/${n}`, value: { ...totals, measures }, etag: '*' };
  });
  await state.transact(PARTITION, operations);
}
