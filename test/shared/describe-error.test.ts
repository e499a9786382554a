/** Reasons that libraries hide, on a machine where a name has two addresses, as `localhost` has on most. */
import dns from 'node:dns';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKubernetesClusters } from '../../shared/adapters/kubernetes/clusters.ts';
import { createTableStorage } from '../../shared/adapters/table-storage.ts';
import { AppClient } from '../../shared/client/app-client.ts';
import { parseConfig } from '../../shared/config.ts';
import { attemptsIn, describeError } from '../../shared/describe-error.ts';
import { FixedClock } from '../support/ports.ts';

describe('the reason of an error', () => {
  const refused = new Error('connect ECONNREFUSED ::1:1');
  const loop = new Error('');
  loop.cause = loop;

  it.each([
    ['its message', new Error('no room'), 'no room'],
    [
      'each attempt, once',
      new AggregateError([new Error('busy'), new Error('busy'), refused]),
      `busy; ${refused.message}`,
    ],
    ['attempts of attempts', new AggregateError([new AggregateError([refused])]), refused.message],
    [
      'the message of an aggregate that has one',
      new AggregateError([refused], 'all of them failed'),
      'all of them failed',
    ],
    ['the cause of a fetch', new TypeError('fetch failed', { cause: refused }), refused.message],
    ['a code', Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
    ['its name', new RangeError(''), 'RangeError'],
    ['its name when it is an aggregate of nothing', new AggregateError([]), 'AggregateError'],
    ['an end, of a cause that goes in circles', loop, 'Error'],
    ['what was thrown', 'a text', 'a text'],
    ['something, of nothing', '', 'unknown error'],
  ])('is %s', (_, error, expected) => {
    expect(describeError(error)).toBe(expected);
  });

  it('has its attempts in order', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((text) => new Error(text));

    expect(attemptsIn(new AggregateError([a, new AggregateError([b, c])]))).toEqual([a, b, c]);
    expect(attemptsIn(a)).toEqual([a]);
    const none = new AggregateError([]);
    expect(attemptsIn(none)).toEqual([none]);
  });
});

describe('a server that is refused on both addresses of its name', () => {
  beforeEach(() => {
    vi.spyOn(dns, 'lookup').mockImplementation(((_: string, __: object, callback: (...found: unknown[]) => void) =>
      callback(null, [
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ])) as never);
  });
  afterEach(() => vi.restoreAllMocks());

  it('is named by the table client', async () => {
    const text = 'UseDevelopmentStorage=true;TableEndpoint=http://two.test:59999/devstoreaccount1';
    const store = await createTableStorage({ connectionString: text }, 'test');

    await expect(store.get('p', 'k')).rejects.toThrow(/^table storage: p\/k: .*ECONNREFUSED/);
  });

  it('is named by the Kubernetes client', async () => {
    const config = parseConfig({ clusters: { default: { server: 'https://two.test:59999' } } });
    const issuer = async () => ({ token: 't', expiresOnTimestamp: Number.POSITIVE_INFINITY });
    const cluster = createKubernetesClusters({ config, clock: new FixedClock(), issuer }).get('default');

    await expect(cluster.ping()).rejects.toThrow(/^cluster 'default': GET \/version: no connection \(.*ECONNREFUSED/);
  });

  it('is named by the command', async () => {
    await expect(new AppClient('http://two.test:59999').history({})).rejects.toThrow(
      /: .*ECONNREFUSED.*; is it running/,
    );
  });
});
