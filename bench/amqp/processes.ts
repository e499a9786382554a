/** The processes of the benchmark: the parent starts them and asks, they answer. */
import { type ChildProcess, spawn } from 'node:child_process';

interface Answer {
  readonly port?: number;
  /** Messages a second. */
  readonly rate?: number;
  /** Microseconds of processor time, on all threads, since the process was ready. */
  readonly cpu?: number;
}

const children = new Set<ChildProcess>();

/** Starts the benchmark's own script in a role. */
export function start(role: string, port: number, count: number): { next: () => Promise<Answer>; ask: () => void } {
  const [, script = ''] = process.argv;
  const child = spawn(process.execPath, [script, role, String(port), String(count)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.add(child);
  return {
    next: () =>
      new Promise((resolve, reject) => {
        child.once('message', (message) => resolve(message as Answer));
        child.once('exit', (code) => reject(new Error(`${role} ended with ${code}`)));
      }),
    ask: () => child.send('cpu'),
  };
}

export function stopAll(): void {
  for (const child of children) {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
  children.clear();
}

/** Tells the parent that this process is ready; from then on it answers how much processor time it has used. */
export function tellReady(port: number): void {
  const before = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ cpu: user + system });
  });
  process.send?.({ port });
}

export function tellRate(rate: number): void {
  process.send?.({ rate });
}
