/** `npm start -- --watch` in a copy of the tree: what changes is loaded, what the bus and the state hold stays. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TreeCopy } from '../support/next-build.ts';
import { eventually, RunningScript } from '../support/processes.ts';

const ANY_PORT = ['--port', '0', '--http-port', '0', '--table-port', '0', '--admin-port', '0'];
const tree = new TreeCopy();
let start: RunningScript;
let http = '';

const probe = (text: string): string => `/** Answers. */
import { type HttpResponse, onHttp } from '../../shared/http/on-http.ts';

export async function handle(): Promise<HttpResponse> {
  return { json: ${text} };
}

onHttp({ name: 'probe', methods: ['GET'], route: 'probe', right: 'read', description: 'Answers.', answers: {} }, handle);
`;

const asked = async (path: string): Promise<unknown> => (await fetch(`${http}/api/${path}`)).json();
const reloads = (): RegExpMatchArray | null => start.output.match(/^\{"reloaded".*$/gm);

/** Resolves when a change is running, to how long that took. */
async function reloaded(change: () => void): Promise<number> {
  const before = reloads()?.length ?? 0;
  change();
  const lines = await eventually(() => {
    const found = reloads() ?? [];
    return found.length > before ? found : undefined;
  }, `a reload:\n${start.output}`);
  return JSON.parse(lines.at(-1) ?? '').reloaded.ms;
}

beforeAll(async () => {
  const script = ['scripts/run.mjs', 'shared/local/start', '--watch', ...ANY_PORT, '--json'];
  start = new RunningScript(script, { SIMULATED_ROLLOUT: '100ms' }, tree.directory);
  const [line] = await start.line(/^\{"ready".*$/, 30_000);
  ({ http } = JSON.parse(line).ready);
  await start.line(/"type":"DeploymentCompleted"/);
}, 60_000);
afterAll(async () => {
  await start.kill();
  tree.remove();
});

it('loads new functions and changed ones, while bus and state keep what they hold', async () => {
  const before = await asked('deployments');

  await reloaded(() => tree.write('functions/http/probe.ts', probe('1')));
  expect(await asked('probe')).toBe(1);
  const ms = await reloaded(() => tree.write('functions/http/probe.ts', probe('2')));

  expect(await asked('probe')).toBe(2);
  expect(await asked('deployments')).toEqual(before);
  // A second on a machine of one's own; this one may be busy.
  expect(ms).toBeLessThan(5_000);
}, 30_000);

it('says what does not build, with its place, and goes on with what ran last', async () => {
  tree.write('functions/http/probe.ts', 'const x: =');

  await start.line(/^\{"warning":"not reloaded: functions\/http\/probe\.ts:1:10: Unexpected/);
  expect(await asked('probe')).toBe(2);
}, 30_000);

it('says what does not start, and goes on with what ran last', async () => {
  tree.write('functions/http/probe.ts', `${probe('3')}\nthrow new Error('not today');`);

  await start.line(/^\{"warning":"not reloaded: .*probe\.js: not today/);
  expect(await eventually(() => asked('probe').catch(() => undefined), 'the app is back')).toBe(2);
}, 30_000);

it('reads a changed configuration, and refuses a wrong one without an interruption', async () => {
  await reloaded(() => tree.write('functions/http/probe.ts', probe('4')));
  const config = JSON.parse(readFileSync(join(tree.directory, 'platform.config.json'), 'utf8'));

  tree.write('platform.config.json', JSON.stringify({ ...config, policies: 7 }));
  await start.line(/^\{"warning":"not reloaded: .*policies: expected an object/);
  expect(await asked('probe')).toBe(4);
  config.services.push({ name: 'brand-new', objectives: [{ slo: 'availability', target: 0.9 }] });
  await reloaded(() => tree.write('platform.config.json', JSON.stringify(config)));

  expect(await asked('services')).toMatchObject({
    services: expect.arrayContaining([expect.objectContaining({ service: 'brand-new' })]),
  });
}, 30_000);

it('carries on with deployments after all that', async () => {
  const data = { namespace: 'demo', deployment: 'later', image: 'ghcr.io/platform-events/later:1' };
  await fetch(`${http}/api/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: '/test', type: 'DeploymentRequested', data }),
  });

  await start.line(/"type":"DeploymentCompleted".*demo\/later/);
});

it('ends with Ctrl-C, and leaves nothing behind', async () => {
  start.signal('SIGINT');

  expect(await start.exit()).toBe(0);
  await expect(fetch(http)).rejects.toThrow();
});
