/** `npm run bus` as people start it: a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export class BusCommand {
  readonly #folder: string;
  readonly #running = new Set<ChildProcess>();

  constructor() {
    // Below the repository, where its packages are found.
    mkdirSync(join(root, 'dist/test'), { recursive: true });
    this.#folder = mkdtempSync(join(root, 'dist/test/bus-'));
  }

  async build(): Promise<void> {
    await build({
      entryPoints: [join(root, 'shared/local/bus.ts')],
      outfile: join(this.#folder, 'bus.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
  }

  /** Starts it with these arguments, and with these variables of the environment besides the test's own. */
  start(environment: NodeJS.ProcessEnv, ...args: string[]): StartedBus {
    const env = { ...process.env, BUS_KEY: undefined, ...environment };
    const script = join(this.#folder, 'bus.mjs');
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#running.add(child);
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
    return { child, line: async () => (await lines.next()).value ?? '', errors: () => errors };
  }

  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    this.#running.clear();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface StartedBus {
  readonly child: ChildProcess;
  /** The next line that it prints. */
  line(): Promise<string>;
  /** What it wrote to stderr until now. */
  errors(): string;
}
