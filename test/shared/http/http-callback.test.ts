/** What the callback that the library received for an HTTP function hands over, and what the caller gets back. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { usePorts } from '../../../shared/app-ports.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { type HttpHandler, onHttp, registeredRoutes } from '../../../shared/http/on-http.ts';
import { ProblemError } from '../../../shared/http/problem.ts';
import { installCoreModule } from '../../../shared/local/functions-host/core-module.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { type FunctionApp, functionApp } from '../../support/function-app.ts';

const about = { right: 'read', description: 'Any.', answers: {} } as const;
const triggers = (): [] => [];
const SAFE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
const JSON_TYPE = { 'content-type': 'application/json' };

let handler: HttpHandler = async () => ({});
let starting: Promise<FunctionApp>;
let app: FunctionApp;

beforeAll(() => {
  installCoreModule();
  usePorts({ portsFor: () => ({}) as Ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
  starting = functionApp(
    () => {
      const handle: HttpHandler = (...args) => handler(...args);
      onHttp({ name: 'any', methods: ['GET', 'POST'], route: 'any/{id}', ...about }, handle);
      vi.stubEnv('KEYLESS', 'true').stubEnv('KEYED', 'false');
      const probe = { methods: ['GET'], ...about } as const;
      onHttp({ name: 'probe', route: 'probe', anonymousSetting: 'KEYLESS', ...probe }, handle);
      onHttp({ name: 'closed', route: 'closed', anonymousSetting: 'KEYED', ...probe }, handle);
      onHttp({ name: 'unset', route: 'unset', anonymousSetting: 'KEY_NOT_SET', ...probe }, handle);
    },
    { triggers },
  );
  // Each test fails for it; a hook that fails skips them.
  starting.catch(() => {});
});

beforeEach(async () => {
  app = await starting;
  app.logs.length = 0;
  // The handlers here ask for nothing else.
  usePorts({ portsFor: (log) => ({ log }) as unknown as Ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });
});
afterEach(() => {
  usePorts(undefined);
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('a registration', () => {
  it('has name, route and methods, and asks for a function key unless a setting says otherwise', () => {
    expect(app.names.map((name) => [name, app.bindingOf(name)['authLevel']])).toEqual([
      ['any', 'function'],
      ['probe', 'anonymous'],
      ['closed', 'function'],
      ['unset', 'function'],
    ]);
    expect(app.bindingOf('any')).toMatchObject({
      type: 'httpTrigger',
      direction: 'in',
      route: 'any/{id}',
      methods: ['GET', 'POST'],
      authLevel: 'function',
    });
  });

  it.each([
    ['probe', 'anonymous', true],
    ['closed', 'function', false],
    ['unset', 'function', false],
    ['any', 'function', false],
  ])('asks no key of %s where its setting says so, and the handler knows', async (name, authLevel, isOpen) => {
    const seen: boolean[] = [];
    handler = async ({ isAnonymous }) => {
      seen.push(isAnonymous);
      return {};
    };

    await app.send(name, {});

    expect(app.bindingOf(name)['authLevel']).toBe(authLevel);
    expect(seen).toEqual([isOpen]);
  });

  it('is known in this process', () => {
    expect(registeredRoutes().map(({ name }) => name)).toEqual(['any', 'probe', 'closed', 'unset']);
  });
});

describe('a request', () => {
  it('reaches the handler with all its parts, and the bytes of its body as they came', async () => {
    let seen: unknown;
    handler = async ({ method, url, headers, query, params, arrayBuffer }, ports) => {
      seen = {
        ...{ method, url, params, triggers: ports.triggers },
        header: headers.get('x-one'),
        names: [...headers.entries()].map(([name]) => name),
        q: query.get('q'),
        body: Buffer.from(await arrayBuffer()).toString(),
      };
      return { status: 204 };
    };

    await app.send('any', {
      method: 'POST',
      url: 'http://127.0.0.1/api/any/7?q=1',
      headers: { 'x-one': 'a', ...JSON_TYPE },
      query: { q: '1' },
      params: { id: '7' },
      body: ' {"a" : "hé"} ',
    });

    expect(seen).toEqual({
      ...{ method: 'POST', url: 'http://127.0.0.1/api/any/7?q=1', params: { id: '7' }, triggers },
      ...{ header: 'a', names: ['content-type', 'x-one'], q: '1', body: ' {"a" : "hé"} ' },
    });
  });

  it.each([
    ['JSON', { json: { a: 1 } }, { status: 200, headers: { ...SAFE, ...JSON_TYPE }, body: '{"a":1}' }],
    ['JSON null', { json: null }, { status: 200, headers: { ...SAFE, ...JSON_TYPE }, body: 'null' }],
    ['a status alone', { status: 204 }, { status: 204, headers: SAFE, body: '' }],
    [
      'a body of its own kind',
      { status: 201, headers: { 'content-type': 'text/html', 'cache-control': 'max-age=5' }, body: '<p>' },
      { status: 201, headers: { ...SAFE, 'content-type': 'text/html', 'cache-control': 'max-age=5' }, body: '<p>' },
    ],
  ])('is answered with %s', async (_, response, expected) => {
    handler = async () => response;

    const answer = await app.send('any', {});

    expect(answer).toEqual(expected);
  });

  it.each([
    [
      new ProblemError(409, 'no', { details: { why: 1 }, headers: { 'x-more': 'm' } }),
      409,
      { title: 'no', why: 1 },
      'm',
    ],
    [new PermanentError('gone'), 500, { title: 'gone' }, undefined],
    [new Error('a secret'), 500, { title: 'internal error; see the log of the app' }, undefined],
  ])('is answered with the problem document of %s', async (error, status, document, more) => {
    handler = () => Promise.reject(error);

    const answer = await app.send('any', {});

    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { status, ...document }]);
    expect(answer.headers).toEqual({
      ...SAFE,
      'content-type': 'application/problem+json',
      ...(more !== undefined && { 'x-more': more }),
    });
  });

  it.each([
    [undefined, '5'],
    [1_001, '2'],
    [60_000, '60'],
  ])('is to be sent again later while something is away: Retry-After of %s ms', async (retryAfterMs, seconds) => {
    handler = () => Promise.reject(new TransientError('the store is busy', { retryAfterMs }));

    const { status, headers, body } = await app.send('any', {});

    expect([status, JSON.parse(body).title, headers['retry-after']]).toEqual([503, 'the store is busy', seconds]);
  });

  it('of a form changes nothing: 415', async () => {
    let runs = 0;
    handler = async () => ({ status: 200 + runs++ });

    const { status, body } = await app.send('any', { method: 'POST', headers: { 'content-type': 'text/plain' } });

    expect([status, JSON.parse(body).title, runs]).toEqual([
      415,
      "content-type: expected application/json, got 'text/plain'",
      0,
    ]);
  });
});

describe('the log', () => {
  it.each([
    [new Error('a bug'), 'a bug', /^ {4}at .*http-callback\.test\.ts/],
    ['no error at all', 'no error at all', undefined],
    [new TransientError('busy'), 'busy', undefined],
    [new TransientError("namespace 'warnings' is away"), "namespace 'warnings' is away", undefined],
  ])('tells of a request that failed with %s; of a bug, where it is', async (error, message, stack) => {
    handler = () => Promise.reject(error);

    await app.send('any', {});

    const [line, ...others] = app.logs;
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: 'error', category: 'user', functionName: 'any', invocationId: app.lastId() });
    expect(JSON.parse(line?.message ?? '')).toEqual({
      message: 'request failed',
      function: 'any',
      error: message,
      ...(stack && { stack: expect.stringMatching(stack) }),
    });
  });

  it('costs nobody an answer when it fails itself', async () => {
    handler = () => Promise.reject(new Error('a bug'));
    const fail = (): never => {
      throw new Error('no log');
    };
    const ports = { log: { info: fail, warn: fail, error: fail } } as unknown as Ports;
    usePorts({ portsFor: () => ports, options: {}, historyLimits: { ageMs: 1, events: 1 } });

    expect(await app.send('any', {})).toMatchObject({ status: 500, body: expect.not.stringContaining('no log') });
    expect(JSON.parse(app.logs[0]?.message ?? '')).toMatchObject({ message: 'request failed', error: 'no log' });
  });

  it('does not tell of a caller who was told what is wrong', async () => {
    handler = () => Promise.reject(new ProblemError(404, 'not here'));

    await app.send('any', {});

    expect(app.logs).toEqual([]);
  });
});

describe('an app that is not configured', () => {
  it('tells its operator why in the log of the invocation, and callers no more than that', async () => {
    vi.stubEnv('Cluster', 'nonsense');
    usePorts(undefined);

    const answer = await app.send('any', {});

    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      500,
      { title: 'the app is not configured', status: 500 },
    ]);
    expect(app.logs).toMatchObject([{ level: 'error', category: 'user', invocationId: app.lastId() }]);
    const record = JSON.parse(app.logs[0]?.message ?? '');
    expect(record, 'a stack is for bugs').toEqual({
      message: 'request failed',
      function: 'any',
      error: expect.stringContaining('Cluster: expected '),
    });
  });

  it('says where a bug is that keeps it from serving', async () => {
    const broken = (): Ports => {
      throw new Error('a bug');
    };
    usePorts({ portsFor: broken, options: {}, historyLimits: { ageMs: 1, events: 1 } });

    const answer = await app.send('any', {});

    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('a bug');
    const { error, stack } = JSON.parse(app.logs[0]?.message ?? '');
    expect(error).toBe('a bug');
    expect(stack).toMatch(/^ {4}at .*http-callback\.test\.ts/);
  });
});
