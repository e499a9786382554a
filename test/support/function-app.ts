/** The one Functions app of a test process: functions are registered through the real library, and invoked as the host does. */
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { startApp } from '../../shared/local/functions-host/app.ts';
import {
  type Binding,
  type InvocationRequest,
  type InvocationResponse,
  installCoreModule,
  type RpcHttpData,
  type RpcTypedData,
} from '../../shared/local/functions-host/core-module.ts';
import { type InvocationLog, invoke, traceContextOf } from '../../shared/local/functions-host/invoke.ts';
import { bodyData, triggerMetadata } from '../../shared/local/functions-host/message-data.ts';

export interface FunctionApp {
  /** The names of all functions. */
  readonly names: readonly string[];
  /** The generated name of a function's trigger. */
  triggerOf(name: string): string;
  /** What a function's trigger was registered with. */
  bindingOf(name: string): Binding;
  run(name: string, request: InvocationRequest): Promise<InvocationResponse>;
  /** Has a function handle a message, as the host hands it over. */
  deliver(name: string, message: ReceivedParts): Promise<void>;
  /** Has a function answer a request. */
  send(name: string, request: RequestParts): Promise<HttpAnswer>;
  /** Has a function run as its schedule says. */
  tick(name: string): Promise<void>;
  readonly logs: InvocationLog[];
  /** The id of the latest invocation. */
  lastId(): string;
}

/** What of a message a test is about. */
export interface ReceivedParts {
  readonly body: string;
  /** Failed deliveries before this one. */
  readonly deliveryCount?: number;
  readonly applicationProperties?: Record<string, string | number>;
  /** Trigger metadata that the host does not send, or sends otherwise; undefined leaves one out. */
  readonly metadata?: Readonly<Record<string, RpcTypedData | undefined>>;
  /** The host's own trace context; it has none unless given. */
  readonly traceparent?: string;
}

export interface RequestParts {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** As in `ReceivedParts`. */
  readonly traceparent?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Registers with the real library, then starts the app.
 *
 * @param hookData what the start hooks find in their context
 */
export async function functionApp(
  register: (app: typeof import('@azure/functions').app) => void | Promise<void>,
  hookData: Record<string, unknown> = {},
): Promise<FunctionApp> {
  const registry = installCoreModule();
  const { app } = await import('@azure/functions');
  await register(app);
  const started = await startApp('/app', registry, hookData);
  const logs: InvocationLog[] = [];
  let lastId = '';
  app.hook.preInvocation(({ invocationContext }) => {
    lastId = invocationContext.invocationId;
  });
  const find = (name: string) => {
    const found = registry.functions.get(name);
    if (!found) throw new Error(`no function ${name}`);
    return found;
  };
  const triggerOf = (name: string): string => Object.keys(find(name).metadata.bindings)[0] ?? '';
  const run = (name: string, request: InvocationRequest): Promise<InvocationResponse> =>
    invoke(started, find(name), { request, onLog: (line) => logs.push(line) });
  const invokeWith = (
    name: string,
    data: RpcTypedData,
    traceparent: string | undefined,
    metadata: InvocationRequest['triggerMetadata'] = {},
  ) =>
    run(name, {
      inputData: [{ name: triggerOf(name), data }],
      triggerMetadata: metadata,
      traceContext: traceContextOf(traceparent),
    });
  return {
    logs,
    lastId: () => lastId,
    run,
    triggerOf,
    names: [...registry.functions.keys()],
    bindingOf: (name) => Object.values(find(name).metadata.bindings)[0] ?? { type: '', direction: 'in' },
    deliver: async (name, parts) => {
      const received = receivedMessage(parts);
      const data = bodyData(received, undefined);
      const metadata = Object.entries({ ...triggerMetadata(received, data), ...parts.metadata });
      const given = metadata.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
      await invokeWith(name, data, parts.traceparent, Object.fromEntries(given));
    },
    tick: async (name) => {
      const timerInfo = { Schedule: { AdjustForDST: true }, ScheduleStatus: null, IsPastDue: false };
      await invokeWith(name, { json: JSON.stringify(timerInfo) }, undefined);
    },
    send: async (name, request) => {
      const { returnValue } = await invokeWith(name, { http: rpcRequest(request) }, request.traceparent);
      const { statusCode, headers = {}, body } = returnValue?.http ?? {};
      return { status: Number(statusCode), headers, body: Buffer.from(body?.bytes ?? body?.string ?? '').toString() };
    },
  };
}

function receivedMessage({ body, deliveryCount = 0, applicationProperties = {} }: ReceivedParts) {
  const received = {
    body: Buffer.from(body),
    messageId: 'm-1',
    deliveryCount,
    applicationProperties,
    _rawAmqpMessage: { bodyType: 'data' },
  };
  // Only the fields above are read; the rest of the class is the SDK's.
  return received as unknown as ServiceBusReceivedMessage;
}

function rpcRequest({ method = 'GET', url = 'http://127.0.0.1/api/x', body, ...parts }: RequestParts): RpcHttpData {
  const nullable = (values: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
  return {
    method,
    url,
    nullableHeaders: nullable(parts.headers),
    nullableQuery: nullable(parts.query),
    nullableParams: nullable(parts.params),
    body: body === undefined ? null : { bytes: Buffer.from(body) },
  };
}
