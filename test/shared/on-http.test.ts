/** What a caller is told when a handler of an HTTP function fails. */
import { expect, it } from 'vitest';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import { respond } from '../../shared/on-http.ts';
import type { Ports } from '../../shared/ports.ts';
import { ProblemError } from '../../shared/problem.ts';
import { httpRequest } from '../support/http.ts';
import { RecordingLog } from '../support/ports.ts';

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
  [new Error('a secret'), 500, { title: 'something went wrong; the log says what', status: 500 }, {}],
])('answers %s with a problem document', async (error, status, document, headers) => {
  const answer = await respond('test', () => Promise.reject(error), httpRequest({}), ports);

  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body ?? '')).toEqual(document);
  expect(answer.headers).toEqual({ 'content-type': 'application/problem+json', ...headers });
});

it('logs what it does not tell', async () => {
  await respond('test', () => Promise.reject(new Error('a secret')), httpRequest({}), ports);

  expect(log.lines.at(-1)).toMatchObject({ level: 'error', fields: { function: 'test', error: 'a secret' } });
});
