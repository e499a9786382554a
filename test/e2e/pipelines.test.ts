/** The GitHub actions, and the lines of shell for other systems, against the local host with tokens. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCE, type LocalIssuer, newKey, type SigningKey, signToken, startIssuer } from '../support/issuer.ts';
import { Command, eventually } from '../support/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'pipelines-'));
const root = join(import.meta.dirname, '..', '..');
const SERVICE = { workloads: ['*/shop/*'], objectives: [{ target: 0.99, minFailures: 1 }] };
const DATA = { namespace: 'demo', deployment: 'web', image: 'ghcr.io/shop/web:1' };

let key: SigningKey;
let issuer: LocalIssuer;
/** As GitHub, which gives a job its token. */
let github: Server;
let host: Command;
let url = '';
/** What the claims of the next tokens are. */
let repository = 'shop';
let tokensGiven = 0;

const tokenFor = (audience: string): Promise<string> =>
  signToken(key, { iss: issuer.url, aud: audience, repository }, { now: Date.now(), lifetimeSeconds: 300 });

beforeAll(async () => {
  key = await newKey('one');
  issuer = await startIssuer([key.publicJwk]);
  github = createServer(async (request, response) => {
    const asked = new URL(request.url ?? '', 'http://github.test');
    const isJob =
      request.headers.authorization === 'bearer of-the-job' && asked.searchParams.get('api-version') === '2';
    tokensGiven++;
    response
      .writeHead(isJob ? 200 : 401)
      .end(JSON.stringify({ value: await tokenFor(asked.searchParams.get('audience') ?? '') }));
  });
  await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve));
  const config = {
    services: [
      { ...SERVICE, name: 'frozen' },
      { ...SERVICE, name: 'free', workloads: ['*/demo/*'] },
    ],
    access: {
      issuers: { ci: { issuer: issuer.url, audience: AUDIENCE } },
      rules: [
        { issuer: 'ci', claims: { repository: 'shop' }, rights: ['publish'], types: ['*'] },
        { issuer: 'ci', claims: { repository: ['shop', 'reader'] }, rights: ['read'] },
      ],
    },
  };
  const file = join(folder, 'platform.config.json');
  writeFileSync(file, JSON.stringify(config));
  const ports = ['--port', '0', '--http-port', '0', '--table-port', '0', '--admin-port', '0'];
  host = new Command('shared/local/start', [...ports, '--no-sample', '--json'], {
    ...{ HttpAuth: 'tokens', PLATFORM_CONFIG: file, SIMULATED_ROLLOUT: '100ms', SIMULATED_DEADLINE: '300ms' },
  });
  ({
    ready: { http: url },
  } = JSON.parse((await host.line(/^\{"ready".*$/, 30_000))[0]));
  await freeze();
}, 60_000);
afterAll(async () => {
  await host.kill();
  await issuer.close();
  github.close();
  rmSync(folder, { recursive: true });
});

async function ask(path: string, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${await tokenFor(AUDIENCE)}`, 'content-type': 'application/json' };
  return fetch(`${url}/api/${path}`, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
}

/** Spends the budget of one of the services. */
async function freeze(): Promise<void> {
  await ask('events', { type: 'HealthCheck', source: '/probe', data: { service: 'frozen', good: 0, total: 100 } });
  await eventually(async () => {
    const { services } = (await (await ask('services?service=frozen')).json()) as { services: { freeze?: object }[] };
    return services[0]?.freeze;
  }, 'the service is frozen');
}

interface Ran {
  readonly code: number;
  readonly output: string;
}

function run(file: string, args: string[], env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text));
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

interface Step extends Ran {
  readonly outputs: Record<string, string>;
  readonly summary: string;
}

/** Runs an action as the runner does. @param job what of its environment is otherwise */
async function step(action: string, inputs: Record<string, string>, job: Record<string, string> = {}): Promise<Step> {
  const [outputs, summary] = ['outputs', 'summary'].map((name) => join(folder, `${name}-${Math.random()}`));
  for (const file of [outputs, summary]) writeFileSync(file ?? '', '');
  const given = Object.entries({ url, ...inputs }).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  // A server that listens on a port has such an address.
  const { port } = github.address() as AddressInfo;
  const ran = await run(process.execPath, [join(root, '.github', 'actions', action, 'index.mjs')], {
    ...{ GITHUB_OUTPUT: outputs ?? '', GITHUB_STEP_SUMMARY: summary ?? '', GITHUB_REPOSITORY: 'acme/shop' },
    ...{ GITHUB_SERVER_URL: 'https://github.com', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job' },
    ...{ ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2` },
    ...Object.fromEntries(given),
    ...job,
  });
  const lines = readFileSync(outputs ?? '', 'utf8').split('\n');
  return {
    ...ran,
    outputs: Object.fromEntries(lines.filter(Boolean).map((line) => line.split(/=(.*)/s).slice(0, 2))),
    summary: readFileSync(summary ?? '', 'utf8'),
  };
}

const publish = (data: object, inputs: Record<string, string> = {}, job = {}): Promise<Step> =>
  step('publish', { data: JSON.stringify(data), ...inputs }, job);

describe('the action publish', () => {
  it('publishes with the token of the job, waits, and writes the chain into the summary', async () => {
    const { code, output, outputs, summary } = await publish(DATA);

    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(/\ncompleted\n$/) });
    expect(outputs).toMatchObject({ ending: 'completed', reason: '', id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(summary).toMatch(/^### DeploymentRequested\n\n\| time/);
    expect(summary).toMatch(/\| DeploymentCompleted \| default\/demo\/web \| completed \| ghcr\.io\/shop\/web:1 \|/);
    expect(summary).toContain(`(${url}/api/dashboard/chain?id=${outputs['correlation-id']})`);
    const { events } = (await (await ask(`events?correlationId=${outputs['correlation-id']}`)).json()) as {
      events: { source: string; type: string }[];
    };
    expect(events.find(({ type }) => type === 'DeploymentRequested')?.source).toBe('https://github.com/acme/shop');
  });

  it('hides its token from the log', async () => {
    const { output } = await publish(DATA, { wait: 'false' });

    const [, token = ''] = /^::add-mask::(.*)$/m.exec(output) ?? [];
    expect(token).toMatch(/^ey/);
    expect(output.split(token)).toHaveLength(2);
  });

  it('reads the data from a file, and need not wait', async () => {
    writeFileSync(join(folder, 'data.json'), JSON.stringify(DATA));

    const { code, summary, outputs } = await step('publish', { data: '@data.json', wait: 'false', source: '/ci' });

    expect(code).toBe(0);
    expect(summary).toContain('Published');
    expect(outputs).not.toHaveProperty('ending');
  });

  it('fails with the reason when the release fails and is rolled back', async () => {
    await publish({ ...DATA, deployment: 'api' });

    const { code, output, outputs, summary } = await publish({
      ...{ ...DATA, deployment: 'api' },
      image: 'ghcr.io/shop/web:fail-1',
    });

    expect(code).toBe(1);
    expect(output).toMatch(/^::error title=platform-events publish::failed, and rolled back: DeadlineExceeded: .*$/m);
    expect(outputs).toMatchObject({ ending: 'rolled-back', reason: expect.stringContaining('DeadlineExceeded') });
    expect(summary).toMatch(/DeploymentRolledBack.*\n\n\[What became of it\]/);
    expect(summary).toContain('**platform-events publish failed:** failed, and rolled back');
  });

  it('fails with the reason when the service is frozen', async () => {
    const { code, output } = await publish({ ...DATA, namespace: 'shop' });

    expect(code).toBe(1);
    expect(output).toMatch(/^::error title=platform-events publish::failed: Frozen: /m);
  });

  it('fails when the time is up', async () => {
    const { code, output, outputs } = await publish(
      { ...DATA, deployment: 'slow', image: 'ghcr.io/shop/web:slow-1' },
      { timeout: '300ms' },
    );

    expect({ code, ending: outputs['ending'] }).toEqual({ code: 1, ending: 'timeout' });
    expect(output).toMatch(/^::error title=platform-events publish::not ended in time; the chain goes on$/m);
  });

  it('fails with each field of the data that is wrong', async () => {
    const { code, output } = await publish({ namespace: 'X', deployment: 'web' });

    expect(code).toBe(1);
    expect(output).toMatch(/^::error .*400 not published: .*%0A {2}data\.namespace: expected a DNS-1123 label.*$/m);
  });

  it.concurrent.each([
    ['data that is no JSON', { data: '{canary' }, {}, /data: expected JSON, or @ and the path of a file/],
    ['a file that is not there', { data: '@nowhere.json' }, {}, /data: expected JSON, .*: .*ENOENT/],
    ['no address', { url: '' }, {}, /url: expected a value under 'with', got nothing/],
    ['an address that is none', { url: 'shop' }, {}, /url: expected the app's address/],
    ['a timeout that is none', { timeout: 'soon' }, {}, /expected a duration/],
    ['an audience that the app does not know', { audience: 'other' }, {}, /401 .*audience other in access\.issuers/],
    ['no right to have a token', {}, { ACTIONS_ID_TOKEN_REQUEST_URL: '' }, /'permissions: id-token: write'/],
    ['a job that GitHub refuses', {}, { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' }, /GitHub gives this job no token: 401/],
    ['a function key, which is none here', { key: 'some-key' }, {}, /401 .*function key of this app/],
    ['an app that is away', { url: 'http://127.0.0.1:1' }, {}, /cannot reach the app at .*input url right/],
  ])('fails with %s', async (_, inputs, job, message) => {
    const { code, output } = await publish(DATA, inputs, job);

    expect(code).toBe(1);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/canary|^ +at /m);
  });

  it('fails when no rule lets it publish', async () => {
    repository = 'reader';
    const { code, output } = await publish(DATA).finally(() => {
      repository = 'shop';
    });

    expect(code).toBe(1);
    expect(output).toMatch(/^::error .*403 .*has no right to publish/m);
  });

  it('asks for no token when it has a key', async () => {
    const before = tokensGiven;

    await publish(DATA, { key: 'some-key' });

    expect(tokensGiven).toBe(before);
  });
});

describe('the description of an action', () => {
  it.each(['publish', 'gate'])('names every input and output of %s', (action) => {
    const [yml, source, shared] = [
      `.github/actions/${action}/action.yml`,
      `shared/cli/pipeline/${action}.ts`,
      'shared/cli/pipeline/workflow.ts',
    ].map((file) => readFileSync(join(root, file), 'utf8'));
    const [, inputs = '', outputs = ''] = /^inputs:\n(.*)^outputs:\n(.*)^runs:/ms.exec(yml ?? '') ?? [];
    const namesIn = (text: string): string[] => [...text.matchAll(/^ {2}(\S+):$/gm)].map(([, name = '']) => name);
    const called = (pattern: RegExp, text = ''): string[] => [...text.matchAll(pattern)].map(([, name = '']) => name);

    const read = new Set(called(/\b(?:input|neededInput)\('([\w-]+)'\)/g, `${source}${shared}`));
    expect([...read].toSorted()).toEqual(namesIn(inputs).toSorted());
    expect([...new Set(called(/\bsetOutput\('([\w-]+)'/g, source))].toSorted()).toEqual(namesIn(outputs).toSorted());
  });
});

describe('the action gate', () => {
  it('lets a service through that is not frozen', async () => {
    expect(await step('gate', { service: 'free' })).toMatchObject({ code: 0, outputs: { frozen: 'false' } });
  });

  it('fails with the reason while the service is frozen', async () => {
    const { code, output, outputs, summary } = await step('gate', { service: 'frozen' });

    expect(code).toBe(1);
    expect(output).toMatch(
      /^::error title=platform-events gate::frozen is frozen since .*, in the clusters \*.*: .+$/m,
    );
    expect(outputs).toMatchObject({ frozen: 'true', reason: expect.stringMatching(/.{10}/) });
    expect(summary).toContain('**platform-events gate failed:**');
  });

  it('does not let a misspelt name through', async () => {
    const { code, output } = await step('gate', { service: 'fre' });

    expect(code).toBe(1);
    expect(output).toMatch(/service: 'fre' has no objective here; expected one of free, frozen/);
  });
});

const hasTools = ['bash', 'curl', 'jq'].every((tool) => spawnSync(tool, ['--version']).status === 0);

describe.skipIf(!hasTools)('the lines of shell (with bash, curl and jq)', () => {
  const blocks = [...readFileSync(join(root, 'docs', 'pipelines.md'), 'utf8').matchAll(/^```sh\n(.*?)^```/gms)];
  const [setUp = '', gate = '', send = '', wait = ''] = blocks.map(([, text = '']) => text);
  const shell = async (text: string): Promise<Ran> =>
    run('bash', ['--norc', '-ec', text], { PLATFORM_EVENTS_URL: url, PLATFORM_EVENTS_TOKEN: await tokenFor(AUDIENCE) });
  const publishing = (data: object): void =>
    writeFileSync(
      join(folder, 'event.json'),
      JSON.stringify({ type: 'DeploymentRequested', source: '/ci/shop', data: { ...DATA, ...data } }),
    );

  it('are the four that the page has', () => expect(blocks).toHaveLength(4));

  it('publish and wait, and end as the release does', async () => {
    publishing({ deployment: 'shell' });
    expect(await shell(setUp + send + wait)).toEqual({
      ...{ code: 0, output: 'DeploymentCompleted ghcr.io/shop/web:1\n' },
    });

    publishing({ deployment: 'shell', image: 'ghcr.io/shop/web:fail-1' });
    const failed = await shell(setUp + send + wait);
    expect(failed).toMatchObject({ code: 1, output: expect.stringMatching(/^DeploymentFailed DeadlineExceeded: /) });
  });

  it('fail with the answer of the app', async () => {
    publishing({ namespace: 'X' });
    const { code, output } = await shell(setUp + send + wait);

    expect(code).not.toBe(0);
    expect(output).toMatch(/400/);
  });

  it('fail while the service is frozen, and for one that is not there', async () => {
    const asked = (service: string): Promise<Ran> => shell(setUp + gate.replace('checkout', service));
    const [free, frozen, unknown] = await Promise.all([asked('free'), asked('frozen'), asked('fre')]);

    expect(free).toEqual({ code: 0, output: 'not frozen\n' });
    expect(frozen).toMatchObject({ code: 5, output: expect.stringContaining('budget') });
    expect(unknown).toMatchObject({ code: 5, output: expect.stringContaining('no such service') });
  });
});
