/** Table Storage that is away, busy, or elsewhere; what it does when all is well is in the StateStore contract. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { CorrectedClock } from '../../../shared/adapters/clock-correction.ts';
import { createTableStorage } from '../../../shared/adapters/table-storage.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import { startAzurite } from '../../support/azurite.ts';

const portOf = (text: string): number => Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);

/** A table service that answers everything alike. */
async function startAnswering(
  status: number,
  headers: Record<string, string>,
  body = JSON.stringify({ 'odata.error': { code: 'Code', message: { lang: 'en', value: 'says why' } } }),
): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  // A server on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  return `UseDevelopmentStorage=true;TableEndpoint=http://127.0.0.1:${port}/devstoreaccount1;`;
}

it('is worth another attempt while the service is unavailable, and makes its table anew when it is back', async () => {
  const first = await startAzurite();
  const store = await createTableStorage({ connectionString: first.connectionString }, 'outage');
  await store.insert('p', 'k', { n: 1 });
  await first.close();

  await expect(store.get('p', 'k')).rejects.toThrow(TransientError);
  await expect(store.insert('p', 'k', {})).rejects.toThrow(TransientError);

  // It kept nothing, so that even the table is gone.
  const second = await startAzurite(portOf(first.connectionString));
  onTestFinished(() => second.close());
  expect(await store.get('p', 'k')).toBeUndefined();
  await store.insert('p', 'k', { n: 2 });
  expect((await store.get('p', 'k'))?.value).toEqual({ n: 2 });
});

it('finds Azurite on another port beside UseDevelopmentStorage=true', async () => {
  const azurite = await startAzurite();
  onTestFinished(() => azurite.close());
  const endpoint = `http://127.0.0.1:${portOf(azurite.connectionString)}/devstoreaccount1`;

  const store = await createTableStorage(
    { connectionString: `UseDevelopmentStorage=true;TableEndpoint=${endpoint}` },
    'elsewhere',
  );

  await expect(store.ping()).resolves.toBeUndefined();
});

it('lets many first callers make the table at once', async () => {
  const azurite = await startAzurite();
  onTestFinished(() => azurite.close());
  const store = await createTableStorage({ connectionString: azurite.connectionString }, 'crowd');

  await Promise.all(Array.from({ length: 10 }, (_, n) => store.insert('p', `${n}`, { n })));

  expect((await store.get('p', '7'))?.value).toEqual({ n: 7 });
});

it.each([
  ['busy', 503, { 'retry-after': '0' }, TransientError],
  ['forbidden, which people mend', 403, {}, TransientError],
  ['unable to read the request', 400, {}, PermanentError],
])('sorts the error of a service that is %s', async (_, status, headers, kind) => {
  const store = await createTableStorage({ connectionString: await startAnswering(status, headers) }, 'failing');

  await expect(store.put('p', 'k', {}, '*')).rejects.toThrow(kind);
  await expect(store.put('p', 'k', {}, '*')).rejects.toThrow(/^table storage: p\/k: /);
});

it('waits as long as a service asks for before the next attempt, but not in the call', async () => {
  const store = await createTableStorage(
    { connectionString: await startAnswering(429, { 'retry-after': '90' }) },
    'throttled',
  );

  await expect(store.get('p', 'k')).rejects.toMatchObject({ isTransient: true, retryAfterMs: 90_000 });
});

it.each([
  [
    'JSON',
    '{"odata.error":{"code":"Code","message":{"lang":"en","value":"not you\\nRequestId:1"}}}',
    'application/json',
  ],
  [
    'XML',
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Error>\n  <Code>Code</Code>\n  <Message>not you\nRequestId:1</Message>\n</Error>',
    'application/xml',
  ],
])(
  'says what the service calls its error, and nothing more of its answer, when it says it in %s',
  async (_, body, type) => {
    const connectionString = await startAnswering(403, { 'content-type': type }, body);

    const store = await createTableStorage({ connectionString }, 'refused');

    await expect(store.get('p', 'k')).rejects.toThrow(/^table storage: p\/k: 403 Code$/);
  },
);

it.each([['right', 0] as const, ['ten minutes ahead', 600_000] as const])(
  'shows the date of every answer, a refusal too, of a service whose clock is %s',
  async (_, aheadMs) => {
    const date = new Date(Date.now() + aheadMs).toUTCString();
    const clock = new CorrectedClock({ now: () => Date.now() });
    const store = await createTableStorage({ connectionString: await startAnswering(403, { date }) }, 'dated', clock);

    await expect(store.get('p', 'k')).rejects.toThrow(TransientError);

    expect(Math.abs(clock.now() - Date.now() - aheadMs)).toBeLessThanOrEqual(2_000);
    expect(clock.now() - Date.now() > 300_000).toBe(aheadMs > 0);
  },
);

it('leaves a clock as it is that agrees with Azurite', async () => {
  const azurite = await startAzurite();
  onTestFinished(() => azurite.close());
  const clock = new CorrectedClock({ now: () => Date.now() });
  const store = await createTableStorage({ connectionString: azurite.connectionString }, 'clocks', clock);

  for (let n = 0; n < 50; n++) await store.put('p', 'k', { n }, '*');

  // Node renews its `Date` by a timer, so that a busy server's may be late.
  expect(Math.abs(clock.now() - Date.now())).toBeLessThanOrEqual(200);
});
