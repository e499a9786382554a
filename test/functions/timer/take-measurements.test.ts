/** Objectives that are measured: what is published of them, and what is let through to them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle } from '../../../functions/timer/take-measurements.ts';
import { SIMULATED_EVENTS_PER_MINUTE } from '../../../shared/adapters/simulated-measurements.ts';
import { TransientError } from '../../../shared/errors.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import type { Measurement, Measurements } from '../../../shared/ports/measurements.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import type { RecordingLog } from '../../support/ports.ts';

const measured = { slo: 'availability', target: 0.99, measurements: { source: 'main', good: 'g', total: 't' } };
const CONFIG = {
  measurements: { main: { kind: 'prometheus', url: 'http://localhost:9090' } },
  services: [{ name: 'search', objectives: [measured] }],
};

type Check = EventOf<typeof HealthCheck>;

let platform: Platform;
let ports: Ports;
let away: boolean;
/** What the source says in the place of its good events. */
let good: ((measured: Measurement) => number | undefined) | undefined;
beforeEach(async () => {
  platform = await startPlatform(CONFIG);
  away = false;
  good = undefined;
  const simulated = platform.ports.measurements;
  const measurements: Measurements = {
    async count(...asked) {
      if (away) throw new TransientError("measurements 'main': answered 503");
      const found = await simulated.count(...asked);
      return found && good ? { ...found, good: good(found) } : found;
    },
  };
  ports = { ...platform.ports, measurements };
});

async function pass(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    await platform.bus.advance('1m');
    await handle(ports);
  }
  await platform.bus.settled();
}

function checks(): Check[] {
  return platform.bus.events({ type: 'HealthCheck', limit: 1_000 }) as Check[];
}

function totals(): { good: number; total: number } {
  const data = checks().map((check) => check.data);
  return { good: sum(data.map((one) => one.good)), total: sum(data.map(({ total }) => total)) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function warnings(): string[] {
  return (ports.log as RecordingLog).lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

async function errors(): Promise<string[]> {
  const entries = await platform.ports.deadLetterQueue.deadLetters('0', 100);
  return entries.map(({ reason, description }) => `${reason}: ${description}`);
}

describe('an objective that is measured', () => {
  it('gets a check a minute with what happened since the last one', async () => {
    await handle(ports);
    const begun = ports.clock.now();
    await pass(10);

    expect(checks()).toHaveLength(10);
    expect(totals().total).toBe(10 * SIMULATED_EVENTS_PER_MINUTE);
    expect(checks().map(({ source, data }) => [source, data.service, data.slo])).toContainEqual([
      ...['/measurements', 'search', 'availability'],
    ]);
    expect(Math.max(...checks().map(({ time }) => Date.parse(time)))).toBeGreaterThan(begun + 9 * 60_000);
    expect(await errors()).toEqual([]);
  });

  it('counts once though two instances measure it at the same time', async () => {
    await handle(ports);
    for (let minute = 0; minute < 10; minute++) {
      await platform.bus.advance('1m');
      await Promise.all([handle(ports), handle(ports)]);
    }

    expect(totals().total).toBe(10 * SIMULATED_EVENTS_PER_MINUTE);
    expect(new Set(checks().map(({ id }) => id)).size).toBe(10);
  });

  it('counts once though an instance dies before or after it has published', async () => {
    await handle(ports);
    for (const isSent of [false, true]) {
      await platform.bus.advance('1m');
      const dying = {
        ...platform.bus,
        publish: async (event: Check) => {
          if (isSent) await platform.bus.publish(event);
          throw new TransientError('the process died');
        },
      };
      await expect(handle({ ...ports, publisher: dying as unknown as Ports['publisher'] })).rejects.toThrow('died');
    }
    await pass(1);

    expect(totals().total).toBe(3 * SIMULATED_EVENTS_PER_MINUTE);
    // The first minute, published three times; then the two others together.
    expect(new Set(checks().map(({ id }) => id)).size).toBe(2);
  });

  it('gets nothing while the source is away, and all of it afterwards', async () => {
    await handle(ports);
    away = true;
    await pass(40);
    const during = checks().length;
    away = false;
    await pass(1);

    expect(during).toBe(0);
    expect(totals().total).toBe(41 * SIMULATED_EVENTS_PER_MINUTE);
    expect(Math.max(...checks().map(({ data }) => data.total))).toBe(5 * SIMULATED_EVENTS_PER_MINUTE);
    expect(warnings().filter((message) => message === 'measurements not available')).toHaveLength(40);
  });

  it('gets what the source still has after a gap, compared with what was before it', async () => {
    await handle(ports);
    const from = ports.clock.now();
    const { measurements } = ports;
    const gap = { ...measurements, count: measurements.count };
    gap.count = async (objective, since, to) =>
      to <= from + 50 * 60_000 ? undefined : measurements.count(objective, since, to);
    ports = { ...ports, measurements: gap };
    await pass(60);

    expect(totals().total).toBe(60 * SIMULATED_EVENTS_PER_MINUTE);
    // From ten minutes on.
    expect(warnings().filter((message) => message === 'measurements missing')).toHaveLength(40);
  });

  it('gives up what is older than six hours', async () => {
    await handle(ports);
    away = true;
    await platform.bus.advance('30h');
    await handle(ports);
    away = false;
    await handle(ports);

    expect(totals().total).toBe(6 * 60 * SIMULATED_EVENTS_PER_MINUTE);
    expect(warnings()).toContain('measurements given up');
  });

  it('is not told of an outage by a query for good events that has never selected any', async () => {
    await handle(ports);
    good = () => undefined;
    await pass(5);
    const before = checks().length;
    good = undefined;
    await pass(1);
    good = () => undefined;
    await pass(2);

    expect(before).toBe(0);
    expect(warnings()).toContain('measurements not believed: the query for good events has never selected any');
    const oldestFirst = checks().toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
    expect(oldestFirst.slice(-2).map(({ data }) => data.good)).toEqual([0, 0]);
  });
});

describe('health checks from elsewhere', () => {
  const push = async (data: object, more: object = {}): Promise<void> => {
    const time = new Date(ports.clock.now()).toISOString();
    const check = { service: 'search', good: 1_000_000_000_000, total: 1_000_000_000_000, ...data };
    await platform.bus.publish(newEvent(HealthCheck, { source: '/probe', time, data: check, ...more }));
    await platform.bus.advance('1s');
  };
  const counted = async (): Promise<string> => JSON.stringify(await platform.ports.state.get('services', 'search'));

  it('do not count for an objective that is measured', async () => {
    await handle(ports);
    await pass(3);
    const before = await counted();

    await push({});
    await push({ slo: 'availability' });

    expect(await counted()).toBe(before);
    expect(await errors()).toEqual(
      Array(2).fill(expect.stringMatching(/^InvalidEvent: .*'availability' \(by 'main'\) of 'search' is measured/)),
    );
  });

  it('do not count in the name of the measurements, whatever they copy', async () => {
    await handle(ports);
    await pass(3);
    const before = await counted();
    const [own] = checks();

    await push({ slo: 'availability' }, { source: '/measurements' });
    await push({ slo: 'availability' }, { source: '/measurements', id: own?.id.replace(/^../, '00') });
    // The identity of a check that is yet to come would be dropped as known when it comes.
    await push({ ...own?.data, total: (own?.data.total ?? 0) + 1 }, { source: '/measurements', id: `${own?.id}x` });

    expect(await counted()).toBe(before);
    expect(await errors()).toHaveLength(3);
  });

  it('are bounded by what can have happened', async () => {
    platform = await startPlatform({
      services: [{ name: 'search', objectives: [{ target: 0.99, maxEventsPerMinute: 100 }] }],
    });
    ports = platform.ports;

    await push({});
    await push({ good: 5_900, total: 6_000 });
    const hour = await counted();
    await push({ good: 10, total: 10 });
    expect(await counted()).toBe(hour);
    await platform.bus.advance('2m');
    await push({ good: 190, total: 200 });

    expect(await counted()).not.toBe(hour);
    expect(await errors()).toEqual([
      expect.stringContaining('data.total: expected at most 6000, by maxEventsPerMinute'),
      expect.stringContaining('data.total: expected at most 1, by maxEventsPerMinute'),
    ]);
  });
});
