/** A clock that runs faster than real time and can jump, to show in seconds what takes weeks. */
import type { EventBus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';

export class SpedUpClock implements Clock {
  readonly #speed: number;
  readonly #startedAt = performance.now();
  #base: number;

  /** @param speed seconds of this clock in a second */
  constructor(start: number, speed: number) {
    this.#base = start;
    this.#speed = speed;
  }

  now(): number {
    return Math.floor(this.#base + (performance.now() - this.#startedAt) * this.#speed);
  }

  jump(ms: number): void {
    this.#base += ms;
  }

  /** Real milliseconds until a time of this clock, unless it jumps before. */
  untilMs(time: number): number {
    return Math.max(0, (time - this.now()) / this.#speed);
  }

  /** The bus for handlers on this clock: what they schedule is delivered when it is due by this clock. */
  speedUp(bus: EventBus): EventBus {
    const schedule: EventBus['schedule'] = (redelivery) =>
      bus.schedule({ ...redelivery, at: Date.now() + this.untilMs(redelivery.at) });
    return new Proxy(bus, {
      get: (target, name) => {
        if (name === 'schedule') return schedule;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }
}
