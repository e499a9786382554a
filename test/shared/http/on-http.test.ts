/** What a caller gets when a handler of an HTTP function fails. */
import { describe, expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { type HttpResponse, respond } from '../../../shared/http/on-http.ts';
import { ProblemError } from '../../../shared/http/problem.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { httpRequest } from '../../support/http.ts';
import { RecordingLog } from '../../support/ports.ts';

const log = new RecordingLog();
// A handler that fails asks for nothing else.
const ports = { log } as unknown as Ports;

it.each([
  [new ProblemError(400, 'no', { details: { issues: [1] } }), 400, { title: 'no', status: 400, issues: [1] }, {}],
  [
    new TransientError('the store is busy', { retryAfterMs: 1_500 }),
    503,
    { title: 'the store is busy', status: 503 },
    { 'retry-after': '2' },
  ],
  [new PermanentError('gone'), 500, { title: 'gone', status: 500 }, {}],
  [new Error('a secret'), 500, { title: 'internal error; see the log of the app', status: 500 }, {}],
])('answers %s with a problem document', async (error, status, document, headers) => {
  const answer = await respond('test', () => Promise.reject(error), httpRequest({}), ports);

  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body ?? '')).toEqual(document);
  expect(answer.headers).toEqual({ 'content-type': 'application/problem+json', ...headers });
});

it('logs what it does not answer', async () => {
  await respond('test', () => Promise.reject(new Error('a secret')), httpRequest({}), ports);

  expect(log.lines.at(-1)).toMatchObject({ level: 'error', fields: { function: 'test', error: 'a secret' } });
});

describe('what changes something', () => {
  const answerTo = async (method: string, contentType?: string): Promise<HttpResponse> => {
    const headers = new Headers(contentType === undefined ? {} : { 'content-type': contentType });
    const request = { ...httpRequest({ method }), headers };
    return respond('test', async () => ({ status: 202 }), request, ports);
  };

  it.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/cloudevents+json',
    'application/cloudevents-batch+json;charset=utf-8',
  ])('is taken with %s', async (type) => {
    expect((await answerTo('POST', type)).status).toBe(202);
    expect((await answerTo('DELETE', type)).status).toBe(202);
  });

  it.each([
    ['POST', 'text/plain'],
    ['POST', 'text/plain;application/json'],
    ['POST', 'text/plain, application/json'],
    ['POST', 'application/json, text/plain'],
    ['POST', 'application/x-www-form-urlencoded'],
    ['POST', 'multipart/form-data; boundary=application/json'],
    ['DELETE', 'text/plain'],
    ['POST', 'application/jsonl'],
    ['POST', 'application/+json'],
  ])('is not taken by %s of %s, which any page can send', async (method, type) => {
    const { status, body } = await answerTo(method, type);

    expect([status, JSON.parse(body ?? '').title]).toEqual([
      415,
      `content-type: expected application/json, got '${type}'`,
    ]);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'is not taken by %s without a content type, body or not',
    async (method) => {
      const { status, body } = await answerTo(method);

      expect([status, JSON.parse(body ?? '').title]).toEqual([
        415,
        'content-type: expected application/json, got none',
      ]);
    },
  );

  it('is not taken with a type of any length, and no more than its beginning is repeated', async () => {
    const { body } = await answerTo('POST', `text/${'x'.repeat(200)}`);

    const title = `content-type: expected application/json, got 'text/${'x'.repeat(95)}'`;
    expect(JSON.parse(body ?? '').title).toBe(title);
  });

  it('is not what a GET does', async () => {
    expect((await answerTo('GET')).status).toBe(202);
  });
});
