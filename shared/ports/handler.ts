/**
 * What a handler may ask of the world. The contracts in this folder bind every implementation. Errors: a
 * `TransientError` is worth another attempt, a `PermanentError` is not.
 */
import type { PlatformConfig } from '../config.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { DataOf, EventDefinition } from '../events/cloud-event.ts';
import type { Callers } from './access.ts';
import type { DeadLetterQueue, Publisher } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Clusters } from './cluster.ts';
import type { Log } from './log.ts';
import type { Measurements } from './measurements.ts';
import type { Notifier } from './notifier.ts';
import type { StateStore } from './state.ts';

/** Everything that a composition root provides. */
export interface Ports {
  readonly publisher: Publisher;
  readonly deadLetterQueue: DeadLetterQueue;
  readonly state: StateStore;
  readonly clusters: Clusters;
  readonly measurements: Measurements;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly config: PlatformConfig;
  readonly log: Log;
  /** Who sends requests over HTTP, by their tokens; undefined where the host checks function keys instead. */
  readonly callers?: Callers | undefined;
  /**
   * The triggers of this process. Only the local Functions host tells: in Azure the instance that is asked need not be
   * the one that receives.
   */
  readonly triggers?: (() => readonly TriggerState[]) | undefined;
}

/** A function that receives events. */
export interface TriggerState {
  readonly name: string;
  /** Why it does not receive just now; undefined while it does. */
  readonly trouble: string | undefined;
}

/** What a handler gets: the ports, but for the bus, which it reaches by asking for events to be published. */
export interface HandlerPorts
  extends Omit<Ports, 'publisher' | 'deadLetterQueue' | 'measurements' | 'callers' | 'triggers'> {
  /**
   * Does not reject here, so that no work waits for a channel that is away: the run goes on, what it asks for is
   * published, and a run that finished is repeated until people are told. An entry in the errors queue says in the
   * end who was not.
   */
  readonly notifier: Notifier;
  /**
   * Asks for an event that follows from the one being handled. It is sent after the handler returned, with a derived
   * id; a run that throws publishes nothing.
   *
   * @throws InvalidEventError at once when the data does not fit
   */
  publish<Definition extends EventDefinition>(
    definition: Definition,
    data: DataOf<Definition>,
    options?: {
      /** Needed when one run publishes several events of one type; the same on every run. */
      key?: string;
      /** The chain it belongs to, when that is not the chain of the event being handled. */
      correlationid?: string;
    },
  ): void;
  /**
   * Whether this handler has completed an event, or did so long ago: its message changes nothing any more.
   *
   * @param eventKey of the event: its source and id
   */
  isCompleted(eventKey: string): Promise<boolean>;
}

/** Look again after a while: not a try, the handler's own deadline bounds it. */
export interface Requeue {
  readonly requeueAfterMs: number;
  /** Whether the next run notifies of the same again, so that a notification that failed is not lost with this one. */
  readonly notifiesAgain?: boolean;
}

/** @example return requeueAfter(2_000); */
export function requeueAfter(afterMs: number, options: Pick<Requeue, 'notifiesAgain'> = {}): Requeue {
  return { requeueAfterMs: afterMs, ...options };
}

/** Handles one event. May run several times for one event, also concurrently after a lost lease. */
export type Handler<Event extends PlatformEvent = PlatformEvent> = (
  event: Event,
  ports: HandlerPorts,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler with nothing more to say simply ends
) => Promise<Requeue | void>;

/** Whether a fact is one that this app has published. It is asked before the event is claimed. */
export interface Expectation<Event extends PlatformEvent = PlatformEvent> {
  /** What the stored state says instead, for people; undefined when it expects this very event. */
  foundInstead(event: Event, state: StateStore): Promise<string | undefined>;
  /**
   * Whether the handler goes on with what this has read, and reads nothing twice (`readOnce`). Not when it must see what
   * others write meanwhile.
   */
  readonly sharesReads: boolean;
}
