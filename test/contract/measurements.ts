/** What every `Measurements` does, whatever is behind it. The driver's service has steady traffic, some of it bad. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PermanentError } from '../../shared/errors.ts';
import type { MeasuredObjective, Measurement, Measurements } from '../../shared/ports/measurements.ts';

export interface MeasurementsDriver {
  readonly measurements: Measurements;
  readonly objective: MeasuredObjective;
  /** What is known reaches up to here. */
  readonly now: number;
  readonly eventsPerMinute: number;
  readonly eventsPerFailure: number;
  /** Between two counts of the source: so far may it count short of what it was asked for. */
  readonly resolutionMs: number;
  close?(): Promise<void>;
}

const MINUTE_MS = 60_000;

export function measurementsContract(name: string, open: () => Promise<MeasurementsDriver>): void {
  describe(`${name} as Measurements`, () => {
    let driver: MeasurementsDriver;
    beforeAll(async () => {
      driver = await open();
    });
    afterAll(() => driver.close?.());

    async function count(from: number, to: number): Promise<Measurement> {
      const measured = await driver.measurements.count(driver.objective, from, to);
      if (!measured) throw new Error('nothing was measured');
      return measured;
    }
    /** One question after the other, each from where the one before ended. */
    async function countInParts(from: number, to: number, stepMs: number): Promise<Measurement> {
      const sum = { good: 0, total: 0, until: from };
      for (let at = from + stepMs; at <= to; at += stepMs) {
        const part = await driver.measurements.count(driver.objective, sum.until, at);
        if (!part) continue;
        sum.good += part.good ?? 0;
        sum.total += part.total;
        sum.until = part.until;
      }
      return sum;
    }

    it('counts what happened from one time on and before another', async () => {
      const { now, eventsPerMinute, eventsPerFailure, resolutionMs } = driver;

      const { good, total, until } = await count(now - 10 * MINUTE_MS, now);

      const expected = 10 * eventsPerMinute;
      const tolerance = (2 * resolutionMs * eventsPerMinute) / MINUTE_MS;
      expect(Math.abs(total - expected)).toBeLessThanOrEqual(tolerance);
      expect(Math.abs(total - (good ?? 0) - expected / eventsPerFailure)).toBeLessThanOrEqual(
        1 + tolerance / eventsPerFailure,
      );
      expect(until).toBeGreaterThan(now - resolutionMs - 1);
      expect(until).toBeLessThanOrEqual(now);
    });

    it('counts in whole numbers, no more of them good than there are', async () => {
      const { good = -1, total } = await count(driver.now - 61_234, driver.now);

      expect([good, total].every((number) => Number.isSafeInteger(number))).toBe(true);
      expect(good).toBeGreaterThanOrEqual(0);
      expect(good).toBeLessThanOrEqual(total);
    });

    it('counts the same when it is asked again', async () => {
      const from = driver.now - 5 * MINUTE_MS;

      expect(await count(from, driver.now)).toEqual(await count(from, driver.now));
    });

    it.each([1, 2, 3.5])('loses nothing and counts nothing twice in parts of %d minutes', async (minutes) => {
      const [from, to] = [driver.now - 14 * MINUTE_MS, driver.now];

      const parts = await countInParts(from, to, minutes * MINUTE_MS);

      expect(parts).toEqual(await count(from, to));
    });

    it('knows nothing of a time that is yet to come', async () => {
      const { measurements, objective, now } = driver;

      expect(await measurements.count(objective, now, now + MINUTE_MS)).toBeUndefined();
    });

    it('refuses a source that it does not know', async () => {
      const { measurements, objective, now } = driver;
      const unknown = { ...objective, source: 'nobody' };

      await expect(measurements.count(unknown, now - MINUTE_MS, now)).rejects.toThrow(PermanentError);
    });
  });
}
