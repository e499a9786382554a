/** `npm run bench -- fuzz-cluster` against the test API server, as anyone would run it against a cluster of their own. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('finds one end of every request, with the host killed again and again', { timeout: 300_000 }, () => {
  const args = ['scripts/bench.mjs', 'fuzz-cluster', '--requests', '25', '--seed', '3'];

  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });

  expect(stdout).toContain('25 of 25 requests with exactly one end');
  expect(stdout).toMatch(/host killed +[1-9]/);
  expect(status, stdout).toBe(0);
});

it.each([[['--requests', 'many']], [['--kubeconfig', '']], [['--seeds', '1']]])('refuses %j', (options) => {
  const args = ['scripts/bench.mjs', 'fuzz-cluster', ...options];

  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });

  // The runner says 1 whatever the bench says.
  expect(status).toBe(1);
  expect(stderr).toContain(options[0]);
});
