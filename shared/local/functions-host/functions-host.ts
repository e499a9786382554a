/**
 * The Azure Functions runtime on a laptop: loads the built app as the real worker does, and runs its Service Bus, HTTP
 * and timer triggers against any namespace.
 */
import type { ServiceBusClient, ServiceBusReceivedMessage } from '@azure/service-bus';
import { type FunctionsApp, loadApp, runHooks } from './app.ts';
import type { Binding, InvocationRequest, InvocationResponse, RegisteredFunction } from './core-module.ts';
import { type HostJson, readHostJson } from './host-json.ts';
import { HttpTriggers, httpPathOf, methodsOf } from './http-trigger.ts';
import { type InvocationLog, invoke } from './invoke.ts';
import { MemoryScheduleMonitor, type ScheduleMonitor } from './schedule-monitor.ts';
import { ServiceBusTrigger, sourceOf } from './service-bus-trigger.ts';
import { connector, disabledFunctions, type HostSettings, resolveNames } from './settings.ts';
import { TimerTrigger } from './timer-trigger.ts';

/** One function, for display. */
export interface FunctionDescription {
  readonly name: string;
  readonly trigger: 'service-bus' | 'http' | 'timer' | 'unsupported';
  /** Topic and subscription, queue, methods and path, or the schedule. */
  readonly source: string;
}

export interface HostOptions {
  /** The app's directory, with package.json, host.json and the files of `main`. */
  readonly directory: string;
  readonly settings: HostSettings;
  /** 0 takes any free port. */
  readonly httpPort: number;
  /** Awaited when the app is loaded and before anything of it can run. */
  readonly beforeListening?: () => Promise<void>;
  readonly onLog: (line: InvocationLog) => void;
  /** Remembers the timers' schedules from one start to the next; only as long as the process when absent. */
  readonly scheduleMonitor?: ScheduleMonitor;
  /** Takes errors of connections, locks and settlements, and of failed invocations. */
  readonly onError: (functionName: string, message: string) => void;
  /**
   * Takes each message, redelivered ones too, and calls `run`: the function, whose error rejects. Runs it when absent.
   */
  readonly onMessage?: (
    functionName: string,
    message: ServiceBusReceivedMessage,
    run: () => Promise<void>,
  ) => Promise<void>;
}

/** A running host. */
export interface FunctionsHost {
  readonly functions: readonly FunctionDescription[];
  readonly httpPort: number;
  /**
   * Stops receiving, waits for running functions up to the limit, and closes. Resolves to whether all ended in time.
   */
  stop(limitMs: number): Promise<boolean>;
}

/**
 * Loads the app and starts its triggers. Resolves when HTTP is served; receivers connect and reconnect in the
 * background.
 *
 * @throws ConfigError when the app, host.json or a setting is missing or malformed
 */
export async function startFunctionsHost(options: HostOptions): Promise<FunctionsHost> {
  const { directory, settings, httpPort, onLog, onError, onMessage = (_name, _message, run) => run() } = options;
  const hostJson = await readHostJson(directory, settings);
  const disabled = disabledFunctions(settings);
  const triggers = new Map<string, ServiceBusTrigger>();
  // For the app's health endpoint, which cannot know it otherwise. A function, since start hooks run before triggers
  // exist.
  const troubles = () => [...triggers].map(([name, { trouble }]) => ({ name, trouble }));
  const app = await loadApp(directory, { triggers: troubles });
  const { routePrefix } = hostJson.extensions.http;
  app.registry.onLog = (level, category, message) =>
    onLog({ level, category, message, functionName: 'host', invocationId: '' });

  const run = (registered: RegisteredFunction, request: InvocationRequest): Promise<InvocationResponse> =>
    invoke(app, registered, { request, onLog });
  const registered = [...app.registry.functions.values()].map((one) => ({ ...one, binding: triggerOf(one) }));
  const isDisabled = (name: string): boolean => disabled.has(name.toLowerCase());
  const enabled = registered.filter(({ metadata }) => !isDisabled(metadata.name));
  for (const name of disabled) {
    if (registered.some(({ metadata }) => metadata.name.toLowerCase() === name)) continue;
    onError('host', `the setting AzureWebJobs.${name}.Disabled names no function of this app`);
  }
  const withHttp = enabled.filter(({ binding }) => isType(binding, 'httpTrigger'));
  const withServiceBus = enabled.filter(({ binding }) => isType(binding, 'serviceBusTrigger'));
  const withTimer = enabled.filter(({ binding }) => isType(binding, 'timerTrigger'));

  const http = new HttpTriggers(
    withHttp.map((one) => ({
      name: one.metadata.name,
      binding: one.binding,
      run: (request) =>
        run(one, request).catch((error: unknown) => {
          onError(one.metadata.name, error instanceof Error ? (error.stack ?? error.message) : String(error));
          throw error;
        }),
    })),
    routePrefix,
  );
  const connectors = await connectorsOf(
    withServiceBus.map(({ binding }) => connectionOf(binding)),
    settings,
    hostJson,
  );
  const sources = withServiceBus.map(({ metadata, binding }) => sourceOf(metadata.name, binding, settings));
  const { scheduleMonitor: monitor = new MemoryScheduleMonitor() } = options;
  const timers = withTimer.map((one) => {
    const { name: functionName } = one.metadata;
    return new TimerTrigger({
      ...{ functionName, binding: one.binding, settings, monitor, functionTimeout: hostJson.functionTimeout },
      onError: (message) => onError(functionName, message),
      run: (request) => run(one, request),
    });
  });
  await options.beforeListening?.();
  const port = await http.listen(httpPort);

  for (const [index, one] of withServiceBus.entries()) {
    const { metadata, binding } = one;
    const connect = connectors.get(connectionOf(binding));
    const source = sources[index];
    if (!connect || !source) continue;
    const trigger = new ServiceBusTrigger({
      connect,
      source,
      binding,
      settings: hostJson.extensions.serviceBus,
      functionTimeout: hostJson.functionTimeout,
      onError: (message) => onError(metadata.name, message),
      retry: metadata.retryOptions,
      run: (request, messages) => {
        const call = async (): Promise<void> => void (await run(one, request));
        return messages.reduceRight((inner, message) => () => onMessage(metadata.name, message, inner), call)();
      },
    });
    triggers.set(metadata.name, trigger);
  }
  for (const timer of timers) await timer.start();

  return {
    functions: registered.map(({ metadata: { name }, binding }) => {
      const described = describe(name, binding, settings, routePrefix);
      return isDisabled(name) ? { ...described, source: `${described.source} (disabled)` } : described;
    }),
    httpPort: port,
    stop: (limitMs) => stop({ app, http, triggers: [...triggers.values(), ...timers] }, limitMs),
  };
}

interface Running {
  readonly app: FunctionsApp;
  readonly http: HttpTriggers;
  readonly triggers: readonly (ServiceBusTrigger | TimerTrigger)[];
}

async function stop({ app, http, triggers }: Running, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  const drained = Promise.allSettled([http.stop(), ...triggers.map((trigger) => trigger.stop())])
    .then(() => runHooks(app, 'appTerminate', {}))
    .then(() => true);
  const isClean = await Promise.race([drained, limit]);
  clearTimeout(timer);
  return isClean;
}

function triggerOf({ metadata }: RegisteredFunction): Binding & { readonly name: string } {
  const found = Object.entries(metadata.bindings).find(([, { type }]) => /trigger$/i.test(type));
  // The library registers no function without a trigger.
  if (!found) throw new TypeError(`${metadata.name} has no trigger`);
  return { ...found[1], name: found[0] };
}

function isType({ type }: Binding, expected: string): boolean {
  return type.toLowerCase() === expected.toLowerCase();
}

function connectionOf(binding: Binding): string {
  return typeof binding['connection'] === 'string' ? binding['connection'] : '';
}

async function connectorsOf(
  names: readonly string[],
  settings: HostSettings,
  hostJson: HostJson,
): Promise<Map<string, () => ServiceBusClient>> {
  const connectors = new Map<string, () => ServiceBusClient>();
  for (const name of new Set(names)) {
    connectors.set(name, await connector(name, settings, hostJson.extensions.serviceBus.clientRetryOptions.tryTimeout));
  }
  return connectors;
}

function describe(
  name: string,
  binding: Binding & { readonly name: string },
  settings: HostSettings,
  routePrefix: string,
): FunctionDescription {
  if (isType(binding, 'httpTrigger')) {
    const source = `${methodsOf(binding).join(', ')} /${httpPathOf({ name, binding }, routePrefix)}`;
    return { name, trigger: 'http', source };
  }
  if (isType(binding, 'serviceBusTrigger')) {
    const { topic, subscription, queue } = sourceOf(name, binding, settings);
    return { name, trigger: 'service-bus', source: queue ?? `${topic}/${subscription}` };
  }
  if (isType(binding, 'timerTrigger')) {
    return { name, trigger: 'timer', source: resolveNames(String(binding['schedule']), settings) };
  }
  return { name, trigger: 'unsupported', source: `${binding.type} is not run by the local host` };
}
