#!/usr/bin/env node
/**
 * The rooms of the code, and what each may import. `node scripts/rooms.mjs` writes Biome's import fences from this
 * table (`scripts/fences.json`), and `test/fences.test.ts` checks both against the code.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Room
 * @property {string[]} rooms folders, including subfolders without a row of their own; files without `.ts`; or the
 *   beginning of file names followed by `*`
 * @property {string[]} may rooms, packages and modules of Node that it may import; its own files need no mention
 * @property {string[]} [types] rooms that it may import types from
 * @property {boolean} [alone] its files may not import each other
 * @property {string} message the error message of a violation
 */

const NODE = ['node:*', 'node:*/*'];
/** General-purpose files, which every room may need and which depend on no room. */
const BASICS = [
  'shared/errors',
  'shared/describe-error',
  'shared/stack',
  'shared/duration',
  'shared/image',
  'shared/json',
  'shared/shown-text',
  'shared/timeout',
];
const RULES = ['shared/releases', 'shared/slo', 'shared/clusters'];
const SERVICE_BUS = 'shared/local/service-bus';
const AMQP = `${SERVICE_BUS}/amqp`;
const HTTP_GUARD = 'shared/local/local-http';

/** The adapters, and the SDK that each of them may import. */
const ADAPTERS = [
  { room: 'shared/adapters/identity', sdk: ['@azure/identity'] },
  { room: 'shared/adapters/service-bus', sdk: ['@azure/service-bus', 'long'] },
  { room: 'shared/adapters/table-*', sdk: ['@azure/data-tables'] },
  { room: 'shared/adapters/entra-token', sdk: ['@azure/identity'] },
  { room: 'shared/adapters/kubernetes', sdk: ['@kubernetes/client-node', 'zod/mini'] },
  {
    room: 'shared/adapters/opentelemetry',
    sdk: [
      ...['@opentelemetry/api', '@opentelemetry/context-async-hooks', '@opentelemetry/resources'],
      ...['@opentelemetry/sdk-metrics', '@opentelemetry/sdk-trace-base', '@opentelemetry/exporter-trace-otlp-proto'],
      ...['@opentelemetry/exporter-metrics-otlp-proto', '@azure/monitor-opentelemetry-exporter'],
    ],
  },
  { room: 'shared/adapters/prometheus', sdk: ['zod/mini'] },
  { room: 'shared/adapters/webhook', sdk: [] },
  { room: 'shared/adapters', sdk: [] },
];

/** @type {Room[]} */
export const rooms = [
  {
    rooms: ['functions/deployment', 'functions/infrastructure', 'functions/platform'],
    alone: true,
    may: [
      ...['shared/on-event', 'shared/ports', 'shared/events', 'shared/quantity', 'shared/update-document'],
      ...['shared/automation', 'shared/config/service-lookup', 'shared/config/namespace-lookup', 'shared/blame'],
      ...['shared/access/audit', 'shared/access/senders'],
      ...RULES,
      ...BASICS,
    ],
    message:
      'A handler imports on-event, ports, events, the lookups of config, senders, audit, blame and the rules: no package, no adapter, no other handler.',
  },
  {
    rooms: ['functions/http'],
    alone: true,
    may: [
      ...['shared/http', 'shared/api', 'shared/status', 'shared/access', 'shared/events', 'shared/ports'],
      ...['shared/releases', 'shared/slo', 'shared/automation', 'shared/acts'],
      ...[
        'shared/delivery/automatic-replay',
        'shared/delivery/history',
        'shared/delivery/body-bytes',
        'shared/delivery/dead-letter-body',
      ],
      ...BASICS,
    ],
    types: ['shared/delivery'],
    message:
      'An HTTP function imports http/, status/, events, history, acts and what they read: no package, no adapter.',
  },
  {
    rooms: ['shared/acts'],
    may: [
      ...['shared/access', 'shared/events', 'shared/ports', 'shared/config', 'shared/http', 'shared/automation'],
      ...['shared/releases', 'shared/slo', 'shared/delivery/replay', ...BASICS],
    ],
    message: 'acts/ does what a person asks for, whichever page or route it came through: access, and what is done.',
  },
  {
    rooms: ['functions/timer'],
    alone: true,
    may: [
      ...['shared/on-timer', 'shared/ports', 'shared/status', 'shared/slo', 'shared/releases'],
      ...['shared/access/audit', 'shared/access/senders'],
      ...['shared/delivery/automatic-replay', 'shared/delivery/retention'],
      ...BASICS,
    ],
    message:
      'A timer function imports on-timer, ports, status/, and what it does: automatic-replay, retention, slo/, releases/.',
  },
  {
    rooms: ['shared/errors', 'shared/image', 'shared/json', 'shared/shown-text'],
    alone: true,
    may: [],
    message: 'This file imports nothing.',
  },
  {
    rooms: ['shared/duration', 'shared/quantity', 'shared/timeout'],
    alone: true,
    may: ['shared/errors'],
    message: 'This file imports errors alone.',
  },
  {
    rooms: ['shared/describe-error'],
    may: ['shared/errors', 'shared/shown-text'],
    message: 'describe-error imports errors and shown-text.',
  },
  {
    rooms: ['shared/stack'],
    may: ['shared/errors', 'shared/describe-error', 'node:fs', 'node:module', 'node:url'],
    message: 'stack reads source maps: errors, describe-error, and what reading them takes.',
  },
  {
    rooms: ['shared/events'],
    may: ['shared/errors', 'zod/mini', 'zod/v4/core', 'uuid', 'node:crypto'],
    message: 'events/ imports errors, zod, uuid and node:crypto.',
  },
  {
    rooms: ['shared/ports'],
    may: [],
    types: ['shared/events', 'shared/config'],
    message: 'A port imports types of events and config alone.',
  },
  {
    rooms: ['shared/config'],
    may: ['shared/config', 'shared/events', 'shared/quantity', 'shared/errors', 'shared/duration', 'zod/mini'],
    message: 'config imports its sections, errors, duration, quantity, the field types of events, and zod.',
  },
  {
    rooms: ['shared/settings', 'shared/settings-schema'],
    may: [
      'shared/settings-schema',
      'shared/config',
      'shared/topology',
      'shared/events/described',
      ...BASICS,
      'zod/mini',
      'node:fs',
    ],
    message: 'settings imports config, topology, zod and node:fs; it runs at every cold start.',
  },
  {
    rooms: ['shared/topology'],
    may: ['shared/events', 'shared/duration'],
    message: 'The topology is computed from events/.',
  },
  {
    rooms: ['shared/automation'],
    may: ['shared/ports', 'shared/update-document'],
    message: 'automation imports ports and update-document.',
  },
  {
    rooms: ['shared/update-document'],
    may: ['shared/errors', 'shared/ports'],
    message: 'update-document imports errors and ports.',
  },
  {
    rooms: ['shared/delivery'],
    may: [
      'shared/events',
      'shared/ports',
      'shared/telemetry',
      'shared/topology',
      'shared/update-document',
      ...BASICS,
      'node:crypto',
      'node:zlib',
    ],
    types: ['shared/settings'],
    message: 'delivery/ imports events, ports and the topology: no handler, no rule, no adapter.',
  },
  ...RULES.map((room) => ({
    rooms: [room],
    may: ['shared/events', 'shared/ports', 'shared/config', 'shared/quantity', 'shared/update-document', ...BASICS],
    message:
      'Rules import events, ports, config, quantity and update-document: never the delivery, never each other; a handler joins them.',
  })),
  {
    rooms: ['shared/blame'],
    may: ['shared/events', 'shared/ports', 'shared/config', 'shared/update-document', ...RULES, ...BASICS],
    message: 'blame/ weighs what the rules know of releases, health and clusters: events, ports, config and the rules.',
  },
  {
    rooms: ['shared/status'],
    may: [
      ...['shared/releases', 'shared/slo', 'shared/blame/pages', 'shared/ports', 'shared/topology'],
      ...['shared/delivery/automatic-replay', 'shared/automation', 'shared/config/service-lookup'],
      ...['shared/status/explain', ...BASICS],
    ],
    types: ['shared/delivery'],
    message:
      'status/ imports releases, slo, blame/pages, ports, config/service-lookup, the topology, automatic-replay, and types of the delivery.',
  },
  {
    rooms: ['shared/status/explain'],
    may: [
      ...['shared/releases', 'shared/slo', 'shared/blame', 'shared/ports', 'shared/config/service-lookup'],
      ...['shared/delivery/history', 'shared/delivery/event-record', 'shared/events/identity', ...BASICS],
    ],
    message:
      'explain/ reads what is stored of a release: releases, slo, blame, the history, and config/service-lookup.',
  },
  {
    rooms: ['shared/status/pages'],
    may: [
      ...['shared/status', 'shared/releases', 'shared/slo', 'shared/blame', 'shared/ports', 'shared/automation'],
      ...['shared/access/rights', 'shared/access/audit', 'shared/config/service-lookup'],
      ...['shared/events/catalog', 'shared/events/identity'],
      ...['shared/delivery/history', 'shared/delivery/event-record', 'shared/delivery/automatic-replay'],
      ...['shared/delivery/body-bytes', 'shared/delivery/dead-letter-body'],
      ...BASICS,
      ...['hono/html', 'node:crypto'],
    ],
    message: 'pages/ draws what status/, the rules, blame/, the history and the audit log tell, with hono/html.',
  },
  {
    rooms: ['shared/on-event'],
    may: [
      ...[
        'shared/app-ports',
        'shared/delivery',
        'shared/events',
        'shared/ports',
        'shared/telemetry',
        'shared/topology',
      ],
      ...['shared/errors', 'shared/message-text', '@azure/functions'],
    ],
    message: 'on-event binds the delivery to @azure/functions; adapters are reached through app-ports.',
  },
  {
    rooms: ['shared/telemetry'],
    may: ['shared/errors', 'shared/ports', '@opentelemetry/api', 'node:crypto'],
    message: 'telemetry/ speaks to the OpenTelemetry API alone: the SDK and its exporters are an adapter.',
  },
  {
    rooms: ['shared/invocation-log'],
    may: ['shared/ports', '@azure/functions'],
    message: 'invocation-log writes to the context of @azure/functions.',
  },
  {
    rooms: ['shared/on-timer'],
    may: [
      ...['shared/app-ports', 'shared/delivery/registered-timers', 'shared/telemetry', ...BASICS, '@azure/functions'],
    ],
    message: 'on-timer binds schedules to @azure/functions; adapters are reached through app-ports.',
  },
  {
    rooms: ['shared/message-text'],
    may: ['shared/events/exact-numbers', 'node:module'],
    message: 'message-text wraps the programming model of the worker: exact-numbers and node:module.',
  },
  {
    rooms: ['shared/api'],
    may: ['shared/events', ...BASICS, 'zod/mini'],
    message: 'api/ imports events and zod: it says what requests and answers look like.',
  },
  {
    rooms: ['shared/http'],
    may: [
      ...['shared/app-ports', 'shared/invocation-log', 'shared/events', 'shared/ports', 'shared/telemetry'],
      ...['shared/access', ...BASICS, ...NODE, '@azure/functions'],
    ],
    types: ['shared/api'],
    message: 'http/ binds routes to @azure/functions; adapters are reached through app-ports.',
  },
  {
    rooms: ['shared/app-ports'],
    may: [
      ...['shared/adapters/live', 'shared/adapters/opentelemetry/start', 'shared/invocation-log', 'shared/ports'],
      ...['shared/settings', 'shared/telemetry', 'shared/slo/config-warnings'],
      ...[...BASICS, '@azure/functions'],
    ],
    types: ['shared/delivery'],
    message: 'app-ports makes the ports of this process, through adapters/live alone, and starts telemetry.',
  },
  {
    rooms: ['shared/access'],
    may: [
      ...['shared/config', 'shared/events', 'shared/ports', 'shared/topology', 'shared/update-document', ...BASICS],
      ...['jose', 'node:crypto'],
    ],
    message: 'access/ imports config, events, ports, topology and jose: what it fetches with comes from an adapter.',
  },
  {
    rooms: ['shared/adapters/live'],
    may: [...['shared/adapters', 'shared/access', 'shared/ports', 'shared/settings', ...BASICS]],
    types: ['shared/delivery'],
    message: 'adapters/live puts the ports together: adapters, access, settings.',
  },
  ...ADAPTERS.map(({ room, sdk }) => ({
    rooms: [room],
    may: [
      ...['shared/adapters', 'shared/ports', 'shared/events', 'shared/config', 'shared/settings', 'shared/topology'],
      ...['shared/update-document', 'shared/delivery/bus-message', 'shared/delivery/body-bytes', 'shared/telemetry'],
      ...BASICS,
      ...NODE,
      ...sdk,
    ],
    types: ['shared/delivery'],
    message: `This adapter imports ports and what they speak of, and ${sdk.length > 0 ? `no package but ${sdk.join(', ')}` : 'no package'}.`,
  })),
  {
    rooms: ['shared/client'],
    may: [
      ...['shared/events', 'shared/topology', 'shared/delivery/bus-message', 'shared/adapters/answer-text'],
      ...[
        'shared/telemetry/traceparent',
        '@opentelemetry/api',
        HTTP_GUARD,
        ...BASICS,
        'node:util',
        'node:timers/promises',
      ],
    ],
    types: ['shared/api'],
    message:
      'client/ is for other services: events, topology and bus-message, and no SDK; the Service Bus client is given to it.',
  },
  {
    rooms: ['shared/package'],
    may: [
      ...['shared/client', 'shared/events', 'shared/topology', 'shared/local/testing', `${SERVICE_BUS}/config`],
      ...[`${SERVICE_BUS}/start`, `${SERVICE_BUS}/core/limits`, ...BASICS],
    ],
    types: ['shared/ports', 'shared/status', 'shared/api', `${SERVICE_BUS}/core`],
    message: 'package/ names what the npm package offers: client, events, testing and the bus.',
  },
  {
    rooms: ['shared/terminal'],
    may: ['shared/ports', 'shared/slo/budget-text', ...BASICS, ...NODE],
    message: 'terminal/ imports ports, and how texts are shown.',
  },
  {
    rooms: [`${SERVICE_BUS}/core`],
    may: ['shared/errors', 'shared/duration', 'node:crypto'],
    types: [`${SERVICE_BUS}/filters`, 'shared/ports'],
    message: 'The core of the bus imports errors, and types of the filters: no bytes, no HTTP.',
  },
  {
    rooms: [`${SERVICE_BUS}/filters`],
    may: [
      ...[`${SERVICE_BUS}/core/message`, `${SERVICE_BUS}/core/broker-error`, `${SERVICE_BUS}/config/iso-duration`],
      'node:crypto',
    ],
    message: 'Filters import the message and the errors of the core.',
  },
  {
    rooms: [`${SERVICE_BUS}/config`],
    may: ['shared/events/issues', `${SERVICE_BUS}/core/authorization-rule`, ...BASICS, 'zod/mini'],
    types: [`${SERVICE_BUS}/core`, `${SERVICE_BUS}/filters`, 'shared/topology'],
    message: 'config/ reads files into plans: issues, zod, rights, and types of core, filters and topology.',
  },
  {
    rooms: [`${SERVICE_BUS}/transport`],
    may: [HTTP_GUARD, 'shared/errors', 'ws', ...NODE],
    message: 'The transport is TCP, TLS and WebSockets: it knows neither AMQP nor the broker.',
  },
  {
    rooms: [`${SERVICE_BUS}/auth`],
    may: [
      ...[`${SERVICE_BUS}/core/entity-path`, `${SERVICE_BUS}/core/authorization-rule`, `${AMQP}/codec`, 'node:crypto'],
    ],
    message: 'auth/ imports the path of an entity, rights, and the codec for SASL.',
  },
  {
    rooms: [`${SERVICE_BUS}/admin`],
    may: [
      ...[`${SERVICE_BUS}/core`, `${SERVICE_BUS}/config/iso-duration`, `${SERVICE_BUS}/auth`, HTTP_GUARD],
      ...['shared/errors', ...NODE],
    ],
    types: [`${SERVICE_BUS}/filters`, 'shared/ports'],
    message: 'The administration imports core, auth and types of the filters: nothing of AMQP.',
  },
  {
    rooms: [`${AMQP}/codec`],
    may: ['node:crypto'],
    message: 'The codec knows bytes alone.',
  },
  {
    rooms: [`${AMQP}/messages`],
    may: [`${AMQP}/codec`, `${SERVICE_BUS}/core`, 'node:crypto'],
    message: 'messages/ is between codec and core.',
  },
  {
    rooms: [`${AMQP}/engine`],
    may: [`${AMQP}/codec`, `${SERVICE_BUS}/auth`, `${SERVICE_BUS}/core/broker-error`, ...NODE],
    message: 'The engine imports codec and auth: no broker, no node.',
  },
  {
    rooms: [`${AMQP}/nodes`],
    may: [
      ...[`${AMQP}/codec`, `${AMQP}/engine`, `${AMQP}/messages`, `${SERVICE_BUS}/core`, `${SERVICE_BUS}/auth`],
      ...['shared/errors', 'node:crypto'],
    ],
    types: [`${SERVICE_BUS}/filters`],
    message: 'Nodes join engine, messages and core: nothing of the administration.',
  },
  {
    rooms: [AMQP],
    may: [
      ...[AMQP, `${SERVICE_BUS}/core`, `${SERVICE_BUS}/auth`, `${SERVICE_BUS}/transport/listener`],
      ...[HTTP_GUARD, 'node:stream'],
    ],
    message: 'The AMQP server puts engine and nodes together: nothing of the administration.',
  },
  {
    rooms: [SERVICE_BUS],
    may: [SERVICE_BUS, HTTP_GUARD, 'shared/topology', 'node:tls'],
    message: 'The bus is put together here: core, filters, config, administration, AMQP.',
  },
  {
    rooms: ['shared/local/functions-host'],
    may: [
      HTTP_GUARD,
      'shared/events/issues',
      ...BASICS,
      '@azure/service-bus',
      '@azure/identity',
      'croner',
      'zod/mini',
      ...NODE,
    ],
    message:
      'The Functions host knows nothing of the app that it runs: Node, zod, the words for its issues, croner and the Service Bus SDK alone.',
  },
  {
    rooms: ['shared/local/testing'],
    may: [
      ...[`${SERVICE_BUS}/create-broker`, `${SERVICE_BUS}/core`, `${SERVICE_BUS}/config`],
      ...['shared/delivery', 'shared/events', 'shared/ports', 'shared/topology', ...BASICS],
      ...['shared/config', 'shared/status', 'shared/adapters/memory-store', 'shared/adapters/simulated-*'],
      ...['shared/local/functions-host/timer-schedule', 'node:fs/promises'],
    ],
    message:
      'testing/ is the platform without a network: broker, delivery, events, ports, config, status, schedules, and what is simulated.',
  },
  {
    rooms: ['shared/local', 'shared/cli'],
    may: ['shared', 'zod/mini', ...NODE],
    message: 'Entry points import anything of shared/, but no function and no SDK: functions are loaded by the host.',
  },
];

/** @param {string} pattern @param {string} file a source file, `.ts` included @returns whether the pattern covers it */
export function covers(pattern, file) {
  if (pattern.endsWith('*')) return file.startsWith(pattern.slice(0, -1));
  return file === `${pattern}.ts` || file.startsWith(`${pattern}/`);
}

/** The row of a file: the one with the longest pattern. @param {string} file @returns {Room | undefined} */
export function roomOf(file) {
  const found = rooms.flatMap((room) =>
    room.rooms.filter((p) => covers(p, file)).map((pattern) => ({ room, pattern })),
  );
  return found.sort((a, b) => b.pattern.length - a.pattern.length)[0]?.room;
}

/**
 * Whether a row allows an import.
 *
 * @param {Room} room @param {string} target a source file, a package or a module of Node
 * @param {{ isType?: boolean }} [how]
 */
export function allows(room, target, { isType = false } = {}) {
  const allowed = [...room.may, ...(isType ? (room.types ?? []) : [])];
  if (!target.endsWith('.ts'))
    return allowed.some((one) => one === target || (one === 'node:*' && target.startsWith('node:')));
  if (allowed.some((pattern) => covers(pattern, target))) return true;
  return !room.alone && roomOf(target) === room;
}

const root = resolve(fileURLToPath(import.meta.url), '../..');

/** @returns {string[]} every source file, relative to the repository */
export function sourceFiles(folder = root) {
  return ['functions', 'shared'].flatMap((top) =>
    readdirSync(join(folder, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${top}/${name.split(sep).join('/')}`)
      .sort(),
  );
}

/**
 * @param {string} from a folder
 *
 * @param {string} path
 * @returns {string} the path as an import in the folder writes it
 */
function written(from, path) {
  const relative = posix.relative(from, path);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

/** Biome's fences: an override for each folder or file of a row, with the imports as they are written there. */
export function fences() {
  const files = sourceFiles();
  const folders = [...new Set(files.map((file) => posix.dirname(file)))];
  /** @param {string} from @param {string} pattern @returns {string[]} */
  const globsOf = (from, pattern) => {
    if (pattern !== 'shared' && !pattern.startsWith('shared/')) return [`!${pattern}`];
    if (pattern.endsWith('*')) return [`!${written(from, pattern)}.ts`];
    const inside = folders.filter((folder) => covers(pattern, `${folder}/x.ts`)).map((folder) => `${folder}/*`);
    return [...(files.includes(`${pattern}.ts`) ? [pattern] : []), ...inside].map(
      (path) => `!${written(from, path)}.ts`,
    );
  };
  const parts = rooms.flatMap((room) =>
    room.rooms.flatMap((pattern) => {
      const own = files.filter((file) => covers(pattern, file) && roomOf(file) === room);
      const places = [...new Set(own.map((file) => posix.dirname(file)))];
      return places.map((from) => {
        const isFolder = covers(pattern, `${from}/x.ts`);
        const neighbours = room.alone || !isFolder ? [] : places.map((place) => `!${written(from, `${place}/*.ts`)}`);
        const allowed = [...room.may, ...(room.types ?? [])].flatMap((one) => globsOf(from, one));
        const includes = isFolder ? `${from}/*.ts` : `${pattern}.ts`;
        return { includes, pattern, message: room.message, group: ['**', ...new Set([...neighbours, ...allowed])] };
      });
    }),
  );
  // A later override replaces an earlier one, so the more specific patterns come last.
  parts.sort((a, b) => a.pattern.length - b.pattern.length || (a.includes < b.includes ? -1 : 1));
  return {
    overrides: parts.map(({ includes, message, group }) => ({
      includes: [includes],
      linter: {
        rules: { style: { noRestrictedImports: { level: 'error', options: { patterns: [{ group, message }] } } } },
      },
    })),
  };
}

export const fencesFile = join(root, 'scripts', 'fences.json');

/** The text of the file that Biome reads. */
export const fencesText = () => `${JSON.stringify(fences(), null, 1)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(fencesFile, fencesText());
