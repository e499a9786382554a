/**
 * Every command in the README and in `docs/` is run: the ones for the platform here, one after the other on a local host,
 * the others by the test that is named. What cannot run here says so in its first line.
 */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Command } from '../support/processes.ts';

const root = join(import.meta.dirname, '..', '..');
const pages = [
  'README.md',
  '.github/CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n');

interface Block {
  readonly page: string;
  readonly text: string;
}

const NOT_RUN = /^# Not run by the tests: .{10,}\.$/m;

/** The blocks of shell of a page; one in a list is indented. One that is an example's file is run by that one's test. */
function blocksOf(page: string): Block[] {
  const text = textOf(page).replaceAll(/^<!-- docs\/examples\/\S+ -->\n```.*?^```$/gms, '');
  return [...text.matchAll(/^( *)```(?:sh|bash|shell|console|powershell)\n(.*?)^\1```$/gms)].map(
    ([, indent = '', block = '']) => ({ page, text: block.replaceAll(new RegExp(`^${indent}`, 'gm'), '') }),
  );
}

const blocks = pages.flatMap(blocksOf).filter(({ text }) => !NOT_RUN.test(text.split('\n', 1)[0] ?? ''));

/** Whose lines are run below, as they stand. */
const isForPlatform = ({ text }: Block): boolean => /^(npx platform-events |curl localhost:7071)/.test(text);

/** Where each other line is run: a test, and what it does there. */
const ELSEWHERE: readonly [line: RegExp, file: string, how: RegExp][] = [
  [/^npm ci && npm start$/, 'test/e2e/start.test.ts', /new Command\('shared\/local\/start'/],
  [/^npm ci && npm test$/, '.ci/run', /^npm ci && .*npm test$/m],
  [/^npm test$/, '.ci/run', /npm test/],
  [/^npm run demo$/, 'test/e2e/demo.test.ts', /shared\/local\/demo\/main/],
  [/^npm run docs$/, 'test/shared/cli/docs.test.ts', /shared\/cli\/docs/],
  [/^npm run infra$/, 'package.json', /npm run -s infra -- --check/],
  [/^npm run cost -- /, 'test/shared/cli/cost.test.ts', /new Command\('shared\/cli\/cost'/],
  [/^npm run bus$/, 'test/shared/local/bus.test.ts', /start\('--port', '0'/],
  [/^npm run bus -- --config Config\.json$/, 'test/shared/local/bus.test.ts', /'--config'/],
  [/^npm run bus -- --tls$/, 'test/shared/local/bus-tls.test.ts', /'--tls'/],
  [/^npm run bus -- --tls --identity$/, 'test/shared/local/bus.test.ts', /'--identity'/],
  [/^npm run package:npm/, 'test/support/consumer-project.ts', /scripts\/package-npm\.mjs/],
  [/^npm install \S*\.tgz @azure\/service-bus/, 'test/e2e/npm-package.full.test.ts', /'install'/],
  [/^npx --no -- platform-events publish /, 'test/e2e/npm-package.test.ts', /platform-events/],
  [/^npm run topology -- --out Config\.json$/, 'test/docs/commands.test.ts', /shared\/cli\/topology/],
  [/^npm ci --prefix test\/specs$/, '.github/workflows/ci.yml', /npm ci --prefix test\/specs/],
  [/^npm run --prefix test\/specs check$/, '.github/workflows/ci.yml', /npm run --prefix test\/specs check/],
];

const others = blocks.filter((block) => block.page !== 'docs/pipelines.md' && !isForPlatform(block));
const lines = others.flatMap(({ page, text }) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ page, line })),
);

describe('the commands in the docs', () => {
  it.each(lines)('$page: $line', ({ line }) => {
    const [, file = '', how = /(?!)/] = ELSEWHERE.find(([pattern]) => pattern.test(line)) ?? [];

    expect(file, `say in ELSEWHERE which test runs it, or "# Not run by the tests: why." in its first line`).not.toBe(
      '',
    );
    expect(textOf(file)).toMatch(how);
  });

  it('are all that is said to run elsewhere', () => {
    expect(ELSEWHERE.filter(([pattern]) => !lines.some(({ line }) => pattern.test(line)))).toEqual([]);
  });

  it('of the page on pipelines are run by a test of their own', () => {
    expect(textOf('test/e2e/pipelines.test.ts')).toContain("'pipelines.md'");
  });

  it('write the file that the next one reads', async () => {
    const file = join(folder, 'Config.json');
    const topology = new Command('shared/cli/topology', ['--out', file]);

    expect(await topology.exit(), topology.output).toBe(0);
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')))).toEqual(['UserConfig']);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'docs-commands-'));
let host: Command;
let url = '';

beforeAll(async () => {
  // npx takes a second to find the command of the folder that it is in; this one finds it at once, and from anywhere.
  const npx = join(folder, 'npx');
  writeFileSync(
    npx,
    `#!/bin/sh\nshift\nexec '${process.execPath}' '${join(root, 'scripts', 'platform-events.mjs')}' "$@"\n`,
  );
  chmodSync(npx, 0o755);
  const ports = ['--port', '0', '--http-port', '0', '--table-port', '0', '--admin-port', '0'];
  host = new Command('shared/local/start', [...ports, '--no-sample', '--json'], {
    ...{ SIMULATED_ROLLOUT: '100ms', SIMULATED_DEADLINE: '300ms' },
  });
  ({
    ready: { http: url },
  } = JSON.parse((await host.line(/^\{"ready".*$/, 30_000))[0]));
}, 40_000);
afterAll(async () => {
  await host.kill();
  rmSync(folder, { recursive: true });
});

/** Runs a block as it stands, but for the address of the host. */
function run(text: string): Promise<string> {
  const script = text.replaceAll('localhost:7071', new URL(url).host);
  const env = { PATH: `${folder}:${process.env['PATH']}`, HOME: folder, PLATFORM_EVENTS_URL: url };
  return new Promise((resolve) => {
    const child = execFile('bash', ['--norc', '-c', script], { cwd: folder, env }, (_, stdout, stderr) =>
      resolve(`${stdout}${stderr}exit ${child.exitCode}`),
    );
  });
}

/** What each block of a page prints, in its order. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  'docs/tutorial.md': [
    /DeploymentCompleted .*ghcr\.io\/shop\/web:1\.2\.3\ncompleted\nexit 0$/,
    /\nfailed, and rolled back: DeadlineExceeded: .*\nexit 1$/,
    /rolled-back .*default\/shop\/web\n.*\n.* DeploymentRolledBack .*back on ghcr\.io\/shop\/web:1\.2\.3.*\nexit 0$/s,
    /\nfailed: PolicyViolation: .*'latest'.*\nexit 1$/,
    /checkout +frozen +since .*(\n.*)*\nexit 0$/,
    /\nfailed: Frozen: .*\nexit 1$/,
    /^unfrozen {2}checkout\n.*unfreeze .*the monitor was wrong.*(\n.*)*\nexit 0$/,
  ],
  'README.md': [
    /DeploymentCompleted .*ghcr\.io\/shop\/web:1\.2\.3\ncompleted\nexit 0$/,
    /^\{"ids":\[".*"\],"correlationIds":\[".*"\]\}.*exit 0$/s,
    /default\/shop\/web.*checkout.*DeploymentRequested.*the errors queue is empty\nexit 0$/s,
  ],
  // Nothing is in the queue, so the numbers of the page name nothing.
  'docs/operating.md': [
    /^no entry matches\n.*(entry 17 does not exist).*replayed 0 of 0\n19 .*does not exist.*\nexit 1$/s,
  ],
};

describe.skipIf(!existsSync('/bin/bash'))('what the docs say of the platform', () => {
  for (const [page, printed] of Object.entries(PRINTED)) {
    it(`is what happens: ${page}`, async () => {
      const found = blocksOf(page).filter(isForPlatform);
      expect(found).toHaveLength(printed.length);
      for (const [index, { text }] of found.entries()) {
        const expected = printed[index] ?? /(?!)/;
        let output = await run(text);
        // What comes of an event shows a moment later; a person is slower.
        for (let tries = 0; tries < 10 && !expected.test(output) && !text.includes('--wait'); tries++) {
          output = await run(text);
        }
        expect(output).toMatch(expected);
      }
    }, 60_000);
  }

  it('has no page that is forgotten', () => {
    const forgotten = blocks.filter((block) => isForPlatform(block) && !Object.hasOwn(PRINTED, block.page));

    expect(forgotten).toEqual([]);
  });

  it('is called by npx in a clone', async () => {
    const ran = await new Promise((resolve) => {
      execFile('npx', ['platform-events', '--version'], { cwd: root }, (_, stdout) => resolve(stdout.trim()));
    });

    expect(ran).toBe(JSON.parse(textOf('package.json')).version);
  }, 20_000);
});

it('the index of the docs names every page', () => {
  const index = textOf('docs/README.md');
  const files = readdirSync(join(root, 'docs')).filter((name) => /\.(md|json)$/.test(name) && name !== 'README.md');

  expect(files.filter((name) => !index.includes(`](${name})`))).toEqual([]);
});

describe('the README', () => {
  const text = textOf('README.md');

  it('is a page, and no line is longer than a terminal', () => {
    const long = text.split('\n').filter((line) => line.length > 120 && !line.startsWith('|'));

    expect(long).toEqual([]);
    expect(text.split('\n').length).toBeLessThanOrEqual(150);
  });

  it('has the commands that everyone is told', () => {
    expect(text).toContain('```sh\nnpm ci && npm start\n```');
    expect(text).toContain('```sh\nnpm ci && npm test\n```');
  });
});

describe.each([
  'README.md',
  '.github/CONTRIBUTING.md',
  '.github/SECURITY.md',
  'shared/delivery/README.md',
  'shared/local/service-bus/README.md',
])('%s', (page) => {
  it('links to what is there', () => {
    const prose = textOf(page).replace(/^```.*?^```/gms, '');
    for (const [, target = ''] of prose.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#[^)]*)?\)/g)) {
      expect(existsSync(join(root, page, '..', target)), `${page} → ${target}`).toBe(true);
    }
  });
});
