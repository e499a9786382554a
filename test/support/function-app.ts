/** The one Functions app of a test process: functions are registered through the real library, and invoked as the host does. */
import { startApp } from '../../shared/local/functions-host/app.ts';
import {
  type InvocationRequest,
  type InvocationResponse,
  installCoreModule,
} from '../../shared/local/functions-host/core-module.ts';
import { type InvocationLog, invoke } from '../../shared/local/functions-host/invoke.ts';

/** Registers with the real library, then starts the app. */
export async function functionApp(register: (app: typeof import('@azure/functions').app) => void): Promise<{
  /** The generated name of a function's trigger. */
  triggerOf(name: string): string;
  run(name: string, request: InvocationRequest): Promise<InvocationResponse>;
  logs: InvocationLog[];
}> {
  const registry = installCoreModule();
  const { app } = await import('@azure/functions');
  register(app);
  const started = await startApp('/app', registry);
  const logs: InvocationLog[] = [];
  const find = (name: string) => {
    const found = registry.functions.get(name);
    if (!found) throw new Error(`no function ${name}`);
    return found;
  };
  return {
    logs,
    triggerOf: (name) => Object.keys(find(name).metadata.bindings)[0] ?? '',
    run: (name, request) => invoke(started, find(name), { request, onLog: (line) => logs.push(line) }),
  };
}
