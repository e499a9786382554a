/** Requests that nobody means well with, over HTTP, with the real broker protocol and the real storage behind. */
import { once } from 'node:events';
import { request as sendRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServiceBus, type ServiceBusEventBus } from '../../../shared/adapters/service-bus/event-bus.ts';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';
import { usePorts } from '../../../shared/app-ports.ts';
import { installCoreModule } from '../../../shared/local/functions-host/core-module.ts';
import { HttpTriggers } from '../../../shared/local/functions-host/http-trigger.ts';
import { SystemClock } from '../../../shared/local/service-bus/core/clock.ts';
import { type LocalBus, startBus } from '../../../shared/local/service-bus/start.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { functionApp } from '../../support/function-app.ts';
import { RecordingLog } from '../../support/ports.ts';

let local: LocalBus;
let azurite: Azurite;
let bus: ServiceBusEventBus;
let triggers: HttpTriggers;
let port = 0;

beforeAll(async () => {
  installCoreModule();
  await Promise.all(
    ['errors', 'history', 'deployments', 'services', 'publish'].map(
      (name) => import(`../../../functions/http/${name}.ts`),
    ),
  );
  local = await startBus({ port: 0, adminPort: 0 });
  azurite = await startAzurite();
  const log = new RecordingLog();
  bus = await createServiceBus(
    { connectionString: local.connectionString },
    { log },
    { maxRetries: 0, timeoutInMs: 5_000 },
  );
  const state = await createTableStorage({ connectionString: azurite.connectionString }, 'hostile');
  // These functions ask for nothing else.
  const ports = {
    publisher: bus,
    deadLetterQueue: bus,
    state,
    clock: new SystemClock(),
    log,
    config: { services: [] },
  } as unknown as Ports;
  usePorts({ portsFor: () => ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
  const app = await functionApp(() => {});
  triggers = new HttpTriggers(
    [...installCoreModule().functions.values()].map(({ metadata: { name, bindings } }) => {
      const [bindingName, binding] = Object.entries(bindings)[0] ?? ['', { type: '', direction: 'in' as const }];
      return { name, binding: { ...binding, name: bindingName }, run: (request) => app.run(name, request) };
    }),
    'api',
  );
  port = await triggers.listen(0);
}, 30_000);
afterAll(async () => {
  usePorts(undefined);
  await triggers.stop();
  await bus.close();
  await local.close();
  await azurite.close();
});

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The path is sent as it is written, which `fetch` would not do. */
async function send(method: string, path: string, body = ''): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sent = sendRequest({ host: '127.0.0.1', port, method, path, headers });
  sent.end(body);
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, body: await text(response) };
}

const titleOf = ({ body }: Answer): string => JSON.parse(body).title;

const JUNK = [
  '',
  'x'.repeat(3_000),
  '~'.repeat(1_000),
  '~'.repeat(200),
  `0000000000000|${'x'.repeat(3_000)}`,
  `0000000000000|${'/'.repeat(900)}`,
  `9999999999999|${'~'.repeat(900)}`,
  '-1',
  '1.5',
  '1e400',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '9'.repeat(400),
  'NaN',
  '%00',
  'a%0d%0ab',
  '%ff%fe',
  '%ed%a0%80',
  '%zz',
  "'%20or%20PartitionKey%20ne%20'",
  '..%2f..%2fetc',
  '0001-01-01T00:00:00Z',
  '1970-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '2026-01-01T00:00:00%2B99:99',
  '__proto__',
];

it.each([
  ...['type', 'subject', 'correlationId', 'since', 'limit', 'cursor', 'x'].map((name) => `events?${name}`),
  ...['cluster', 'namespace', 'deployment', 'service', 'limit', 'cursor'].map((name) => `deployments?${name}`),
  ...['reason', 'type', 'since', 'before', 'limit', 'cursor'].map((name) => `errors?${name}`),
  'services?service',
  'services?code',
])('GET /api/%s with any junk is answered, or refused naming the parameter', async (query) => {
  for (const junk of JUNK) {
    const answer = await send('GET', `/api/${query}=${junk}`);

    const isClear = answer.status === 200 || titleOf(answer).startsWith(`${query.split('?')[1]}: expected `);
    expect([junk.slice(0, 50), answer.status, isClear], answer.body).toEqual([
      junk.slice(0, 50),
      expect.toBeOneOf([200, 400]),
      true,
    ]);
    expect(answer.body.length).toBeLessThan(1_000);
  }
});

it.each([
  ['GET', ''],
  ['DELETE', ''],
  ['POST', '/replay'],
])('%s /api/errors/{any junk}%s finds no entry, or says what a number is', async (method, suffix) => {
  for (const junk of JUNK.filter((one) => one !== '')) {
    const answer = await send(method, `/api/errors/${junk}${suffix}`);

    expect([junk.slice(0, 50), answer.status]).toEqual([junk.slice(0, 50), expect.toBeOneOf([400, 404])]);
    // The host itself refuses a NUL in a path.
    if (answer.status === 400 && junk !== '%00') expect(titleOf(answer)).toMatch(/^sequenceNumber: expected /);
  }
});

it('an entry beyond the numbers that JavaScript counts exactly is not there', async () => {
  const answer = await send('GET', '/api/errors/9007199254740993');

  expect([answer.status, titleOf(answer)]).toEqual([404, 'entry 9007199254740993 does not exist in the errors queue']);
});

it('an entry of JSON 20,000 deep is shown as its text', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  local.broker.send('errors', [{ body: Buffer.from(deep), sizeBytes: deep.length }]);
  const { errors } = JSON.parse((await send('GET', '/api/errors')).body);

  const answer = await send('GET', `/api/errors/${errors[0].sequenceNumber}`);

  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body).body).toBe(deep);
});

describe('POST /api/events', () => {
  const event = {
    type: 'DeploymentRequested',
    source: '/ci',
    data: { namespace: 'shop', deployment: 'web', image: 'a/b:1' },
  };
  const withData = (data: string): string => JSON.stringify({ ...event, data: 'DATA' }).replace('"DATA"', data);

  it.each([
    ['a list 20,000 deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['an object 20,000 deep', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['data 20,000 deep', withData(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)],
    ['a number out of bounds', withData('{"namespace":"shop","deployment":"web","image":"a/b:1","replicas":1e400}')],
    ['a fraction of a replica', withData('{"namespace":"shop","deployment":"web","image":"a/b:1","replicas":0.5}')],
    ['a list of 400,000 numbers', `[${'1,'.repeat(399_999)}1]`],
    ['the prototype of everything', '{"__proto__":{"type":"DeploymentRequested","source":"/ci"},"data":{}}'],
    ['a prototype that data lacks', withData('{"__proto__":{"namespace":"shop","deployment":"web","image":"a/b:1"}}')],
    [
      'a name that is twice there, the last time wrong',
      withData('{"namespace":"shop","deployment":"web","image":"a/b:1","image":""}'),
    ],
    ['a constructor', withData('{"constructor":{"prototype":{"namespace":"shop"}},"toString":1}')],
    ['NUL in data', withData('{"namespace":"shop","deployment":"web","image":"a/b:1","notes":"\\u0000"}')],
    ['a number', '9007199254740993'],
    ['null', 'null'],
    ['an empty text', '""'],
  ])('refuses %s, and says why', async (_, body) => {
    const answer = await send('POST', '/api/events', body);

    expect(answer.status).toBe(400);
    expect(titleOf(answer)).toMatch(/^(not published|expected)/);
    expect(answer.body.length).toBeLessThan(10_000);
  });

  it('takes nothing from what is named __proto__', async () => {
    const body = withData('{"namespace":"shop","deployment":"web","image":"a/b:1","__proto__":{"replicas":9}}');

    const answer = await send('POST', '/api/events', body);

    expect(answer.status).toBe(202);
    expect({}).not.toHaveProperty('replicas');
  });
});
