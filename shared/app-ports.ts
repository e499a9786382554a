/** The ports that every function of this process uses: given by a host or a test, or else made when first needed. */
import { app } from '@azure/functions';
import type { DeliveryOptions } from './delivery/deliver.ts';
import { describeError } from './describe-error.ts';
import type { Ports } from './ports/handler.ts';
import type { HistoryLimits } from './settings.ts';
import { readSettings } from './settings.ts';
import { warningsOf } from './slo/config-warnings.ts';

/** What a message or a request is served with. */
export interface AppPorts {
  readonly ports: Ports;
  readonly options: DeliveryOptions;
  readonly historyLimits: HistoryLimits;
}

let given: AppPorts | undefined;
let live: Promise<AppPorts> | undefined;
let isChecked = false;
let triggers: Ports['triggers'];

/** Serves every function of this process with these ports from now on; undefined returns to the live ones. */
export function usePorts(ports: AppPorts | undefined): void {
  given = ports;
}

/** @throws ConfigError naming every setting that is wrong */
export async function appPorts(): Promise<AppPorts> {
  if (given) return given;
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

/** Has the settings checked when the app starts, so that a wrong one stops the app and not a message. */
export function checkSettingsAtStart(): void {
  if (isChecked) return;
  isChecked = true;
  app.hook.appStart(({ hookData }) => {
    // The local host puts it there; the real one puts nothing there.
    triggers = hookData['triggers'] as Ports['triggers'];
    if (given) return;
    try {
      // The word "error" in such a line would make it one for the host, see below.
      for (const warning of warningsOf(readSettings(process.env).config)) console.warn(`warning: ${warning}`);
    } catch (error) {
      // The Functions host logs at Debug what a hook throws, and then says that there are no functions. It shows a line of
      // stderr as an Error when it holds this word, and each line as a record of its own.
      const message = describeError(error);
      console.error(`error: the app cannot start: ${message.replace(/\s*[\r\n]+\s*/g, ' ')}`);
      throw error;
    }
  });
}
