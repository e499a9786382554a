/** Answers range queries as Prometheus does, from samples that a test gives, and with faults when told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Labels = Readonly<Record<string, string>>;

/** `stale`: a marker that the series ended, as Prometheus writes when a scrape fails. */
type Value = number | 'NaN' | 'stale';

export interface PrometheusServer {
  readonly url: string;
  readonly received: { path: string; headers: IncomingHttpHeaders; form: URLSearchParams }[];
  /** One scrape of a series: `{ __name__, job, instance, … }`. */
  sample(labels: Labels, at: number, value: Value): void;
  /** The next requests are answered so, in this order. */
  fail(...faults: PrometheusFault[]): void;
  close(): Promise<void>;
}

export type PrometheusFault =
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly warnings: readonly string[] };

interface Series {
  readonly labels: Labels;
  readonly samples: { at: number; value: Value }[];
}

/** How long a sample counts when no newer one and no marker follows. */
const LOOK_BACK_MS = 5 * 60_000;

export async function startPrometheus(): Promise<PrometheusServer> {
  const series = new Map<string, Series>();
  const received: PrometheusServer['received'] = [];
  const faults: PrometheusFault[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      received.push({ path: request.url ?? '', headers: request.headers, form });
      const fault = faults.shift();
      if (fault === 'hang') return;
      if (fault === 'reset') return void request.socket.resetAndDestroy();
      if (fault && 'status' in fault) {
        response.writeHead(fault.status, fault.headers);
        return void response.end(fault.body);
      }
      send(response, [...series.values()], form, fault?.warnings);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    sample(labels, at, value) {
      const key = JSON.stringify(Object.entries(labels).sort());
      const known = series.get(key) ?? { labels, samples: [] };
      series.set(key, known);
      known.samples.push({ at, value });
      known.samples.sort((a, b) => a.at - b.at);
    },
    fail: (...more) => void faults.push(...more),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The one form of query that is asked: selectors with an offset of 1 ms, each under a label. */
const PART =
  /label_replace\((?<newest>max\(timestamp\()?(?<selector>[^\n]*) offset 1ms(?:\)\))?, "(?<label>\w+)", "(?<name>[\w/]+)", "", ""\)/g;

function send(
  response: ServerResponse,
  all: readonly Series[],
  form: URLSearchParams,
  warnings: readonly string[] = [],
): void {
  const [start, end, step] = ['start', 'end', 'step'].map((name) => Math.round(Number(form.get(name)) * 1_000));
  const parts = [...(form.get('query') ?? '').matchAll(PART)].map(({ groups }) => groups ?? {});
  const matchers = parts.map(({ selector = '' }) => matcherOf(selector));
  if (parts.length === 0 || !start || !end || !step || matchers.some((matches) => !matches)) {
    response.writeHead(400, { 'content-type': 'application/json' });
    return void response.end(JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'parse error: SECRET' }));
  }
  const result: { metric: Labels; values: [number, string][] }[] = [];
  for (const [index, { label = '', name = '', newest }] of parts.entries()) {
    const chosen = all.filter(({ labels }) => matchers[index]?.(labels));
    const rows = new Map<string, { metric: Labels; values: [number, string][] }>();
    for (let at = start; at <= end; at += step) {
      const seen = chosen.flatMap(({ labels, samples }) => {
        const sample = samples.findLast((one) => one.at <= at - 1);
        const isThere = sample && sample.value !== 'stale' && sample.at > at - 1 - LOOK_BACK_MS;
        return isThere ? [{ labels, ...sample }] : [];
      });
      const points = newest
        ? seen.length > 0
          ? [{ metric: {}, value: Math.max(...seen.map((one) => one.at)) / 1_000 }]
          : []
        : seen.map(({ labels, value }) => ({ metric: labels, value }));
      for (const { metric, value } of points) {
        const row = { metric: { ...metric, [label]: name }, values: [] as [number, string][] };
        const key = JSON.stringify(row.metric);
        const known = rows.get(key) ?? row;
        rows.set(key, known);
        known.values.push([at / 1_000, String(value)]);
      }
    }
    result.push(...rows.values());
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  const isPartial = warnings.length > 0 && { warnings };
  response.end(JSON.stringify({ status: 'success', ...isPartial, data: { resultType: 'matrix', result } }));
}

/** Of `name{label="value",label!~"pattern"}`; undefined for what is no selector. */
function matcherOf(selector: string): ((labels: Labels) => boolean) | undefined {
  const { name, inner = '' } = /^(?<name>\w*)(?:\{(?<inner>.*)\})?$/.exec(selector)?.groups ?? {};
  if (name === undefined || inner.includes('(')) return undefined;
  const tests = [...inner.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', operator = '', text = '']) => {
    const isEqual = operator.endsWith('~')
      ? (value: string) => new RegExp(`^(?:${text})$`).test(value)
      : (value: string) => value === text;
    return (labels: Labels) => isEqual(labels[label] ?? '') !== operator.startsWith('!');
  });
  return (labels) => (name === '' || labels['__name__'] === name) && tests.every((test) => test(labels));
}
