/** Commands as their users run them: a process, its lines, its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A script of Node that runs. */
export class RunningScript {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #exited: Promise<number | null>;
  #isOver = false;

  /** @param args of Node itself, the script, and its arguments */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = '.') {
    this.#process = spawn(process.execPath, args, {
      cwd,
      // Nothing of the test runner's own settings.
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line);
        for (const watcher of this.#watchers) watcher();
      });
    }
    this.#exited = once(this.#process, 'close').then(([code]) => {
      this.#isOver = true;
      for (const watcher of this.#watchers) watcher();
      // Node reports the code as a number, or null after a signal.
      return code as number | null;
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get output(): string {
    return this.#lines.join('\n');
  }

  /** Resolves with the match of a line, come or to come; rejects with all output when the process ends before. */
  line(pattern: RegExp, timeoutMs = 15_000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#watchers.delete(look);
        clearTimeout(timer);
      };
      const look = (): void => {
        for (const line of this.#lines) {
          const match = pattern.exec(line);
          if (!match) continue;
          done();
          resolve(match);
          return;
        }
        if (!this.#isOver) return;
        done();
        reject(new Error(`ended without a line like ${pattern}:\n${this.output}`));
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`no line like ${pattern} within ${timeoutMs} ms:\n${this.output}`));
      }, timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The exit code; null after a signal that it did not handle. */
  exit(): Promise<number | null> {
    return this.#exited;
  }

  /** For `afterEach`: gone, whatever it was doing. */
  async kill(): Promise<void> {
    if (!this.#isOver) this.#process.kill('SIGKILL');
    await this.#exited;
  }
}

/** A running command of this repository. */
export class Command extends RunningScript {
  /** @param command as in `npm run <command>`, such as `shared/local/host` */
  constructor(command: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    super(['scripts/run.mjs', command, ...args], env);
  }
}

/** Resolves when the condition holds; for what only a real process or socket can make true. */
export async function eventually<T>(
  look: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
