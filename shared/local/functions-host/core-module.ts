/**
 * The module `@azure/functions-core`. It exists only at run time, where the Functions worker answers `require` of that
 * name. `@azure/functions` passes every registration to it. It looks for the module once per process, and remembers the
 * result.
 */
import Module from 'node:module';

/** A value as the host sends it to the worker; exactly one member is set. */
export interface RpcTypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly stream?: Uint8Array;
  readonly int?: number;
  readonly double?: number;
  readonly http?: RpcHttpData;
  readonly collectionString?: { readonly string: readonly string[] };
  readonly collectionBytes?: { readonly bytes: readonly Uint8Array[] };
  readonly collectionSint64?: { readonly sint64: readonly unknown[] };
}

export interface RpcHttpData {
  readonly method?: string;
  readonly url?: string;
  readonly nullableHeaders?: Readonly<Record<string, { value: string }>>;
  readonly nullableQuery?: Readonly<Record<string, { value: string }>>;
  readonly nullableParams?: Readonly<Record<string, { value: string }>>;
  readonly body?: RpcTypedData | null;
  /** Present in responses only; a number as text. */
  readonly statusCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly RpcHttpCookie[];
}

export interface RpcHttpCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: { value: string };
  readonly path?: { value: string };
  readonly expires?: { value: { seconds?: number | null } };
  readonly secure?: { value: boolean };
  readonly httpOnly?: { value: boolean };
  readonly sameSite?: string;
  readonly maxAge?: { value: number };
}

/** A trigger, input or output, with the options of its extension. */
export type Binding = Readonly<Record<string, unknown>> & { readonly type: string; readonly direction: 'in' | 'out' };

/** A retry policy as the library registers it, its durations rounded to seconds. */
export interface RetryOptions {
  readonly retryStrategy?: string;
  readonly maxRetryCount?: number;
  readonly delayInterval?: { readonly seconds?: number };
  readonly minimumInterval?: { readonly seconds?: number };
  readonly maximumInterval?: { readonly seconds?: number };
}

/** Which attempt this is, for a function with a retry policy. */
export interface RetryContext {
  readonly retryCount: number;
  readonly maxRetryCount: number;
  /** The failure of the attempt before. */
  readonly exception?: { readonly message: string; readonly stackTrace: string };
}

interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly retryOptions?: RetryOptions | undefined;
}

export type FunctionCallback = (...args: unknown[]) => unknown;

export interface InvocationRequest {
  readonly inputData: readonly { readonly name: string; readonly data: RpcTypedData }[];
  readonly triggerMetadata: Readonly<Record<string, RpcTypedData>>;
  readonly traceContext: { readonly traceParent: string };
  readonly retryContext?: RetryContext;
}

export interface InvocationResponse {
  readonly returnValue?: RpcTypedData | null;
  readonly outputData?: readonly { readonly name: string; readonly data: RpcTypedData }[];
}

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';
export type LogCategory = 'user' | 'system' | 'customMetric';

/** What the programming model needs from the host for one invocation. */
export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly metadata: FunctionMetadata;
  readonly request: InvocationRequest;
  state?: 'preInvocationHooks' | 'invocation' | 'postInvocationHooks';
  log(level: LogLevel, category: LogCategory, message: string): void;
}

interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string>>;
}

const HOOK_NAMES = ['appStart', 'appTerminate', 'preInvocation', 'postInvocation', 'log'] as const;
export type HookName = (typeof HOOK_NAMES)[number];
/** The hooks of a name share one mutable context. */
type HookCallback = (context: Record<string, unknown>) => unknown;

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

/** Marks an error so that the library passes on its message. */
function systemError<E extends Error>(error: E): E {
  return Object.assign(error, { isAzureFunctionsSystemError: true });
}

/** The registrations of this process's app. */
export class Registry {
  readonly functions = new Map<string, RegisteredFunction>();
  readonly #hooks = new Map<HookName, Set<HookCallback>>();
  #model: ProgrammingModel | undefined;
  #isLocked = false;

  /** Takes system log lines; the host sets it. */
  onLog: (level: LogLevel, category: LogCategory, message: string) => void = () => {};

  get model(): ProgrammingModel | undefined {
    return this.#model;
  }

  /** No function can be registered after this. */
  lock(): void {
    this.#isLocked = true;
  }

  hooks(name: HookName): readonly HookCallback[] {
    return [...(this.#hooks.get(name) ?? [])];
  }

  /** The members that `@azure/functions` uses. */
  readonly module = {
    setProgrammingModel: (model: ProgrammingModel): void => {
      this.#model = model;
    },
    getProgrammingModel: (): ProgrammingModel | undefined => this.#model,
    registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback): void => {
      if (this.#isLocked) {
        throw systemError(new Error('A function can only be registered during app startup.'));
      }
      if (this.functions.has(metadata.name)) {
        throw systemError(new Error(`A function named "${metadata.name}" is already registered.`));
      }
      this.functions.set(metadata.name, { metadata, callback });
    },
    registerHook: (name: string, callback: HookCallback): { dispose(): void } => {
      const known = HOOK_NAMES.find((hook) => hook === name);
      if (!known) throw systemError(new RangeError(`Unrecognized hook "${name}"`));
      const callbacks = this.#hooks.get(known) ?? new Set();
      this.#hooks.set(known, callbacks.add(callback));
      return { dispose: () => void callbacks.delete(callback) };
    },
    log: (level: LogLevel, category: LogCategory, message: string): void => this.onLog(level, category, message),
    Disposable: class {
      readonly #onDispose: () => void;

      constructor(onDispose: () => void) {
        this.#onDispose = onDispose;
      }

      dispose(): void {
        this.#onDispose();
      }
    },
  };
}

let registry: Registry | undefined;

/**
 * Answers `require('@azure/functions-core')` from now on. Call it before the first `app.*` call of the process. One
 * process has one app, as with the real worker.
 */
export function installCoreModule(): Registry {
  if (registry) return registry;
  const installed = new Registry();
  const original = Module.prototype.require;
  Module.prototype.require = Object.assign(function (this: Module, id: string): unknown {
    return id === '@azure/functions-core' ? installed.module : original.call(this, id);
  }, original);
  registry = installed;
  return installed;
}
