/** Converts an HTTP request to what the Functions host sends to the worker. */
import type { IncomingMessage } from 'node:http';
import type { RpcHttpData } from './core-module.ts';

type NullableMap = Record<string, { value: string }>;

/** Several values of a name, whose spelling is that of the first, become one, joined by commas. */
function joined(entries: Iterable<readonly [string, string]>): NullableMap {
  const values = new Map<string, { name: string; value: string }>();
  for (const [name, value] of entries) {
    const folded = name.toLowerCase();
    const found = values.get(folded);
    values.set(folded, found ? { ...found, value: `${found.value},${value}` } : { name, value });
  }
  return Object.fromEntries([...values.values()].map(({ name, value }) => [name, { value }]));
}

/** Node decodes headers as Latin-1, the host as UTF-8. */
function* headersOf({ rawHeaders }: IncomingMessage): Iterable<[string, string]> {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const value = Buffer.from(rawHeaders[at + 1] ?? '', 'latin1').toString('utf8');
    yield [(rawHeaders[at] ?? '').toLowerCase(), value];
  }
}

/** The path of a request, decoded as the host does it: an encoded slash stays encoded. */
export function decodedPath(path: string): string {
  return path.replace(/(?:%(?!2f)[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/** Without the function key, which no function gets to see. */
function withoutKey(url: URL): URL {
  const names = [...url.searchParams.keys()].filter((name) => name.toLowerCase() === 'code');
  if (names.length === 0) return url;
  const without = new URL(url);
  for (const name of names) without.searchParams.delete(name);
  return without;
}

export function toRpcHttp(
  request: IncomingMessage,
  givenUrl: URL,
  params: Readonly<Record<string, string>>,
  body: Buffer,
): RpcHttpData {
  const url = withoutKey(givenUrl);
  return {
    method: request.method ?? 'GET',
    url: url.href,
    nullableHeaders: joined(headersOf(request)),
    nullableQuery: joined(url.searchParams),
    nullableParams: joined(Object.entries(params)),
    body: body.length > 0 ? { bytes: body } : null,
  };
}
