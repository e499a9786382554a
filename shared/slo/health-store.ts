/** Where the health of each service is kept: one document a service. */
import type { StateStore } from '../ports/state.ts';
import { updateDocument } from '../update-document.ts';
import { withKeyLock } from './key-lock.ts';
import type { ServiceHealth } from './service-health.ts';

/** The partition; by service. */
export const SERVICES = 'services';

export async function healthOf(state: StateStore, service: string): Promise<ServiceHealth | undefined> {
  return (await state.get<ServiceHealth>(SERVICES, service))?.value;
}

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
