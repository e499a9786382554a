/** Measurements of an API that speaks as Prometheus does: its own, Thanos, Mimir, VictoriaMetrics, Azure Monitor. */
import { faultOf } from '../../describe-error.ts';
import { SECOND_MS } from '../../duration.ts';
import { PermanentError, TransientError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Measurements } from '../../ports/measurements.ts';
import { beginningOf, wholeOf } from '../answer-text.ts';
import { CachedToken, entraIssuer, type Issuer } from '../entra-token.ts';
import { retryAfterMsOf } from '../retry-after.ts';
import { measurementIn, parseAnswer } from './answer.ts';
import { COUNTERS, type RangeQuery, rangeQuery } from './range-query.ts';

/** https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-api-promql */
const AZURE_SCOPE = 'https://prometheus.monitor.azure.com/.default';

const TIMEOUT_MS = 20 * SECOND_MS;
/** A series takes 2 KB, uncompressed; and what answers may be anything. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** A source of the configuration. */
export interface PrometheusSource {
  /** Without `/api/v1`. */
  readonly url: string;
  /** `azure`: the identity of this app signs in. */
  readonly auth: 'none' | 'azure';
  /** The setting that holds a bearer token. */
  readonly tokenSetting?: string | undefined;
}

export interface PrometheusOptions {
  readonly sources: Readonly<Record<string, PrometheusSource>>;
  readonly clock: Clock;
  /** Where the tokens are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly issuer?: () => Promise<Issuer>;
  readonly timeoutMs?: number;
}

/** How a source is reached. */
interface Endpoint {
  /** How messages call it. */
  readonly name: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  token(): Promise<string | undefined>;
  forgetToken(): void;
}

export function createPrometheusMeasurements(options: PrometheusOptions): Measurements {
  const endpoints = new Map(
    Object.entries(options.sources).map(([name, source]) => [name, endpointOf(name, source, options)]),
  );
  return {
    async count(objective, from, to) {
      const endpoint = endpoints.get(objective.source);
      if (!endpoint) throw new PermanentError(`there is no source of measurements '${objective.source}'`);
      try {
        return measurementIn(parseAnswer(await ask(endpoint, rangeQuery(objective, from, to))), from);
      } catch (error) {
        throw errorOf(endpoint.name, error);
      }
    },
  };
}

function endpointOf(name: string, { url, auth, tokenSetting }: PrometheusSource, options: PrometheusOptions): Endpoint {
  const { clock, environment, timeoutMs = TIMEOUT_MS } = options;
  const issuer = options.issuer ?? (() => entraIssuer(environment));
  const token = auth === 'azure' ? new CachedToken({ issuer, scope: AZURE_SCOPE, clock }) : undefined;
  const written = tokenSetting === undefined ? undefined : environment[tokenSetting]?.trim();
  return {
    name: `measurements '${name}'`,
    url: `${url.replace(/\/+$/, '')}/api/v1/query_range`,
    ...{ timeoutMs, clock },
    token: async () => (token ? token.value() : written),
    forgetToken: () => token?.forget(),
  };
}

/** The text of a successful answer. No message repeats what a server says: it may be any server. */
async function ask(endpoint: Endpoint, { query, start, end, stepMs }: RangeQuery): Promise<string> {
  const token = await endpoint.token();
  const seconds = (ms: number): string => (ms / SECOND_MS).toFixed(3);
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: { 'User-Agent': 'platform-events', ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
    body: new URLSearchParams({ query, start: seconds(start), end: seconds(end), step: seconds(stepMs) }),
    // Followed, the token would be sent to wherever it points.
    redirect: 'manual',
    signal: AbortSignal.timeout(endpoint.timeoutMs),
  });
  if (response.ok) return wholeOf(response, MAX_ANSWER_BYTES);
  if (response.status === 401) endpoint.forgetToken();
  throw refusalOf(response, await beginningOf(response, 4_096).catch(() => ''), endpoint.clock.now());
}

/** 401 and 403 pass: a role assignment takes minutes to arrive. So does 422, which says that an evaluation failed. */
function refusalOf({ status, headers }: Response, text: string, now: number): Error {
  const type = errorTypeIn(text);
  const said = `answered ${status}${type === undefined ? '' : ` (${type})`}`;
  if (type === 'bad_data') {
    return new PermanentError(`${said}: it cannot read the queries; ${COUNTERS}`);
  }
  if (status < 400 || [400, 404, 405, 410, 413, 414].includes(status)) return new PermanentError(said);
  return new TransientError(said, { retryAfterMs: retryAfterMsOf(headers.get('retry-after') ?? undefined, now) });
}

/** Such as `bad_data` or `timeout`. */
function errorTypeIn(text: string): string | undefined {
  return /"errorType"\s*:\s*"([a-z_]{1,40})"/.exec(text)?.[1];
}

/** Of what is no error of ours, its kind alone: its words may quote an address or a token. */
function errorOf(name: string, error: unknown): Error {
  if (error instanceof PermanentError) return new PermanentError(`${name}: ${error.message}`);
  if (error instanceof RangeError) return new PermanentError(`${name}: the queries select too much: ${error.message}`);
  const retryAfterMs = error instanceof TransientError ? error.retryAfterMs : undefined;
  return new TransientError(`${name}: ${faultOf(error)}`, { retryAfterMs });
}
