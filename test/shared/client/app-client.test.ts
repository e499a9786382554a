/** What the command line makes of whatever answers at the app's address. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AppClient } from '../../../shared/client/app-client.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { startWebhookServer } from '../../support/webhook-server.ts';

type Answer = (response: ServerResponse) => void;

const requests: IncomingMessage[] = [];
let answer: Answer;
const server = createServer((request, response) => {
  requests.push(request);
  answer(response);
});
let app: AppClient;

beforeEach(async () => {
  requests.length = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  app = new AppClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { key: 'the-key' });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json =
  (status: number, value: unknown): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const signIn: Answer = (response) =>
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html><title>Sign in\u001b[2J</title>');

const calls = {
  publish: (client: AppClient) => client.publish({ id: 'e-1' }),
  history: (client: AppClient) => client.history({}),
  'errors list': async (client: AppClient) => {
    for await (const _ of client.errors({}));
  },
  'errors show': (client: AppClient) => client.error('7'),
  'errors replay': (client: AppClient) => client.replay('7'),
  'errors discard': (client: AppClient) => client.discard('7'),
  'automation status': (client: AppClient) => client.automation(),
  'automation pause': (client: AppClient) => client.switchAutomation({ action: 'pause', by: 'jo', reason: 'why' }),
};

async function failure(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );
}

it.each(Object.entries(calls))(
  '%s follows no redirect, and says where it led without what may be secret',
  async (_, call) => {
    answer = (response) =>
      response.writeHead(302, { location: 'https://me:canary@login.example/authorize?state=canary#canary' }).end();

    const error = await failure(call(app));

    expect(error).toBeInstanceOf(PermanentError);
    expect(error.message).toContain('redirects (302) to https://login.example, which is not followed');
    expect(error.message).not.toContain('canary');
    expect(requests.length).toBe(1);
  },
);

it.each(Object.entries(calls))('%s takes no sign-in page for an answer of the app', async (_, call) => {
  answer = signIn;

  const error = await failure(call(app));

  expect(error).toBeInstanceOf(PermanentError);
  expect(error.message).toMatch(/does not answer as the app: expected .+, got 200 text\/html; is a proxy/);
});

it.each([
  ['another status', 200, { ids: ['e-1'] }],
  ['no ids', 202, {}],
  ['another id', 202, { ids: ['e-2'] }],
])('has not published on %s', async (_, status, value) => {
  answer = json(status, value);

  await expect(calls.publish(app)).rejects.toThrow('expected 202 with the id of the event, got');
});

it('has published, replayed and discarded when the app says so', async () => {
  answer = json(202, { ids: ['e-1'], correlationIds: ['c-1'] });
  await calls.publish(app);
  await calls['errors replay'](app);
  answer = (response) => response.writeHead(204).end();
  await calls['errors discard'](app);

  const sent = requests.map(({ method, headers }) => [method, headers['content-type'], headers['x-functions-key']]);
  expect(sent).toEqual([
    ['POST', 'application/cloudevents+json', 'the-key'],
    ['POST', 'application/json', 'the-key'],
    ['DELETE', 'application/json', 'the-key'],
  ]);
});

it('shows nothing of a refusal that could drive the terminal', async () => {
  const issues = [{ path: 'type', value: 1, expected: 'a\u001b[31mtype\nforged line' }];
  answer = (response) =>
    response
      .writeHead(400, { 'content-type': 'application/problem+json' })
      .end(JSON.stringify({ title: 'not\rpublished', issues }));

  const { message } = await failure(calls.publish(app));

  expect(message).toBe('the app refuses: 400 not published\n  type: expected a [31mtype forged line, got 1');
});

it('shows the content type alone of an answer that is not a problem document', async () => {
  answer = (response) =>
    response.writeHead(502, { 'content-type': 'text/plain' }).end(`bad\u009b gateway${'x'.repeat(9_999)}`);

  const error = await failure(calls.publish(app));

  expect(error).toBeInstanceOf(TransientError);
  expect(error.message).toMatch(/^the app answers 502 \(text\/plain, not an answer of the app\)$/);
});

it('hangs up on an answer without an end', async () => {
  const endless = await startWebhookServer();
  endless.answer('/api/errors/7', { status: 200, isEndless: true });

  const error = await failure(new AppClient(endless.urlOf('/')).error('7'));

  expect(error).toBeInstanceOf(PermanentError);
  expect(String(error)).toMatch(/does not answer as the app: an answer of more than 33554432 bytes/);
  expect(endless.bytesWritten).toBeLessThan(64 * 1024 * 1024);
  await endless.close();
});
