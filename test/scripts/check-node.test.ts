import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const { scripts, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
/** What people run that is a script of ours; the tests begin with one. */
const commands: string[] = [...new Set<string>([...Object.values<string>(scripts), ...Object.values<string>(bin)])]
  .map((command) => command.split(' && ')[0]?.replace(/^node /, '') ?? '')
  .filter((command) => command.startsWith('scripts/'));

/** Runs a script on this Node, which says that it is another. */
function runOn(version: string, command: string) {
  const pretend = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', pretend, ...command.split(' ')], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('a Node that is too old', () => {
  it('is known to all that people run', () => {
    expect(commands).toEqual(expect.arrayContaining(['scripts/run.mjs shared/local/start', 'scripts/check-node.mjs']));
  });

  it.each(commands)('is told so in one line by %s', (command) => {
    expect(runOn('18.20.8', command)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'platform-events needs Node 20.19, 22.12, 24 or later; this is Node 18.20.8\n',
    });
  });
});

it.each([
  ['16.20.2', 1],
  ['20.18.3', 1],
  ['20.19.0', 0],
  ['21.7.3', 1],
  ['22.11.0', 1],
  ['22.12.0', 0],
  ['23.11.1', 1],
  ['24.0.0', 0],
  ['26.10.0', 0],
  ['100.1.0', 0],
])('answers Node %s with exit code %i', (version, status) => {
  expect(runOn(version, 'scripts/check-node.mjs').status).toBe(status);
});
