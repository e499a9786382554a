/**
 * The usage that each command's `--help` prints, and the flags that it reads. They are beside each other so that they
 * agree, and in a file of their own so that the reference page can read them without starting a command.
 */
import type { ParseArgsConfig } from 'node:util';

interface Usage {
  readonly usage: string;
  readonly flags: NonNullable<ParseArgsConfig['options']>;
}

export const START = {
  usage: `usage: npm start [-- options]

  --port N         Service Bus (AMQP), 5672
  --http-port N    HTTP functions, 7071
  --table-port N   Table Storage (Azurite), 10002
  --admin-port N   Service Bus administration, 5300
  --no-sample      publish no sample deployment
  --watch          build and load the functions again when a file changes; the
                   bus and the state keep what they hold
  --verbose        show what the functions log
  --json           one JSON object a line, for programs

A port of 0 takes any free one. Ctrl-C ends everything.`,
  flags: {
    port: { type: 'string', default: '5672' },
    'http-port': { type: 'string', default: '7071' },
    'table-port': { type: 'string', default: '10002' },
    'admin-port': { type: 'string', default: '5300' },
    'no-sample': { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
} as const satisfies Usage;

export const DEMO = {
  usage: `usage: npm run demo [-- options]

  --config FILE   another configuration than platform.config.json; it needs an
                  objective for 'checkout'
  --verbose       show what the functions log
  --json          one JSON object a line, for programs; the result is the last

Plays forty days on a Service Bus, a cluster and a Functions host of its own,
on free ports; nothing else is used. Exit code 0 when the loop closes; 1,
naming the missing step, when it does not.`,
  flags: {
    config: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
} as const satisfies Usage;

export const BUS = {
  usage: `usage: npm run bus [-- options]

  --port N          port of the AMQP endpoint (5672); 0 takes any free one
  --admin-port N    port of the administration (5300); 0 takes any free one
  --host ADDRESS    address to listen on (127.0.0.1); on any other than
                    loopback every link needs a token, and you must give a key
  --key-file FILE   the shared access key, instead of the emulator's public one;
                    or in the environment: BUS_KEY
  --config FILE     entities of an emulator's Config.json instead of this
                    build's topology
  --strict          with --config: the emulator's quotas hold, and fields that
                    it does not know are refused
  --tier TIER       standard or premium: the sizes and counts of that tier hold,
                    and standard is throttled to 1,000 operations a second
  --tls             take TLS too, on every port: amqps, https and wss, with a
                    certificate for localhost that is made at first use
  --tls-port N      with --tls: the port of amqps (5671); 0 takes any free one
  --https-port N    with --tls: one more port, such as 443, where some clients
                    always look for the administration and for WebSockets
  --identity        take tokens of local identities, for DefaultAzureCredential:
                    prints the environment that it needs; --config gives them
                    roles
  --json            print what to connect to as one line of JSON`,
  flags: {
    port: { type: 'string', default: '5672' },
    'admin-port': { type: 'string', default: '5300' },
    host: { type: 'string', default: '127.0.0.1' },
    'key-file': { type: 'string' },
    config: { type: 'string' },
    strict: { type: 'boolean', default: false },
    tier: { type: 'string' },
    tls: { type: 'boolean', default: false },
    'tls-port': { type: 'string' },
    'https-port': { type: 'string' },
    identity: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
} as const satisfies Usage;

export const TABLE = {
  usage: `usage: npm run table [-- options]

  --port N         port of the Table service (10002)
  --location DIR   where the tables are kept (.azurite)
  --in-memory      keep the tables in memory only
  --blobs          also serve blobs, in memory: the host that func start runs
                   keeps its locks and timers there
  --blob-port N    port of the Blob service (10000)`,
  flags: {
    port: { type: 'string', default: '10002' },
    location: { type: 'string' },
    'in-memory': { type: 'boolean', default: false },
    blobs: { type: 'boolean', default: false },
    'blob-port': { type: 'string', default: '10000' },
  },
} as const satisfies Usage;

export const HOST = {
  usage: `usage: npm run host [-- options]

  --http-port N   port of the HTTP functions (7071)
  --app DIR       the app to run: package.json, host.json, local.settings.json (this one)
  --verbose       also show what the library and the functions log for debugging
  --json          one JSON object a line, for programs

Settings come from the environment, then from local.settings.json (copy
local.settings.sample.json). SIGINT or SIGTERM stops receiving, waits up to 10 s
for running functions and ends the host; the second one ends it at once.`,
  flags: {
    'http-port': { type: 'string', default: '7071' },
    app: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
} as const satisfies Usage;

export const TOPOLOGY = {
  usage: `usage: npm run topology [-- options]

  (nothing)    the official emulator's Config.json
  --json       the topology itself, for templates
  --out FILE   write to a file instead of the standard output`,
  flags: { json: { type: 'boolean', default: false }, out: { type: 'string' } },
} as const satisfies Usage;

export const INFRA = {
  usage: `usage: npm run infra [-- options]

  --check   write nothing; exit code 1, naming the file, when one is stale

Writes what the templates in infra/ read, and what they would make
(example.snapshot.json): for this it needs the Bicep CLI, on the PATH or named
by BICEP in the environment. --check does without.`,
  flags: { check: { type: 'boolean', default: false } },
} as const satisfies Usage;

export const SCHEMAS = {
  usage: `usage: npm run schemas [-- options]

  --out DIR   where to write (dist/schemas)

Writes the JSON Schema of every event (<Type>.json) and of the configuration
(platform.config.json), the HTTP API (openapi.json, OpenAPI 3.1) and the topics
(asyncapi.json, AsyncAPI 3).`,
  flags: { out: { type: 'string', default: 'dist/schemas' } },
} as const satisfies Usage;

export const DOCS = {
  usage: `usage: npm run docs [-- options]

  --out DIR   where the pages are (docs)
  --check     write nothing; exit code 1, naming the page, when one is stale`,
  flags: { out: { type: 'string', default: 'docs' }, check: { type: 'boolean', default: false } },
} as const satisfies Usage;

export const COST = {
  usage: `usage: npm run cost [-- options]

  --deployments-per-day N   good deployments a day; needed
  --checks-per-minute N     health checks a minute, of all services together; needed
  --rollout DURATION        how long a rollout takes (1m)
  --memory MB               memory of an instance: 512, 2048 or 4096 (2048)
  --always-ready N          instances that are always ready (1)
  --config FILE             says how often a rollout is looked at (platform.config.json)
  --json                    one JSON object, with the sources of the prices

Prints what a month of this load costs in Azure, and which limit binds first.`,
  flags: {
    'deployments-per-day': { type: 'string' },
    'checks-per-minute': { type: 'string' },
    rollout: { type: 'string', default: '1m' },
    memory: { type: 'string', default: '2048' },
    'always-ready': { type: 'string', default: '1' },
    config: { type: 'string', default: 'platform.config.json' },
    json: { type: 'boolean', default: false },
  },
} as const satisfies Usage;

/** What the exit codes of every command mean. */
export const EXIT_CODES: Readonly<Record<number, string>> = {
  0: 'Done; or `--help`; or stopped by a first Ctrl-C (SIGINT, SIGTERM).',
  1: 'It failed; the last line says why.',
  2: 'The usage or the settings are wrong; the last line says how.',
  3: '`config check`: the configuration is valid, and allows or calls more than the old one.',
  130: 'It was stopped at once, by a second Ctrl-C.',
};
