/** What `.vscode/launch.json` starts stops where a line of a handler's source says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RunningScript } from '../support/processes.ts';

const HANDLER = 'functions/deployment/requested.ts';
const ANY_PORT = ['--port', '0', '--http-port', '0', '--table-port', '0', '--admin-port', '0'];

interface Configuration {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const { configurations }: { configurations: Configuration[] } = JSON.parse(
  readFileSync('.vscode/launch.json', 'utf8').replace(/^\s*\/\/.*$/gm, ''),
);
const starts = configurations.filter(({ name }) => name.startsWith('npm start'));

/** The first line of what the handler does. */
function firstLine(): number {
  const lines = readFileSync(HANDLER, 'utf8').split('\n');
  const handle = lines.findIndex((line) => line.startsWith('export const handle'));
  return lines.findIndex((line, index) => index > handle && /^ {2}(const|await|return|if)/.test(line)) + 1;
}

describe('a breakpoint in a handler', () => {
  it.each(starts)('is met with $name', { timeout: 60_000 }, async ({ program, args }) => {
    const breakpoint = `${HANDLER}:${firstLine()}`;
    const script = program.replace(/^\$\{workspaceFolder\}\//, '');
    const start = new RunningScript(['--import', './test/support/debugger.mjs', script, ...args, ...ANY_PORT], {
      BREAKPOINT: breakpoint,
    });
    try {
      const [line] = await start.line(/^breakpoint .*$/, 45_000);

      expect(line).toMatch(
        new RegExp(`^breakpoint ${breakpoint} in handle of file:.*/functions/deployment/requested\\.js$`),
      );
      await start.line(/DeploymentCompleted/);
    } finally {
      await start.kill();
    }
  });

  it('is offered for both ways to start', () => {
    expect(starts.map(({ args }) => args.slice(1))).toEqual([[], ['--watch']]);
  });
});
