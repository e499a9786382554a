/** What Prometheus answers in good times and bad, and what is made of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createPrometheusMeasurements,
  type PrometheusSource,
} from '../../../shared/adapters/prometheus/measurements.ts';
import { PermanentError, TransientError } from '../../../shared/errors.ts';
import type { Measurement } from '../../../shared/ports/measurements.ts';
import { type PrometheusFault, type PrometheusServer, startPrometheus } from '../../support/prometheus-server.ts';

const NOON = Date.parse('2026-03-01T12:00:00Z');
const SCRAPE_MS = 15_000;
const objective = { source: 'main', good: 'requests_total{code!~"5.."}', total: 'requests_total' };

let server: PrometheusServer;
let tokens: string[];
beforeEach(async () => {
  server = await startPrometheus();
  tokens = [];
});
afterEach(() => server.close());

function count(
  source: Partial<PrometheusSource> = {},
  { from = NOON, minutes = 1, asked = objective, timeoutMs = 5_000 } = {},
): Promise<Measurement | undefined> {
  const measurements = createPrometheusMeasurements({
    sources: { main: { url: server.url, auth: 'none', ...source } },
    clock: { now: () => NOON },
    environment: { PROM_TOKEN: 'written-token' },
    timeoutMs,
    issuer: async () => async (scope) => {
      tokens.push(scope);
      return { token: `entra-${tokens.length}`, expiresOnTimestamp: NOON + 3_600_000 };
    },
  });
  return measurements.count(asked, from, from + minutes * 60_000);
}

type Values = readonly (number | 'NaN' | 'stale' | undefined)[];

/** The values of a series, scraped every 15 s; the one at `at` of them just before noon. Undefined: nothing came. */
function scraped(labels: Readonly<Record<string, string>>, values: Values, at = 1): void {
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue;
    const metric = { __name__: 'requests_total', job: 'web', instance: 'a:80', ...labels };
    server.sample(metric, NOON - 1 + (index - at) * SCRAPE_MS, value);
  }
}

describe('counters', () => {
  it.each<[string, Values, Values, { good: number | undefined; total: number }]>([
    ['rise from the last sample before', [90, 100, 110, 120, 130, 140], [5, 5, 5, 6, 6, 7], { good: 40, total: 42 }],
    ['stand still: no traffic, which is an answer', [100, 100, 100, 100, 100, 100], [], { good: 0, total: 0 }],
    ['begin anew with their process', [90, 100, 110, 7, 9, 20], [], { good: 30, total: 30 }],
    ['begin anew twice', [90, 100, 4, 3, 9, 20], [], { good: 4 + 3 + 6 + 11, total: 24 }],
    ['miss a scrape on the border', [100, 'stale', 130, 130, 130, 140], [], { good: 40, total: 40 }],
    ['are NaN for a while', [90, 100, 'NaN', 'NaN', 120, 130], [], { good: 30, total: 30 }],
    ['end with their process', [90, 100, 120, 'stale'], [], { good: 20, total: 20 }],
    [
      'of failures begin with the first',
      [90, 100, 110, 120, 130, 140],
      [undefined, undefined, 1, 1, 1, 2],
      { good: 40, total: 42 },
    ],
    ['of good events never began', [], [90, 100, 110, 120, 130, 140], { good: undefined, total: 40 }],
  ])('%s', async (_, good, bad, expected) => {
    scraped({ code: '200' }, good);
    scraped({ code: '500' }, bad);

    expect(await count()).toMatchObject(expected);
  });

  const gap = (scrapes: number): undefined[] => Array.from({ length: scrapes }, () => undefined);

  it('count what happened while their process could not be scraped, once it can', async () => {
    scraped({ code: '200' }, [100, 'stale', ...gap(26), 700, 710]);
    scraped({ code: '200', instance: 'b:80' }, [1, ...gap(1), ...gap(26).map(() => 1), 1, 1]);

    const during = await count({}, { minutes: 5 });
    const after = await count({}, { from: during?.until ?? 0, minutes: 3 });

    expect([during?.total, after?.total]).toEqual([0, 610]);
  });

  it('are not guessed at after more than ten minutes without a scrape', async () => {
    scraped({ code: '200' }, [100, 'stale', ...gap(44), 700, 710]);

    expect(await count({}, { from: NOON + 11 * 60_000 })).toMatchObject({ good: 10, total: 10 });
  });

  it('of a new process count from its first scrape on: nobody knows since when it counts', async () => {
    scraped({ code: '200' }, [100, 110, 120, 130, 140, 150]);
    scraped({ code: '200', instance: 'b:80' }, [9_000_000, 9_000_010, 9_000_020], 0);

    expect(await count()).toMatchObject({ total: 40 + 20 });
  });

  it('under new labels are no new ones', async () => {
    scraped({ code: '200' }, [4_000, 4_010, 4_020, 'stale']);
    scraped({ code: '500' }, [500, 501, 502, 'stale']);
    scraped({ code: '200', region: 'north' }, [4_030, 4_040], -2);
    scraped({ code: '500', region: 'north' }, [503, 503], -2);

    expect(await count()).toMatchObject({ good: 20, total: 21 });
  });

  it('of two jobs are told apart by the queries', async () => {
    scraped({ code: '200' }, [100, 110, 120, 130, 140, 150]);
    scraped({ code: '200', job: 'again' }, [100, 110, 120, 130, 140, 150]);

    const asked = { ...objective, good: 'requests_total{job="web",code!~"5.."}', total: 'requests_total{job="web"}' };
    expect(await count({}, { asked })).toMatchObject({ good: 40, total: 40 });
  });

  it('of several names count together, each once, though their labels are the same', async () => {
    scraped({ code: '200' }, [100, 110, 120, 130, 140, 150]);
    scraped({ code: '200', __name__: 'calls_total' }, [7_000, 7_001, 7_002, 7_003, 7_004, 7_005]);

    const total = 'requests_total or calls_total OR {__name__="calls_total"} # twice';
    const good = 'requests_total{code=~"2..|or"} or calls_total';
    expect(await count({}, { asked: { ...objective, good, total } })).toMatchObject({ good: 44, total: 44 });
  });

  it('of several names are known as far as they were scraped, and no further', async () => {
    scraped({ code: '200' }, [100, 110, 120]);
    scraped({ code: '200', __name__: 'calls_total' }, [7_000, 7_001, 7_002]);

    const asked = { ...objective, total: 'requests_total or calls_total' };
    expect(await count({}, { asked })).toMatchObject({ total: 11, until: NOON + SCRAPE_MS });
    expect(await count({}, { asked, from: NOON + SCRAPE_MS })).toBeUndefined();
  });

  it('that no scrape has brought yet are not zero', async () => {
    expect(await count()).toBeUndefined();
    scraped({ code: '200' }, [100, 110]);
    expect(await count()).toBeUndefined();
    scraped({ code: '200' }, [120], -1);
    expect(await count()).toMatchObject({ total: 10, until: NOON + 15_000 });
  });

  it('that are more good than there are refuse to be counted', async () => {
    scraped({ code: '200' }, [100, 110, 120, 130, 140, 150]);

    const asked = { ...objective, total: 'requests_total{code="500"}' };
    scraped({ code: '500' }, [0, 0, 0, 0, 0, 1]);
    await expect(count({}, { asked })).rejects.toThrow(
      new PermanentError("measurements 'main': answered with more good events (40) than events (1)"),
    );
  });
});

describe('a question', () => {
  it('is one request, so that good and total come from one server at one time', async () => {
    scraped({ code: '200' }, [100, 110, 120]);

    await count({ url: `${server.url}/prometheus/` });

    expect(server.received).toHaveLength(1);
    expect(server.received[0]?.path).toBe('/prometheus/api/v1/query_range');
    expect(Object.fromEntries(server.received[0]?.form ?? [])).toMatchObject({
      start: `${String(NOON / 1_000 - 600)}.000`,
      end: `${String(NOON / 1_000 + 60)}.000`,
      step: '15.000',
    });
  });

  it('is about multiples of its step, where caches of servers would move it', async () => {
    await count({}, { from: NOON - 61_234 });

    const [start = 0, end = 0, step] = ['start', 'end', 'step'].map((name) =>
      Number(server.received[0]?.form.get(name)),
    );
    expect([step, start % 15, end % 15]).toEqual([15, 0, 0]);
    expect(end * 1_000).toBeLessThanOrEqual(NOON - 1_234);
  });

  it('about sums or rates is refused with what to write, and without the words of the server', async () => {
    const sums = ['sum(requests_total)', 'sum(requests_total) or requests_total', 'requests_total + calls_total'];
    for (const total of [...sums, 'rate(requests_total[1m])', 'requests_total{code=~"("}']) {
      const failure = await count({}, { asked: { ...objective, total } }).catch((error: unknown) => error);

      expect(failure).toBeInstanceOf(PermanentError);
      expect(String(failure)).toContain('has to select counters, such as');
      expect(String(failure)).not.toContain('SECRET');
    }
  });

  it.each<[string, string | undefined, Partial<PrometheusSource>]>([
    ['without a token', undefined, {}],
    ['with the token of a setting', 'Bearer written-token', { tokenSetting: 'PROM_TOKEN' }],
    ['with a token of Entra', 'Bearer entra-1', { auth: 'azure' }],
  ])('is asked %s', async (_, authorization, source) => {
    await count(source);

    expect(server.received[0]?.headers.authorization).toBe(authorization);
    expect(tokens).toEqual(source.auth ? ['https://prometheus.monitor.azure.com/.default'] : []);
  });
});

describe('a source that', () => {
  it.each<[string, PrometheusFault, string]>([
    ['is busy', { status: 503 }, 'answered 503'],
    ['limits the rate', { status: 429, headers: { 'retry-after': '7' } }, 'answered 429'],
    ['knows no role yet', { status: 403 }, 'answered 403'],
    [
      'ran out of time',
      { status: 422, body: '{"errorType":"execution","error":"SECRET"}' },
      'answered 422 (execution)',
    ],
    ['answers with a part', { warnings: ['store SECRET is away'] }, 'with a part of the data'],
    [
      'answers with a part, as VictoriaMetrics says it',
      { status: 200, body: '{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[]}}' },
      'with a part of the data',
    ],
    ['answers too late', 'hang', 'no answer in time'],
    ['hangs up', 'reset', 'ECONNRESET'],
    ['is a sign-in page', { status: 200, body: '<html>SECRET' }, 'expected JSON'],
    ['is something else', { status: 200, body: '{"status":"success","data":[]}' }, 'the answer of a Prometheus API'],
  ])('%s is asked again, and nothing is counted', async (_, fault, message) => {
    scraped({ code: '200' }, [100, 110, 120]);
    server.fail(fault);

    const failure = await count({}, fault === 'hang' ? { timeoutMs: 300 } : {}).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(TransientError);
    expect(String(failure)).toContain(message);
    expect(String(failure)).not.toContain('SECRET');
    expect(await count()).toMatchObject({ total: 10 });
  });

  it('says when to ask again', async () => {
    server.fail({ status: 429, headers: { 'retry-after': '7' } });

    await expect(count()).rejects.toMatchObject({ retryAfterMs: 7_000 });
  });

  it('sends elsewhere gets no token there', async () => {
    const elsewhere = await startPrometheus();
    server.fail({ status: 307, headers: { location: `${elsewhere.url}/api/v1/query_range` } });

    await expect(count({ tokenSetting: 'PROM_TOKEN' })).rejects.toThrow(PermanentError);

    expect(elsewhere.received).toEqual([]);
    await elsewhere.close();
  });

  it('remarks on the query alone has answered', async () => {
    scraped({ code: '200' }, [100, 110, 120]);
    server.fail({ warnings: ['PromQL info: metric might not be a counter'] });

    expect(await count()).toMatchObject({ total: 10 });
  });
});
