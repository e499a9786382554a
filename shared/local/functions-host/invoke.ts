/** Invokes a function in the order of the real worker: arguments, hooks, handler, hooks, response. */
import { randomUUID } from 'node:crypto';
import { type FunctionsApp, runHooks } from './app.ts';
import type {
  CoreInvocationContext,
  FunctionCallback,
  InvocationRequest,
  InvocationResponse,
  LogCategory,
  LogLevel,
  RegisteredFunction,
} from './core-module.ts';

/** A line that a function or the library logged. */
export interface InvocationLog {
  readonly level: LogLevel;
  readonly category: LogCategory;
  readonly functionName: string;
  readonly invocationId: string;
  readonly message: string;
}

interface InvokeOptions {
  readonly request: InvocationRequest;
  readonly onLog: (line: InvocationLog) => void;
}

/**
 * Runs a function and returns its outputs.
 *
 * @throws the error of the handler or of a hook
 */
export async function invoke(
  app: FunctionsApp,
  { metadata, callback }: RegisteredFunction,
  { request, onLog }: InvokeOptions,
): Promise<InvocationResponse> {
  const invocationId = randomUUID();
  const core: CoreInvocationContext = {
    invocationId,
    metadata,
    request,
    log: (level, category, message) => {
      const hooked = { level, category, message, invocationContext: context };
      // Log hooks may change the line. As in the worker, their promises are not awaited.
      void runHooks(app, 'log', hooked);
      onLog({ ...hooked, functionName: metadata.name, invocationId });
    },
  };
  let context: unknown;
  const model = app.model.getInvocationModel(core);
  const { context: created, inputs } = await model.getArguments();
  context = created;

  const hookData = {};
  core.state = 'preInvocationHooks';
  const before = { hookData, invocationContext: context, functionCallback: callback, inputs };
  await runHooks(app, 'preInvocation', before);

  const after: Record<string, unknown> = { hookData, invocationContext: context, inputs: before.inputs };
  core.state = 'invocation';
  try {
    after['result'] = await model.invokeFunction(context, before.inputs, before.functionCallback as FunctionCallback);
  } catch (error) {
    after['error'] = error ?? new Error(`${metadata.name} failed with ${error}`);
  }
  core.state = 'postInvocationHooks';
  await runHooks(app, 'postInvocation', after);
  // A hook may change or clear the error.
  if (after['error']) throw after['error'];
  return model.getResponse(context, after['result']);
}

/** The trace context of an invocation. This host records no span of its own, so it hands on the sender's. */
export function traceContextOf(traceparent: unknown): { traceParent: string } {
  const isOne = typeof traceparent === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent);
  return { traceParent: isOne ? traceparent : '' };
}
