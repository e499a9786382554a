/** Timer triggers in virtual time: occurrences, what was missed, and no two runs at once. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../shared/errors.ts';
import {
  FileScheduleMonitor,
  MemoryScheduleMonitor,
  type ScheduleMonitor,
} from '../../../../shared/local/functions-host/schedule-monitor.ts';
import { parseSchedule } from '../../../../shared/local/functions-host/timer-schedule.ts';
import { TimerTrigger } from '../../../../shared/local/functions-host/timer-trigger.ts';
import { VirtualClock } from '../../../../shared/local/service-bus/core/clock.ts';
import type { Timer } from '../../../../shared/timeout.ts';

let clock: VirtualClock;
let runs: { at: string; info: Record<string, unknown> }[];
let errors: string[];
let work: () => Promise<void>;
let monitor: ScheduleMonitor;

beforeEach(() => {
  clock = new VirtualClock('2026-03-01T12:00:30Z');
  runs = [];
  errors = [];
  work = async () => {};
  monitor = new MemoryScheduleMonitor();
});

const timer: Timer = (ms, callback) => {
  const call = clock.at(clock.now() + ms, callback);
  return () => call.cancel();
};
const timeText = (): string => new Date(clock.now()).toISOString().slice(0, 19);
const lasting = (ms: number) => () => new Promise<void>((resolve) => void timer(ms, resolve));

interface Registered {
  readonly schedule?: string;
  readonly runOnStartup?: boolean;
  readonly useMonitor?: boolean;
}

async function start({ schedule = '0 */5 * * * *', ...options }: Registered = {}, functionTimeout = 300_000) {
  const trigger = new TimerTrigger({
    functionName: 'tick',
    binding: { type: 'timerTrigger', direction: 'in', name: 'timer', schedule, ...options },
    settings: { EVERY: '0 0 * * * *' },
    monitor,
    functionTimeout,
    now: () => clock.now(),
    timer,
    run: async ({ inputData: [input] }) => {
      runs.push({ at: timeText(), info: JSON.parse(input?.data.json ?? '') });
      await work();
    },
    onError: (message) => void errors.push(message),
  });
  await trigger.start();
  return trigger;
}

const times = (): string[] => runs.map(({ at }) => at.slice(11));

describe('a timer trigger', () => {
  it('runs at each occurrence, and not before', async () => {
    await start();

    await clock.advance('4m');
    expect(runs).toEqual([]);
    await clock.advance('11m');

    expect(times()).toEqual(['12:05:00', '12:10:00', '12:15:00']);
  });

  it('hands over what the real host does', async () => {
    await start();

    await clock.advance('11m');

    expect(runs.map(({ info }) => info)).toEqual([
      {
        Schedule: { AdjustForDST: true },
        ScheduleStatus: {
          Last: '0001-01-01T00:00:00+00:00',
          LastUpdated: '2026-03-01T12:00:30+00:00',
          Next: '2026-03-01T12:05:00+00:00',
        },
        IsPastDue: false,
      },
      {
        Schedule: { AdjustForDST: true },
        ScheduleStatus: {
          Last: '2026-03-01T12:05:00+00:00',
          LastUpdated: '2026-03-01T12:05:00+00:00',
          Next: '2026-03-01T12:10:00+00:00',
        },
        IsPastDue: false,
      },
    ]);
  });

  it('takes its schedule from a setting', async () => {
    await start({ schedule: '%EVERY%' });

    await clock.advance('2h');

    expect(times()).toEqual(['13:00:00', '14:00:00']);
    await expect(start({ schedule: '%OTHER%' })).rejects.toThrow('OTHER, which is not set');
  });

  it('runs once at the start with runOnStartup, and then by its schedule', async () => {
    await start({ runOnStartup: true });

    await clock.advance('5m');

    expect(times()).toEqual(['12:00:30', '12:05:00']);
    expect(runs[0]?.info).toMatchObject({ IsPastDue: false });
  });

  it('makes up for what was missed while no host ran, once', async () => {
    const first = await start();
    await clock.advance('5m');
    await first.stop();
    await clock.advance('22m');

    await start();
    await clock.advance('3m');

    expect(times()).toEqual(['12:05:00', '12:27:30', '12:30:00']);
    expect(runs[1]?.info).toMatchObject({
      IsPastDue: true,
      ScheduleStatus: { Last: '2026-03-01T12:05:00+00:00', Next: '2026-03-01T12:10:00+00:00' },
    });
  });

  it('makes up for the first occurrence of a new timer, too', async () => {
    await (await start()).stop();
    await clock.advance('6m');

    await start();
    await clock.advance(1);

    expect(runs.map(({ info }) => info['IsPastDue'])).toEqual([true]);
  });

  it('misses nothing of a schedule that is another since', async () => {
    const first = await start();
    await clock.advance('5m');
    await first.stop();
    await clock.advance('2h');

    await start({ schedule: '0 0 0 * * *' });
    await clock.advance('10h');

    expect(times()).toEqual(['12:05:00', '00:00:00']);
    expect(runs[1]?.info).toMatchObject({ IsPastDue: false });
  });

  it.each([{ schedule: '*/20 * * * * *' }, { useMonitor: false }])('remembers nothing of %o', async (options) => {
    await (await start(options)).stop();
    await clock.advance('10m');

    await start(options);
    await clock.advance(1);
    expect(runs).toEqual([]);
    await clock.advance('5m');

    expect(runs[0]?.info).toMatchObject({ IsPastDue: false, ScheduleStatus: null });
  });

  it('begins no run before the last has ended, and makes up for what passed meanwhile by one', async () => {
    work = lasting(12 * 60_000);
    await start();

    await clock.advance('25m');

    expect(times()).toEqual(['12:05:00', '12:17:00']);
    work = async () => {};
    await clock.advance('10m');
    expect(times().slice(2)).toEqual(['12:29:00', '12:30:00', '12:35:00']);
  });

  it('goes on after a run that fails, and says why it did', async () => {
    work = () => Promise.reject(new Error('no luck'));
    await start();

    await clock.advance('10m');

    expect(times()).toEqual(['12:05:00', '12:10:00']);
    expect(errors).toEqual(['no luck', 'no luck']);
  });

  it('says that a run is late, and still waits for it', async () => {
    work = lasting(7 * 60_000);
    await start({}, 60_000);

    await clock.advance('11m');

    expect(errors).toEqual(['the function did not end within the functionTimeout of 60000 ms']);
    expect(times()).toEqual(['12:05:00']);
  });

  it('stops when the run under way has ended', async () => {
    work = lasting(60_000);
    const trigger = await start();
    await clock.advance('5m');
    let isStopped = false;

    const stopping = trigger.stop().then(() => {
      isStopped = true;
    });
    await clock.advance('20s');
    expect(isStopped).toBe(false);
    await clock.advance('30m');

    await stopping;
    expect(times()).toEqual(['12:05:00']);
  });

  it('waits for months where that is its schedule', async () => {
    await start({ schedule: '0 0 0 1 1 *' });

    await clock.advance('400d');

    expect(runs.map(({ at }) => at)).toEqual(['2027-01-01T00:00:00']);
  });
});

describe('the status in files', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'timers-'));
    monitor = new FileScheduleMonitor(join(directory, 'timers'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('outlives the process, in the form of the real host', async () => {
    const status = { last: undefined, next: Date.parse('2026-03-01T12:05:00Z'), lastUpdated: clock.now() };

    await monitor.write('tick', status);

    expect(await new FileScheduleMonitor(join(directory, 'timers')).read('tick')).toEqual(status);
    expect(JSON.parse(await readFile(join(directory, 'timers', 'tick.json'), 'utf8'))).toEqual({
      Last: '0001-01-01T00:00:00+00:00',
      LastUpdated: '2026-03-01T12:00:30+00:00',
      Next: '2026-03-01T12:05:00+00:00',
    });
  });

  it('counts as unseen when it cannot be read', async () => {
    expect(await monitor.read('never-seen')).toBeUndefined();
  });
});

describe('schedules', () => {
  const next = (expression: string, from = '2026-03-01T12:00:30Z'): string =>
    new Date(parseSchedule('tick', expression).nextAfter(Date.parse(from))).toISOString().slice(0, 19);

  it.each([
    ['0 */5 * * * *', '2026-03-01T12:05:00'],
    ['0 5/15 * * * *', '2026-03-01T12:05:00'],
    ['15,45 * * * * *', '2026-03-01T12:00:45'],
    ['0 30 9-17 * * Mon-Fri', '2026-03-02T09:30:00'],
    ['0 0 0 1 * Mon', '2026-06-01T00:00:00'],
    ['0 0 0 29 2 *', '2028-02-29T00:00:00'],
    ['0 0 12 * Jan,Jul *', '2026-07-01T12:00:00'],
    ['*/5 * * * *', '2026-03-01T12:05:00'],
  ])('%s comes next at %s', (expression, expected) => {
    expect(next(expression)).toBe(expected);
  });

  it.each([
    ['', 'fields'],
    ['* * * *', '4 fields'],
    ['0 0 24 * * *', 'Invalid value for hour'],
    ['0 0 0 * * 7', 'days of the week are 0 to 6'],
    ['0 0 0 L * *', "'L'"],
    ['@daily', 'fields'],
    ['00:05:00', 'a time span'],
    ['0 0 0 31 2 *', 'it never comes'],
  ])('refuses %o', (expression, why) => {
    expect(() => parseSchedule('tick', expression)).toThrow(ConfigError);
    expect(() => parseSchedule('tick', expression)).toThrow(why);
  });
});
