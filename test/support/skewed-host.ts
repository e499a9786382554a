/** A host whose clock is off, and the store that it asks: the answers bear the date of a clock that is right. */
import { CorrectedClock } from '../../shared/adapters/clock-correction.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { StateStore } from '../../shared/ports/state.ts';

export interface SkewedHost {
  /** As `ports.clock` of the host: corrected. */
  readonly clock: CorrectedClock;
  /** The store as the host sees it. */
  readonly state: StateStore;
}

/** @param aheadMs how far the host's clock is ahead; below 0 it is behind */
export function skewedHost(right: Clock, state: StateStore, aheadMs: number): SkewedHost {
  const clock = new CorrectedClock({ now: () => right.now() + aheadMs });
  const date = (): string => new Date(right.now()).toUTCString();
  const dated = new Proxy(state, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function' || name === 'query') return method;
      return (...args: unknown[]) => clock.observe(async () => Reflect.apply(method, target, args), date);
    },
  });
  return { clock, state: dated };
}
