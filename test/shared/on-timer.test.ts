/** What the callback that the library received for a timer function does. */
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { usePorts } from '../../shared/app-ports.ts';
import type { TimerHandler } from '../../shared/delivery/registered-timers.ts';
import { PermanentError } from '../../shared/errors.ts';
import { installCoreModule } from '../../shared/local/functions-host/core-module.ts';
import { onTimer } from '../../shared/on-timer.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { type FunctionApp, functionApp } from '../support/function-app.ts';

let handler: TimerHandler = async () => {};
let starting: Promise<FunctionApp>;
let app: FunctionApp;
function give(): void {
  // The handlers here ask for nothing else.
  usePorts({ portsFor: (log) => ({ log }) as unknown as Ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
}

beforeAll(() => {
  installCoreModule();
  give();
  starting = functionApp(() => onTimer({ name: 'tick', schedule: '0 * * * * *' }, (ports) => handler(ports)));
  // Each test fails for it; a hook that fails skips them.
  starting.catch(() => {});
});
beforeEach(async () => {
  give();
  app = await starting;
  app.logs.length = 0;
});
afterEach(() => {
  usePorts(undefined);
  vi.unstubAllEnvs();
});

it('is registered with its schedule, and runs at no start', () => {
  expect(app.names).toEqual(['tick']);
  expect(app.bindingOf('tick')).toMatchObject({ type: 'timerTrigger', direction: 'in', schedule: '0 * * * * *' });
  expect(app.bindingOf('tick')).not.toHaveProperty('runOnStartup');
});

it('runs the handler, whose log is the invocation', async () => {
  handler = async ({ log }) => log.warn('late', { by: 3 });

  await app.tick('tick');

  const line = { level: 'warning', category: 'user', functionName: 'tick', invocationId: app.lastId() };
  expect(app.logs).toMatchObject([{ ...line, message: '{"message":"late","by":3}' }]);
});

it('logs an error with its stack where it is a bug, and lets the host count the failure', async () => {
  handler = () => Promise.reject(new TypeError('no such thing'));
  await expect(app.tick('tick')).rejects.toThrow('no such thing');
  handler = () => Promise.reject(new PermanentError('refused'));
  await expect(app.tick('tick')).rejects.toThrow('refused');

  expect(app.logs.map(({ level, message }) => ({ level, ...JSON.parse(message) }))).toEqual([
    {
      ...{ level: 'error', message: 'timer function failed', function: 'tick' },
      ...{ reason: 'TypeError', error: 'no such thing', stack: expect.stringContaining('at ') },
    },
    {
      ...{ level: 'error', message: 'timer function failed', function: 'tick' },
      ...{ reason: 'Permanent', error: 'refused' },
    },
  ]);
});

it('fails while the settings are wrong', async () => {
  usePorts(undefined);
  vi.stubEnv('ServiceBus', '');
  vi.stubEnv('StateStore', '');

  await expect(app.tick('tick')).rejects.toThrow('ServiceBus');
});
