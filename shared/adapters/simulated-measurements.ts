/** Measurements of services that exist nowhere: steady traffic, by the time alone, so that every instance counts the same. */
import { MINUTE_MS, SECOND_MS } from '../duration.ts';
import { PermanentError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Measurement, Measurements } from '../ports/measurements.ts';

export const SIMULATED_EVENTS_PER_MINUTE = 600;
/** One in so many is bad. */
export const SIMULATED_EVENTS_PER_FAILURE = 5_000;

interface SimulationOptions {
  /** Every one of them has this traffic, whatever is asked for. */
  readonly sources: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

export function createSimulatedMeasurements({ sources, clock }: SimulationOptions): Measurements {
  return {
    async count({ source }, from, to): Promise<Measurement | undefined> {
      if (!Object.hasOwn(sources, source)) throw new PermanentError(`there is no source of measurements '${source}'`);
      const until = Math.floor(Math.min(to, clock.now()) / SECOND_MS) * SECOND_MS;
      if (until <= from) return undefined;
      const total = eventsBefore(until) - eventsBefore(from);
      return { good: total - (failuresBefore(until) - failuresBefore(from)), total, until };
    },
  };
}

function eventsBefore(time: number): number {
  return Math.floor((time / MINUTE_MS) * SIMULATED_EVENTS_PER_MINUTE);
}

function failuresBefore(time: number): number {
  return Math.floor(eventsBefore(time) / SIMULATED_EVENTS_PER_FAILURE);
}
