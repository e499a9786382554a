import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';

function run(...args: string[]) {
  return spawnSync(process.execPath, ['scripts/bench.mjs', ...args], { encoding: 'utf8' });
}

it('says what each benchmark is for, and runs none', () => {
  const { status, stdout } = run('--help');

  const names = readdirSync('bench').filter((name) => name.endsWith('.ts'));
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(names.map((name) => basename(name, '.ts'))));
  expect(stdout).toContain('npm run bench -- blame --help');
  expect(status).toBe(0);
});

it('refuses a name that is none', () => {
  expect(run('blame', 'shame')).toMatchObject({
    stderr: expect.stringContaining('unknown benchmark: shame'),
    status: 2,
  });
});
