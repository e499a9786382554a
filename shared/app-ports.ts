/** The ports that every function of this process uses: given by a host or a test, or else made when first needed. */
import { app } from '@azure/functions';
import { type StopTelemetry, startTelemetry } from './adapters/opentelemetry/start.ts';
import type { DeliveryOptions } from './delivery/deliver.ts';
import { describeError } from './describe-error.ts';
import { type InvocationLogger, invocationLog } from './invocation-log.ts';
import type { Ports } from './ports/handler.ts';
import type { Log } from './ports/log.ts';
import type { HistoryLimits } from './settings.ts';
import { warningsOf } from './slo/config-warnings.ts';
import { tracedPorts } from './telemetry/traced-ports.ts';

/** What messages and requests are served with. */
export interface AppPorts {
  /** The ports for one invocation: they are the same each time, but for what they log to. */
  readonly portsFor: (log: Log) => Ports;
  readonly options: DeliveryOptions;
  readonly historyLimits: HistoryLimits;
}

/** What one invocation is served with. */
export interface InvocationPorts extends Omit<AppPorts, 'portsFor'> {
  readonly ports: Ports;
}

/** What the app says when it starts in Azure with function keys. */
const KEYS_WARNING =
  'HttpAuth=keys: whoever has a function key may do everything over HTTP; HttpAuth=tokens gives rights one by one';

let given: AppPorts | undefined;
let live: Promise<AppPorts> | undefined;
let hasHooks = false;
let stopTelemetry: StopTelemetry | undefined;
let triggers: Ports['triggers'];

/** Serves every function of this process with these ports from now on; undefined returns to the live ones. */
export function usePorts(ports: AppPorts | undefined): void {
  given = ports;
}

/** @throws ConfigError naming every setting that is wrong */
export async function appPorts(context: InvocationLogger): Promise<InvocationPorts> {
  const { portsFor, options, historyLimits } = given ?? (await livePorts());
  const ports = portsFor(invocationLog(context));
  return { ports: stopTelemetry ? tracedPorts(ports) : ports, options, historyLimits };
}

async function livePorts(): Promise<AppPorts> {
  // Loaded when first needed, so that a cold start loads no SDK.
  live ??= import('./adapters/live.ts').then(({ createLivePorts }) => createLivePorts(process.env));
  try {
    return await live;
  } catch (error) {
    live = undefined;
    throw error;
  }
}

/** As `Ports.triggers`. */
export function triggersOfHost(): Ports['triggers'] {
  return triggers;
}

/**
 * Has the settings checked when the app starts, so that a wrong one stops the app and not a message; and has telemetry
 * sent, if it is configured, from then on until the app ends.
 */
export function checkSettingsAtStart(): void {
  if (hasHooks) return;
  hasHooks = true;
  app.hook.appStart(async ({ hookData }) => {
    // The local host puts it there; the real one puts nothing there.
    triggers = hookData['triggers'] as Ports['triggers'];
    try {
      if (!given) {
        // Schemas take longer to make than all else of a file to load: here, and not where functions are registered.
        const { readSettings } = await import('./settings.ts');
        const { config, httpAuth } = readSettings(process.env);
        // The word "error" in such a line would make it one for the host, see below.
        for (const warning of warningsOf(config)) console.warn(`warning: ${warning}`);
        // On a laptop the host checks nothing, and only this machine can ask.
        if (httpAuth === 'keys' && process.env['WEBSITE_SITE_NAME']) console.warn(`warning: ${KEYS_WARNING}`);
      }
      stopTelemetry = await startTelemetry(process.env);
    } catch (error) {
      // The Functions host logs at Debug what a hook throws, and then says that there are no functions. It shows a line of
      // stderr as an Error when it holds this word, and each line as a record of its own.
      const message = describeError(error);
      console.error(`error: the app cannot start: ${message.replace(/\s*[\r\n]+\s*/g, ' ')}`);
      throw error;
    }
  });
  app.hook.appTerminate(() => stopTelemetry?.());
}
