/** Where the health of each service is kept: one document a service. */
import type { PlatformEvent } from '../events/catalog.ts';
import type { Expectation } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import { withKeyLock } from './key-lock.ts';
import { hasPublished, type ServiceHealth } from './service-health.ts';

/** The partition; by service. */
export const SERVICES = 'services';

export async function healthOf(state: StateStore, service: string): Promise<ServiceHealth | undefined> {
  return (await state.get<ServiceHealth>(SERVICES, service))?.value;
}

/** The health of every service that was heard of, by service. */
export async function allHealth(state: StateStore): Promise<ReadonlyMap<string, ServiceHealth>> {
  const found = new Map<string, ServiceHealth>();
  for await (const { key, value } of state.query<ServiceHealth>(SERVICES)) found.set(key, value);
  return found;
}

/** Of the facts that health checks publish: the health of the service remembers them. */
export const expectsFact: Expectation<Extract<PlatformEvent, { type: 'SLOViolation' | 'ErrorBudgetDepleted' }>> = {
  sharesReads: false,
  async foundInstead(event, state) {
    const { service } = event.data;
    const health = await healthOf(state, service);
    if (!health) return `no health check of '${service}' was counted`;
    return hasPublished(health, event) ? undefined : `no health check of '${service}' has led to it`;
  },
};

/**
 * Changes a service's health as `updateDocument` does, one change at a time within this process. `change` may run
 * several times.
 */
export async function changeHealth<Result extends ServiceHealth | undefined>(
  state: StateStore,
  service: string,
  change: (found: ServiceHealth | undefined) => Result,
): Promise<ServiceHealth | Result> {
  return withKeyLock(state, service, () =>
    updateDocument<ServiceHealth | Result>(state, SERVICES, service, (found) => change(found)),
  );
}
