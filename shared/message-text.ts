/**
 * The text of a message in the place of what `@azure/functions` parses it to, where parsing would change a number. A binary
 * trigger would give the text too, but the Functions host then fails every message whose body is an AMQP value, as JMS
 * clients send it. So the library's programming model is wrapped, through the module that the worker has for such models.
 */
import { createRequire } from 'node:module';
import { hasLongNumbers } from './events/exact-numbers.ts';

/** What is used of `@azure/functions-core`, which exists in a worker alone. */
interface Core {
  getProgrammingModel?(): Model | undefined;
  setProgrammingModel(model: Model): void;
}

interface Model {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: Context): Invocation;
  getCapabilities(capabilities: unknown): Promise<unknown>;
}

interface Context {
  readonly metadata: { readonly bindings?: Readonly<Record<string, { readonly type?: string }>> };
  readonly request: { readonly inputData?: readonly { readonly name?: string; readonly data?: { string?: string } }[] };
}

interface Invocation {
  getArguments(): Promise<{ readonly context: unknown; readonly inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: unknown): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<unknown>;
}

let isWrapped = false;

/** Hands over the text from now on. It takes effect once the first function is registered; without a worker it has none. */
export function keepLongNumbers(): void {
  if (isWrapped) return;
  const core = coreModule();
  const model = core?.getProgrammingModel?.();
  if (!core || !model) return;
  isWrapped = true;
  core.setProgrammingModel({
    name: model.name,
    version: model.version,
    getCapabilities: (capabilities) => model.getCapabilities(capabilities),
    getInvocationModel: (context) => withText(model.getInvocationModel(context), longTextOf(context)),
  });
}

function coreModule(): Core | undefined {
  try {
    return createRequire(import.meta.url)('@azure/functions-core');
  } catch {
    return undefined;
  }
}

function longTextOf({ metadata, request }: Context): string | undefined {
  const [input, ...others] = request.inputData ?? [];
  const isMessage = metadata.bindings?.[input?.name ?? '']?.type === 'serviceBusTrigger' && others.length === 0;
  const text = input?.data?.string;
  return isMessage && typeof text === 'string' && hasLongNumbers(text) ? text : undefined;
}

function withText(invocation: Invocation, text: string | undefined): Invocation {
  if (text === undefined) return invocation;
  return {
    getArguments: async () => ({ ...(await invocation.getArguments()), inputs: [text] }),
    invokeFunction: (context, inputs, callback) => invocation.invokeFunction(context, inputs, callback),
    getResponse: (context, result) => invocation.getResponse(context, result),
  };
}
