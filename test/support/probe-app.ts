/**
 * A Functions app that shows what a host gives its functions: each notes what it got, and `GET /api/seen/{name}` tells.
 * Registered through the real library, so that any host can run it.
 */
import { app, type HttpRequest, type InvocationContext } from '@azure/functions';

/** One call of a function. */
interface Seen {
  readonly body: unknown;
  readonly metadata: unknown;
  readonly retry: unknown;
}

const seen = new Map<string, Seen[]>();

/** JSON of what a handler got; bytes are shown as what they are. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  return Array.isArray(value) ? value.map(shown) : value;
}

function note(name: string, body: unknown, { triggerMetadata, retryContext }: InvocationContext): void {
  const calls = seen.get(name) ?? [];
  seen.set(name, [...calls, { body: shown(body), metadata: triggerMetadata, retry: retryContext ?? null }]);
}

/** The options of a trigger that the library's types do not list reach the host all the same. */
function listen(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
  after: (body: unknown) => void = () => {},
): void {
  const trigger: Parameters<typeof app.serviceBusQueue>[1] = {
    connection: 'ServiceBus',
    queueName: `probe-${name}`,
    ...options,
    handler: (body, context) => {
      note(name, body, context);
      after(body);
    },
  };
  app.serviceBusQueue(name, trigger);
}

const fail = (): never => {
  throw new Error('the probe fails');
};

listen('text');
listen('binary', { dataType: 'binary' });
listen('many', { cardinality: 'many' });
listen('many-text', { cardinality: 'many', dataType: 'string' });
listen('many-binary', { cardinality: 'many', dataType: 'binary' });
listen('many-failing', { cardinality: 'many' }, fail);
listen('sessions', { isSessionsEnabled: true });
listen('sessions-many', { isSessionsEnabled: true, cardinality: 'many' });
listen('failing', {}, fail);
listen('manual', { autoCompleteMessages: false });
listen('retried', { retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { milliseconds: 400 } } }, fail);

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

async function echo(request: HttpRequest) {
  return {
    jsonBody: {
      method: request.method,
      url: request.url,
      query: Object.fromEntries(request.query),
      headers: Object.fromEntries(request.headers),
      params: request.params,
      body: Buffer.from(await request.arrayBuffer()).toString('base64'),
    },
  };
}

app.http('seen', {
  methods: ['GET'],
  authLevel: 'anonymous',
  route: 'seen/{name}',
  handler: ({ params }) => ({ jsonBody: seen.get(params['name'] ?? '') ?? [] }),
});
app.http('echo', { methods: [...METHODS], authLevel: 'anonymous', route: 'echo/{id?}', handler: echo });
app.http('files', { methods: ['GET'], authLevel: 'anonymous', route: 'files/{*rest}', handler: echo });
app.http('guarded', { methods: ['GET'], authLevel: 'function', route: 'guarded', handler: echo });
app.http('broken', { methods: ['GET', 'POST'], authLevel: 'anonymous', handler: fail });
app.http('nothing', { methods: ['GET'], authLevel: 'anonymous', handler: () => undefined as never });
app.http('off', { methods: ['GET'], authLevel: 'anonymous', handler: echo });
