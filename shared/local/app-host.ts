/** The app on the local Functions host, with what `npm start` wants to know of it: every event as it arrives. */
import { createLivePorts } from '../adapters/live.ts';
import { readRecord } from '../delivery/event-record.ts';
import { catalog, type PlatformEvent } from '../events/catalog.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { eventKey } from '../events/identity.ts';
import { usePorts } from '../on-event.ts';
import { warningsOf } from '../slo/config-warnings.ts';
import { type FunctionDescription, startFunctionsHost } from './functions-host/functions-host.ts';
import { hostOutput } from './host-output.ts';
import type { ArrivedEvent } from './start-output.ts';

export interface AppHostOptions {
  /** The app's directory, with package.json, host.json and the files of `main`. */
  readonly directory: string;
  /** 0 takes any free one. */
  readonly httpPort: number;
  readonly isVerbose: boolean;
  readonly isJson: boolean;
}

/** The app that runs. */
export interface AppHost {
  readonly functions: readonly FunctionDescription[];
  readonly httpPort: number;
  /** What is wrong in the configuration, and no reason not to start. */
  readonly warnings: readonly string[];
  publish(event: PlatformEvent): Promise<void>;
  /** Waits for running functions, up to the limit. */
  stop(limitMs: number): Promise<void>;
}

/**
 * Starts the app with the settings of the environment. Works once: changed code is another build, with modules of its own.
 *
 * @param onEvent takes each event that arrives at its function, redelivered ones too
 * @param beforeListening is awaited when the app is loaded, and its settings and configuration are good
 * @throws ConfigError
 */
export async function startAppHost(
  { directory, httpPort, isVerbose, isJson }: AppHostOptions,
  onEvent: (event: ArrivedEvent) => void,
  beforeListening = async (): Promise<void> => {},
): Promise<AppHost> {
  const live = await createLivePorts(process.env);
  usePorts(live);
  const host = await startFunctionsHost({
    ...{ directory, httpPort, settings: process.env, beforeListening },
    ...hostOutput({ from: 'warning', isVerbose, isJson }),
    onMessage: async (name, { body }, run) => {
      const event = eventIn(body);
      if (event && !isFact(event)) onEvent(event);
      await run();
      // A fact that nothing expected has no record, and is not shown as if it were true.
      if (event && isFact(event) && (await readRecord(live.state, name, event.key))) onEvent(event);
    },
  });
  return {
    functions: host.functions,
    httpPort: host.httpPort,
    warnings: [...warningsOf(live.config)],
    publish: (event) => live.publisher.publish(event),
    stop: async (limitMs) => {
      await host.stop(limitMs);
      await live.close();
    },
  };
}

/** The parts of the event in a message that a line on the terminal shows. */
function eventIn(body: unknown): ArrivedEvent | undefined {
  try {
    const event: unknown = JSON.parse(body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body));
    if (typeof event !== 'object' || event === null) return undefined;
    const { id, source, type, subject, correlationid, data } = event as Partial<Record<keyof CloudEvent, unknown>>;
    if (typeof id !== 'string' || typeof source !== 'string' || typeof type !== 'string') return undefined;
    return {
      key: eventKey({ source, id }),
      id,
      source,
      type,
      correlationid: correlationid === undefined ? eventKey({ source, id }) : String(correlationid),
      subject: subject === undefined ? '' : String(subject),
      data,
    };
  } catch {
    return undefined;
  }
}

/** Whether an event says what this app alone can know. */
function isFact({ type }: ArrivedEvent): boolean {
  return catalog.get(type)?.definition.sender === 'app';
}
