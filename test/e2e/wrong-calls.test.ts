/** Commands that are called or set up wrongly: exit code 2, and one line that names the flag or setting, and the value. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Command } from '../support/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'wrong-calls-'));
const file = join(folder, 'file');
const broken = join(folder, 'broken');
writeFileSync(file, 'x');
mkdirSync(broken);
writeFileSync(join(broken, '__azurite_db_table__.json'), '{canary');
afterAll(() => rmSync(folder, { recursive: true }));

const CHECK = ['publish', 'HealthCheck', '--data', '{"service":"web","good":1,"total":1}'];
const RATES = ['--deployments-per-day', '1', '--checks-per-minute', '1'];
const KEYLESS = 'Endpoint=sb://localhost;SharedAccessKey=canary';

const cases: [command: string, args: string[], env: Record<string, string>, complaint: RegExp][] = [
  ['local/table', ['--location', file], {}, /^--location: '.*file' is not a directory$/],
  ['local/table', ['--location', join(file, 'below')], {}, /^--location: cannot make the directory '.*below': ENOTDIR/],
  // A recursive mkdir of Node never returns here.
  [
    'local/table',
    ['--location', '/proc/below/it'],
    {},
    /^--location: cannot make the directory '\/proc\/below\/it': E/,
  ],
  ['local/table', ['--port', '0', '--location', broken], {}, /^--location: cannot keep .*: its file is not JSON$/],
  ['local/table', ['--location='], {}, /^--location: expected a value, got nothing; see 'npm run table -- --help'$/],
  ['local/start', ['--port', '-1'], {}, /^Option '--port' argument is ambiguous; see 'npm start -- --help'$/],
  ['local/start', ['--port', '65536'], {}, /^--port: expected a port between 0 and 65535, got '65536'$/],
  ['local/bus', ['--strict'], {}, /^--strict needs --config$/],
  ['local/bus', ['--config', folder], {}, /^--config: cannot read '.*': EISDIR: illegal operation on a directory$/],
  ['local/host', ['--app', file], {}, /^--app: '.*file' is not a directory$/],
  ['local/host', [], { ServiceBus: 'canary' }, /ServiceBus: expected a Service Bus connection string/],
  ['local/demo/main', ['--config', folder], {}, /^--config: cannot read '.*': EISDIR/],
  ['cli/cost', [], {}, /^--deployments-per-day: expected a number from 0 to 1000000000, got nothing$/],
  ['cli/cost', ['--deployments-per-day', '1'], {}, /^--checks-per-minute: expected a number .*, got nothing$/],
  ['cli/cost', [...RATES, '--deployments-per-day', '1e3'], {}, /^--deployments-per-day: expected .*, got '1e3'$/],
  [
    'cli/cost',
    [...RATES, '--checks-per-minute', '1000000001'],
    {},
    /^--checks-per-minute: expected .*, got '1000000001'$/,
  ],
  [
    'cli/cost',
    [...RATES, '--checks-per-minute', '-1'],
    {},
    /^Option '--checks-per-minute' argument is ambiguous; see 'npm run cost -- --help'$/,
  ],
  ['cli/cost', [...RATES, '--memory', '1024'], {}, /^--memory: expected one of 512, 2048, 4096, got '1024'$/],
  ['cli/cost', [...RATES, '--always-ready', '1.5'], {}, /^--always-ready: expected a whole number .*, got '1.5'$/],
  ['cli/cost', [...RATES, '--rollout', 'soon'], {}, /^--rollout: expected a duration such as .*, got "soon"$/],
  ['cli/cost', [...RATES, '--config', file], {}, /^--config: cannot read '.*file': /],
  ['cli/cost', [...RATES, '--region', 'x'], {}, /^unknown option '--region'; see 'npm run cost -- --help'$/],
  ['cli/topology', ['--out', folder], {}, /^--out: cannot write '.*': EISDIR/],
  ['cli/schemas', ['--out', file], {}, /^--out: '.*file' is not a directory$/],
  [
    'cli/main',
    CHECK,
    { ServiceBus: 'canary' },
    /^ServiceBus: expected .*beginning with Endpoint=sb:\/\/.*set it in the env/,
  ],
  ['cli/main', CHECK, { ServiceBus: KEYLESS }, /^ServiceBus: expected 'Endpoint=sb:.*not shown/],
  [
    'cli/main',
    CHECK,
    { ServiceBus__fullyQualifiedNamespace: 'sb://x' },
    /^ServiceBus__fullyQualifiedNamespace: expected/,
  ],
  ['cli/main', CHECK, { PLATFORM_EVENTS_URL: 'http://shop.example' }, /^PLATFORM_EVENTS_URL: expected https, got/],
  ['cli/main', [...CHECK, '--source', 'a b'], {}, /^--source: expected a URI reference, got "a b"$/],
  ['cli/main', [], {}, /^usage: platform-events <command> \[options\]\n/],
  ['cli/main', ['pubish'], {}, /^unknown command 'pubish'; did you mean 'publish'\?$/],
  ['cli/main', ['--versio'], {}, /^unknown command '--versio'; did you mean '--version'\?$/],
  ['cli/main', ['explain'], {}, /^expected a deployment, .*; see 'platform-events explain --help'$/],
  ['cli/main', ['config', 'check', 'absent.json'], {}, /^FILE: expected a file that can be read, got 'absent.json'/],
  // As PowerShell 5 and cmd hand it over.
  [
    'cli/main',
    ['publish', 'HealthCheck', '--data', '{ service: web }'],
    {},
    /^--data: expected JSON: line 1, column 3: .*; if the shell takes the quotes away, use a file: --data "@file"$/,
  ],
  [
    'cli/main',
    ['publish', 'HealthCheck', '--data', '{"Service":"web","total":1}'],
    {},
    /^data\.service: expected a DNS-1123 .*\ndata\.good: expected an integer, got nothing$/,
  ],
  [
    'cli/main',
    ['publish', 'DeploymentRequested', '--data', '{"namespace":"a","deployment":"b","image":"c:1","Container":"d"}'],
    {},
    /^data\.Container: expected the name 'container', which differs in case alone, got "d"$/,
  ],
  ['cli/main', ['help', 'evnts'], {}, /^unknown command 'evnts'; did you mean 'events'\?$/],
  ['cli/main', ['frobnicate'], {}, /^unknown command 'frobnicate'; see 'platform-events --help'$/],
  ['cli/main', ['publish', 'HealthCeck'], {}, /^unknown event type 'HealthCeck'; did you mean 'HealthCheck'\?$/],
  ['cli/main', ['tail', '--type', 'x'], {}, /^--type: unknown event type 'x'; expected one of Deployment.*Violation$/],
  ['cli/main', ['errors', 'lst'], {}, /^expected list, show, replay or discard, got 'lst'; did you mean 'list'\?$/],
  [
    'cli/main',
    ['services', 'x'],
    {},
    /^expected list, unfreeze or override, got 'x'; see 'platform-events services --help'$/,
  ],
  ['cli/main', ['events', '--limit', '0'], {}, /^--limit: expected a whole number from 1 to 1000, got '0'$/],
  ['cli/main', ['tail', '--corelation-id', 'x'], {}, /^unknown option .*; did you mean '--correlation-id'\?$/],
];

describe.concurrent('a wrong call', () => {
  it.each(cases)('%s %j %j', async (command, args, env, complaint) => {
    const called = new Command(`shared/${command}`, args, env);

    expect(await called.exit()).toBe(2);
    expect(called.output).toMatch(complaint);
    expect(called.output).not.toMatch(/canary|^ +at /m);
  });
});
