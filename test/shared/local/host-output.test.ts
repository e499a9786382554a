/** How the lines of functions are printed, for people and for programs. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { InvocationLog } from '../../../shared/local/functions-host/invoke.ts';
import { hostOutput } from '../../../shared/local/host-output.ts';

const out: string[] = [];
const err: string[] = [];

beforeEach(() => {
  out.length = 0;
  err.length = 0;
  vi.useFakeTimers({ now: Date.parse('2026-03-01T12:00:00.250Z') });
  vi.spyOn(console, 'log').mockImplementation((line) => void out.push(line));
  vi.spyOn(console, 'error').mockImplementation((line) => void err.push(line));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const line = (parts: Partial<InvocationLog>): InvocationLog => ({
  level: 'information',
  category: 'user',
  functionName: 'health-check',
  invocationId: 'i-1',
  message: '{"message":"event completed","ms":3}',
  ...parts,
});
const plain = { from: 'information', isVerbose: false, isJson: false } as const;

it('prints time, level, function, message and fields; warnings and errors on stderr', () => {
  const { onLog } = hostOutput(plain);

  onLog(line({}));
  onLog(
    line({ level: 'warning', message: '{"message":"attempt failed","error":"a\\nb","stack":"    at a\\n    at b"}' }),
  );

  expect(out).toEqual(['12:00:00.250 information health-check event completed ms=3']);
  expect(err).toEqual(['12:00:00.250 warning health-check attempt failed error=a b\n    at a\n    at b']);
});

it('prints one object a line for programs, with the invocation, whatever the fields are called', () => {
  const { onLog, onError } = hostOutput({ ...plain, isJson: true });

  onLog(line({ level: 'error', message: '{"message":"failed","level":"info","n":1}' }));
  onLog(line({ message: 'not ours' }));
  onError('health-check', 'message m-1: broken');

  const time = '2026-03-01T12:00:00.250Z';
  expect(err).toEqual([]);
  expect(out.map((text) => JSON.parse(text).log)).toEqual([
    { time, level: 'error', function: 'health-check', invocationId: 'i-1', message: 'failed', n: 1 },
    { time, level: 'information', function: 'health-check', invocationId: 'i-1', message: 'not ours' },
    { time, level: 'error', function: 'health-check', message: 'message m-1: broken' },
  ]);
});

it.each([
  ['from warnings on', { from: 'warning' }, ['warning']],
  ['from information on', {}, ['information', 'warning']],
  ['all when it is verbose', { isVerbose: true }, ['debug', 'information', 'warning']],
] as const)('prints the lines %s', (_, options, expected) => {
  const { onLog } = hostOutput({ ...plain, isJson: true, ...options });

  for (const level of ['debug', 'information', 'warning'] as const) onLog(line({ level }));

  expect(out.map((text) => JSON.parse(text).log.level)).toEqual(expected);
});

it('leaves out what the library says of itself, and repeats a lost connection once in a while', () => {
  const { onLog, onError } = hostOutput(plain);

  onLog(line({ category: 'system' }));
  onError('health-check', 'receive: away');
  onError('slo-violation', 'receive: away');

  expect(out).toEqual([]);
  expect(err).toEqual(['12:00:00.250 error Service Bus away']);
});
