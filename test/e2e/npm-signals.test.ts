/** Commands that npm started are gone when npm is, however it went. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';

const running: ChildProcess[] = [];

afterAll(() => {
  for (const { pid } of running) {
    try {
      // The whole group, so that a failed test leaves nothing.
      process.kill(-(pid ?? 0), 'SIGKILL');
    } catch {
      // All of it is gone.
    }
  }
});

interface Npm {
  readonly pid: number;
  /** Resolves when npm, its shell and the command have all ended: each holds its end of the pipe. */
  readonly gone: Promise<unknown>;
}

/** Resolves when the command is ready. */
async function npm(...args: string[]): Promise<Npm> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn('npm', args, { detached: true, env: { PATH, HOME }, stdio: ['ignore', 'pipe', 'ignore'] });
  running.push(child);
  const gone = once(child.stdout, 'close');
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (/amqp:\/\/127\.0\.0\.1:\d+/.test(line)) resolve();
    });
    lines.once('close', () => reject(new Error('it ended before it was ready')));
  });
  return { pid: child.pid ?? 0, gone };
}

function shellOf(npmPid: number): number {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const row = rows.map((line) => line.trim().split(/\s+/).map(Number)).find(([, parent]) => parent === npmPid);
  return row?.[0] ?? 0;
}

async function endsWithin(ms: number, { gone }: Npm): Promise<void> {
  const late = new Promise((resolve) => setTimeout(resolve, ms, 'still there').unref());
  expect(await Promise.race([gone, late])).not.toBe('still there');
}

const BUS = ['run', 'bus', '--', '--port', '0', '--admin-port', '0'];
const START = [
  'start',
  '--',
  ...['--port', '--http-port', '--table-port', '--admin-port'].flatMap((flag) => [flag, '0']),
];

describe.concurrent('npm run bus', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('is gone after a %s to npm', async (signal) => {
    const bus = await npm(...BUS);

    process.kill(bus.pid, signal);

    await endsWithin(5_000, bus);
  });

  it('is gone after Ctrl-C, which a terminal sends to all of them', async () => {
    const bus = await npm(...BUS);

    process.kill(-bus.pid, 'SIGINT');

    await endsWithin(5_000, bus);
  });

  it('is gone after a SIGKILL to the shell between', async () => {
    const bus = await npm(...BUS);

    process.kill(shellOf(bus.pid), 'SIGKILL');

    await endsWithin(5_000, bus);
  });
});

it.each(['SIGTERM', 'SIGKILL'] as const)('npm start is gone after a %s to npm', async (signal) => {
  const start = await npm(...START, '--no-sample');

  process.kill(start.pid, signal);

  await endsWithin(5_000, start);
});
