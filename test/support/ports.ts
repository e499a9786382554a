/** Ports that record what a handler asked for, on a clock that stands still until told. */

import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { isCompleted } from '../../shared/delivery/event-record.ts';
import { NotFoundError } from '../../shared/errors.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { childEvent } from '../../shared/events/cloud-event.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Cluster, Clusters } from '../../shared/ports/cluster.ts';
import type { HandlerPorts } from '../../shared/ports/handler.ts';
import type { Log } from '../../shared/ports/log.ts';
import type { Notification } from '../../shared/ports/notifier.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import { subscriptionOf } from '../../shared/topology.ts';

/** A clock that moves when `advance` is called. */
export class FixedClock implements Clock {
  #now: number;

  constructor(now: string | number = '2026-03-01T12:00:00Z') {
    this.#now = typeof now === 'number' ? now : Date.parse(now);
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = [];

  info(message: string, fields = {}): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(message: string, fields = {}): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(message: string, fields = {}): void {
    this.lines.push({ level: 'error', message, fields });
  }
}

export interface RecordingPorts extends HandlerPorts {
  readonly clock: FixedClock;
  readonly log: RecordingLog;
  /** The events that the handler under test asked for, as the delivery would send them. */
  readonly published: PlatformEvent[];
  readonly notifications: Notification[];
}

export interface RecordingOptions {
  /** The event being handled; its children derive from it. */
  readonly handling: PlatformEvent;
  readonly state?: StateStore;
  /** One cluster, known as `default`; or several by name. */
  readonly cluster?: Cluster;
  readonly clusters?: Clusters;
  /** As in `platform.config.json`. */
  readonly config?: unknown;
  readonly clock?: FixedClock;
}

/**
 * Ports for one run of a handler. Pass the same `state`, `cluster` and `clock` to a second call for a redelivery.
 *
 * @example
 * const ports = recordingPorts({ handling: event });
 * await handle(event, ports);
 * expect(ports.published).toMatchObject([{ type: 'DeploymentStarted' }]);
 */
export function recordingPorts(options: RecordingOptions): RecordingPorts {
  const { handling, cluster, clock = new FixedClock(), state = new MemoryStateStore() } = options;
  const published: PlatformEvent[] = [];
  const notifications: Notification[] = [];
  return {
    clock,
    state,
    config: parseConfig(options.config ?? {}, 'test configuration'),
    clusters: options.clusters ?? clustersOf(cluster ? { default: cluster } : {}),
    notifier: { notify: async (notification) => void notifications.push(notification) },
    log: new RecordingLog(),
    published,
    notifications,
    isCompleted: (key) => isCompleted(state, subscriptionOf(handling.type), key),
    publish: publishing(handling, clock, published),
  };
}

/** Collects what the handler of an event asks for, as the delivery would send it. */
export function publishing(handling: PlatformEvent, clock: Clock, published: PlatformEvent[]): HandlerPorts['publish'] {
  return (definition, data, { key, correlationid } = {}) => {
    const time = new Date(clock.now()).toISOString();
    const handler = subscriptionOf(handling.type);
    const event = childEvent(handling, definition, { handler, data, time, key, correlationid });
    // Definitions come from the catalog, so the child is one of its events.
    published.push(event as unknown as PlatformEvent);
  };
}

/** Clusters by name. */
export function clustersOf(byName: Readonly<Record<string, Cluster>>): Clusters {
  return {
    names: Object.keys(byName),
    get: (name = 'default') => {
      const found = byName[name];
      if (!found) throw new NotFoundError(`unknown cluster '${name}'; known: ${Object.keys(byName).join(', ')}`);
      return found;
    },
  };
}
