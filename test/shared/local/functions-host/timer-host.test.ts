/** Timer triggers through the whole local host: the library, the worker's conversions, the real clock. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FunctionsHost, startFunctionsHost } from '../../../../shared/local/functions-host/functions-host.ts';
import { MemoryScheduleMonitor } from '../../../../shared/local/functions-host/schedule-monitor.ts';
import { type BuiltApp, buildApp } from '../../../support/built-app.ts';
import { eventually } from '../../../support/processes.ts';

const YEARLY = '0 0 0 1 1 *';
const newYear = (year: number): number => Date.UTC(year, 0, 1);

let app: BuiltApp;
let host: FunctionsHost;
const monitor = new MemoryScheduleMonitor();
const runs: { name: string; timer: Record<string, unknown> }[] = [];

beforeAll(async () => {
  app = await buildApp('test/support/ticking-app.ts');
  await monitor.write('yearly', { last: newYear(2020), next: newYear(2021), lastUpdated: newYear(2020) });
  host = await startFunctionsHost({
    ...{ directory: app.directory, settings: { YEARLY }, httpPort: 0, scheduleMonitor: monitor },
    onLog: ({ category, functionName: name, message }) => {
      if (category === 'user') runs.push({ name, timer: JSON.parse(message) });
    },
    onError: () => {},
  });
}, 60_000);
afterAll(async () => {
  await host.stop(5_000);
  await app.remove();
});

const runsOf = (name: string) => runs.filter((run) => run.name === name).map(({ timer }) => timer);

it('lists timers with their schedules', () => {
  expect(host.functions).toEqual([
    { name: 'often', trigger: 'timer', source: '* * * * * *' },
    { name: 'yearly', trigger: 'timer', source: YEARLY },
  ]);
});

it('runs a timer every second, with what the library makes of it', { timeout: 20_000 }, async () => {
  const found = await eventually(() => (runsOf('often').length >= 2 ? runsOf('often') : undefined), 'it runs twice');

  expect(found[0]).toEqual({ schedule: { adjustForDST: true }, scheduleStatus: null, isPastDue: false });
});

it('makes up at the start for what it missed, once, and remembers', { timeout: 20_000 }, async () => {
  await eventually(
    async () => ((await monitor.read('yearly'))?.next !== newYear(2021) ? true : undefined),
    'it has run',
  );

  expect(runsOf('yearly')).toEqual([
    {
      ...{ schedule: { adjustForDST: true }, isPastDue: true },
      scheduleStatus: {
        ...{ last: '2020-01-01T00:00:00+00:00', lastUpdated: '2020-01-01T00:00:00+00:00' },
        next: '2021-01-01T00:00:00+00:00',
      },
    },
  ]);
  expect((await monitor.read('yearly'))?.next).toBe(newYear(new Date().getUTCFullYear() + 1));
});
