/** Health checks of one service with one objective, and what its handler makes of them. */
import { handle } from '../../functions/platform/health-check.ts';
import { type EventRecord, recordKey, recordPartition } from '../../shared/delivery/event-record.ts';
import { type EventOf, newEvent } from '../../shared/events/cloud-event.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import type { Counts, Window } from '../../shared/slo/burn-rate.ts';
import type { FreezeCause } from '../../shared/slo/freezes.ts';
import { SERVICES } from '../../shared/slo/health-store.ts';
import type { ServiceHealth } from '../../shared/slo/service-health.ts';
import { contents, type World } from './deaths.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from './ports.ts';

export const MINUTE: number = 60_000;
export const HOUR: number = 60 * MINUTE;
export const DAY: number = 24 * HOUR;
export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const config = { services: [{ name: 'checkout', team: 'shop', objectives: [{ target: 0.99 }] }] };

export function check(
  good: number,
  total: number,
  time: number | string = NOW,
  id?: string,
): EventOf<typeof HealthCheck> {
  const at = typeof time === 'number' ? new Date(time).toISOString() : time;
  const data = { service: 'checkout', good, total };
  return newEvent(HealthCheck, { source: '/probe', time: at, data, ...(id !== undefined && { id }) });
}

interface Options {
  readonly state?: StateStore;
  readonly clock?: FixedClock;
  readonly config?: unknown;
}

export async function deliver(event: EventOf<typeof HealthCheck>, options: Options = {}): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, config, clock: new FixedClock(NOW), ...options });
  await handle(event, ports);
  return ports;
}

/** Says of a check how far its delivery has come. */
export async function record(state: StateStore, id: string, status: EventRecord['status']): Promise<void> {
  const key = recordKey('health-check', eventKey({ source: '/probe', id }));
  await state.put(recordPartition(key), key, { status }, '*');
}

export async function healthOf(state: StateStore): Promise<ServiceHealth> {
  const stored = await state.get<ServiceHealth>(SERVICES, 'checkout');
  if (!stored) throw new Error('nothing is stored');
  return stored.value;
}

/** The counts of the one objective. */
export async function countsOf(state: StateStore, window: Window): Promise<Counts | undefined> {
  return (await healthOf(state)).objectives[0]?.buckets.sums[window];
}

/** A freeze for the budget that a check spent. */
export function causeOf({ time, ...check }: EventOf<typeof HealthCheck>): FreezeCause {
  const everywhere = { clusters: ['*'], namespaces: ['*'] };
  const episode = eventKey(check);
  return { slo: 'availability', since: time, reason: 'spent', windowMs: 30 * DAY, episode, ...everywhere };
}

export const look = ({ state }: World): Promise<unknown> => contents(state, SERVICES, 'freezes');
