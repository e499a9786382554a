/** The OpenAPI and the AsyncAPI document say all there is, and hold against their specifications. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PAGE_TYPE } from '../../shared/cli/describe/openapi.ts';
import { exampleEvent } from '../../shared/events/examples.ts';
import { type RegisteredRoute, registeredRoutes } from '../../shared/http/on-http.ts';
import { topology } from '../../shared/topology.ts';
import { checkAnswer, checkRequest, type Operation, openApi, zodOf } from '../support/api-contract.ts';
import { httpRequest } from '../support/http.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'functions', 'http');

let routes: readonly RegisteredRoute[];
beforeAll(async () => {
  for (const file of readdirSync(folder)) await import(join(folder, file));
  // Pages are for people, and described to nobody.
  routes = registeredRoutes().filter(({ contentType }) => contentType !== 'text/html');
});

describe('the OpenAPI document', () => {
  it('has every route but pages, and no other', () => {
    const described = Object.entries(openApi.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    const registered = routes
      .filter(({ contentType }) => contentType !== PAGE_TYPE)
      .flatMap(({ methods, route }) => methods.map((method) => `${method.toLowerCase()} /api/${route}`));

    expect(described.toSorted()).toEqual(registered.toSorted());
  });

  it('says of every answer what is in it', async () => {
    for (const { name, answers, schemas, contentType } of routes) {
      const loaded = await schemas?.();
      const bodies = Object.keys(answers).filter((status) => Number(status) < 300 && status !== '204');
      const known = bodies.filter((status) => contentType ?? loaded?.answers?.[Number(status)]);
      expect(known, `${name}: give its answers schemas, or a contentType`).toEqual(bodies);
    }
  });

  it('describes no parameter and no answer that a route does not name', async () => {
    for (const { name, query = {}, body, answers, schemas, contentType } of routes) {
      if (contentType === PAGE_TYPE) continue;
      const loaded = (await schemas?.()) ?? {};
      expect(Object.keys(query), name).toEqual(expect.arrayContaining(Object.keys(loaded.query ?? {})));
      expect(Object.keys(answers), name).toEqual(expect.arrayContaining(Object.keys(loaded.answers ?? {})));
      expect(loaded.body !== undefined, `${name} takes a body`).toBe(body !== undefined);
    }
  });

  it('is what every test of a route holds its requests and answers against', () => {
    const tests = join(root, 'test', 'functions', 'http');
    const others = readdirSync(tests).filter((file) =>
      /\brespond\b[^;]*on-http/.test(readFileSync(join(tests, file), 'utf8')),
    );

    expect(others, 'these should import respond from test/support/api-contract.ts').toEqual([]);
  });
});

describe('a request or an answer', () => {
  const events = (method: 'get' | 'post'): Operation => openApi.paths['/api/events']?.[method] as Operation;
  const services = openApi.paths['/api/services']?.['get'] as Operation;
  const service = { service: 'web', objectives: [] };

  it('passes when the document describes it', () => {
    checkAnswer(services, { json: { services: [service] } });
    checkAnswer(services, { status: 503, headers: { 'content-type': 'application/problem+json' }, body: PROBLEM });
    checkRequest(events('get'), httpRequest({ path: '/api/events?limit=7&type=HealthCheck&code=x' }), '');
    checkRequest(events('post'), httpRequest({ method: 'POST' }), JSON.stringify([exampleEvent('HealthCheck')]));
  });

  const PROBLEM = '{"title":"no","status":503}';

  it.each([
    ['a field that is not described', { json: { services: [{ ...service, secret: 1 }] } }],
    ['a field of another type', { json: { services: [{ ...service, team: 1 }] } }],
    ['a field that is missing', { json: { services: [{ service: 'web' }] } }],
    [
      'a status that is not described',
      { status: 418, headers: { 'content-type': 'application/problem+json' }, body: PROBLEM },
    ],
    ['a content type that is not described', { headers: { 'content-type': 'text/html' }, body: '<p>' }],
    ['no body', { status: 200 }],
  ])('fails with %s', (_, answer) => {
    expect(() => checkAnswer(services, answer)).toThrow(/document|docs\/openapi\.json/);
  });

  it.each([
    ['an unknown parameter', 'get', '?typ=x', ''],
    ['a value that does not fit', 'get', '?limit=0', ''],
    ['an event without a source', 'post', '', JSON.stringify({ ...exampleEvent('HealthCheck'), source: undefined })],
    ['a fact', 'post', '', JSON.stringify(exampleEvent('DeploymentCompleted'))],
    ['a request for an image and containers', 'post', '', JSON.stringify(withContainers())],
  ] as const)('fails with %s', (_, method, query, sent) => {
    const request = httpRequest({ method: method.toUpperCase(), path: `/api/events${query}` });

    expect(() => checkRequest(events(method), request, sent)).toThrow(/document|docs\/openapi\.json/);
  });

  function withContainers(): object {
    const { data, ...event } = exampleEvent('DeploymentRequested');
    return { ...event, data: { ...Object(data), containers: [{ name: 'web', image: 'ghcr.io/shop/web:1' }] } };
  }
});

describe('the AsyncAPI document', () => {
  const asyncApi = JSON.parse(readFileSync(join(root, 'docs', 'asyncapi.json'), 'utf8'));

  it('has a channel for every topic, an operation for every handler, and one for every fact', () => {
    const { topics } = topology;
    const handled = topics.flatMap(({ subscriptions }) => subscriptions.map(({ name }) => `handle-${name}`));
    const facts = topics.filter(({ sender }) => sender === 'app').map(({ name }) => `publish-${name}`);

    expect(Object.keys(asyncApi.channels).toSorted()).toEqual(topics.map(({ name }) => name).toSorted());
    expect(Object.keys(asyncApi.operations).toSorted()).toEqual([...handled, ...facts].toSorted());
  });

  it.each(topology.topics)('has an example of $type that fits its schema', ({ type }) => {
    const [{ payload }] = asyncApi.components.messages[type].examples;
    const schema = zodOf(asyncApi.components.schemas[type], false, asyncApi.components.schemas);

    expect(schema.safeParse(payload)).toMatchObject({ success: true });
    expect(schema.safeParse({ ...payload, data: {} })).toMatchObject({ success: false });
  });
});

const specs = join(root, 'test', 'specs');

describe.skipIf(!existsSync(join(specs, 'node_modules')))(
  'the validators of OpenAPI and AsyncAPI (npm ci --prefix test/specs installs them)',
  () => {
    const check = (documents: string) =>
      spawnSync(process.execPath, [join(specs, 'check.mjs'), documents], { encoding: 'utf8' });

    it('accept both documents', () => {
      expect(check(join(root, 'docs'))).toMatchObject({ status: 0, stdout: 'both documents are valid\n' });
    }, 30_000);

    it('refuse documents that do not hold', () => {
      const broken = mkdtempSync(join(tmpdir(), 'specs-'));
      mkdirSync(broken, { recursive: true });
      for (const name of ['openapi.json', 'asyncapi.json']) {
        const { info, ...rest } = JSON.parse(readFileSync(join(root, 'docs', name), 'utf8'));
        writeFileSync(join(broken, name), JSON.stringify({ ...rest, info: { title: info.title } }));
      }

      const { status, stdout } = check(broken);
      rmSync(broken, { recursive: true });

      expect(status).toBe(1);
      expect(stdout).toMatch(/^openapi\.json .*version/m);
      expect(stdout).toMatch(/^asyncapi\.json .*version/m);
    }, 30_000);
  },
);
