/**
 * Asks for what happened since the last answer, and publishes it as health checks.
 *
 * What was measured is saved before it is published, in one step with how far that is: whoever saves first has measured
 * that time, and an instance that dies is followed by one that publishes the same check. No answer is no zero: the same
 * time is asked for again, for some hours.
 */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../duration.ts';
import { ConflictError, PlatformError } from '../errors.ts';
import type { Ports } from '../ports/handler.ts';
import type { MeasuredObjective, Measurement } from '../ports/measurements.ts';
import type { Stored } from '../ports/state.ts';
import {
  beginProgress,
  measuredCheck,
  type ObjectiveName,
  type Progress,
  progressOf,
  saveProgress,
} from './measured-checks.ts';

/** A scrape that is under way is waited for. */
const SETTLE_MS = 30 * SECOND_MS;
/** Less is left to the next run. */
const MIN_MS = 15 * SECOND_MS;
/** After an outage, a check says no more than the shortest window of an alert holds. */
const MAX_MS = 5 * MINUTE_MS;
/** What is older is given up: alerts look no further back for an onset. */
const LOOK_BACK_MS = 6 * HOUR_MS;
/** Nothing was measured for so long: a service that stands still, or a query that selects nothing. */
const MISSING_MS = 10 * MINUTE_MS;
/** So many objectives are asked for at a time. */
const CONCURRENT = 8;

type Needs = Pick<Ports, 'config' | 'measurements' | 'publisher' | 'state' | 'clock' | 'log'>;

interface Asked extends ObjectiveName {
  readonly measured: MeasuredObjective;
}

/** Goes on until every objective is measured up to now, or the time is over. @throws the first error that is no source's */
export async function takeMeasurements(ports: Needs, endsAt: number): Promise<void> {
  const asked = askedIn(ports);
  const outcomes = await Promise.allSettled(
    Array.from({ length: CONCURRENT }, async () => {
      for (let one = asked.shift(); one; one = asked.shift()) {
        if (ports.clock.now() < endsAt) await measure(one, ports, endsAt);
      }
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Each run begins with another one, so that slow sources leave none out for ever. */
function askedIn({ config, clock }: Needs): Asked[] {
  const asked = config.services.flatMap(({ name, objectives }) =>
    objectives.flatMap(({ slo, measurements }) =>
      measurements ? [{ service: name, slo, measured: measurements }] : [],
    ),
  );
  const first = asked.length === 0 ? 0 : Math.floor(clock.now() / MINUTE_MS) % asked.length;
  return [...asked.slice(first), ...asked.slice(0, first)];
}

async function measure(asked: Asked, ports: Needs, endsAt: number): Promise<void> {
  const { state, clock } = ports;
  try {
    let progress = await progressOf(state, asked);
    if (!progress) return await beginProgress(state, asked, clock.now() - SETTLE_MS);
    while (clock.now() < endsAt) {
      progress = await published(asked, progress, ports);
      const next = await nextProgress(asked, progress.value, ports);
      if (!next) return;
      progress = await saveProgress(state, asked, { value: next, etag: progress.etag });
    }
  } catch (error) {
    // Another instance measures it.
    if (!(error instanceof ConflictError)) throw error;
  }
}

/** Safe to repeat: the check has the same id. */
async function published(
  asked: Asked,
  progress: Stored<Progress>,
  { publisher, state }: Needs,
): Promise<Stored<Progress>> {
  const { unpublished, ...value } = progress.value;
  if (!unpublished) return progress;
  await publisher.publish(measuredCheck(asked, value, unpublished));
  return saveProgress(state, asked, { value, etag: progress.etag });
}

/** @returns undefined when there is nothing to say now */
async function nextProgress(asked: Asked, progress: Progress, ports: Needs): Promise<Progress | undefined> {
  const { service, slo, measured } = asked;
  const { clock, log } = ports;
  const to = clock.now() - SETTLE_MS;
  const from = Math.max(progress.until, to - LOOK_BACK_MS);
  if (to - from < MIN_MS) return undefined;
  const fields = { service, slo, source: measured.source, since: new Date(from).toISOString() };
  if (from > progress.until) {
    log.warn('measurements given up', { ...fields, since: new Date(progress.until).toISOString() });
  }
  let found: Measurement | undefined;
  try {
    found = await firstIn(measured, from, to, ports);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    log.warn('measurements not available', { ...fields, error: error.message });
    return undefined;
  }
  if (!found) {
    if (to - from > MISSING_MS) log.warn('measurements missing', fields);
    return undefined;
  }
  const { good, total, until } = found;
  const hasGood = progress.hasGood || good !== undefined;
  if (!hasGood) {
    log.warn('measurements not believed: the query for good events has never selected any', fields);
    return undefined;
  }
  return { until, key: progress.key, hasGood, unpublished: { good: good ?? 0, total } };
}

/** The first of what is known. Where nothing is, the time is doubled: what comes behind a gap is compared with what was before it. */
async function firstIn(
  measured: MeasuredObjective,
  from: number,
  to: number,
  { measurements }: Needs,
): Promise<Measurement | undefined> {
  for (let length = MAX_MS; ; length *= 2) {
    const end = Math.min(from + length, to);
    const found = await measurements.count(measured, from, end);
    if (found || end === to) return found;
  }
}
