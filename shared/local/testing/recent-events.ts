/** The last events that were published, each event once, up to a capacity. */
import type { EventType, PlatformEvent } from '../../events/catalog.ts';

interface Recent {
  /** `eventKey` of the event. */
  readonly key: string;
  readonly type: string;
  readonly body: Uint8Array;
}

export class RecentEvents {
  readonly #capacity: number;
  /** A ring buffer: `#next` is the oldest event once it is full. */
  readonly #ring: Recent[] = [];
  readonly #keys = new Set<string>();
  #next = 0;

  constructor(capacity: number) {
    if (!(Number.isInteger(capacity) && capacity > 0))
      throw new RangeError(`expected a capacity from 1, got ${capacity}`);
    this.#capacity = capacity;
  }

  add(key: string, type: string, body: Uint8Array): void {
    if (this.#keys.has(key)) return;
    const oldest = this.#ring[this.#next];
    if (oldest) this.#keys.delete(oldest.key);
    this.#keys.add(key);
    this.#ring[this.#next] = { key, type, body };
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Copies, newest first. */
  list(type: EventType | undefined, limit = Number.POSITIVE_INFINITY): PlatformEvent[] {
    const found: PlatformEvent[] = [];
    for (let age = 1; age <= this.#ring.length && found.length < limit; age++) {
      const recent = this.#ring[(this.#next - age + this.#ring.length) % this.#ring.length];
      if (!recent || (type !== undefined && recent.type !== type)) continue;
      // The body was encoded from an event of the catalog.
      found.push(JSON.parse(Buffer.from(recent.body).toString()) as PlatformEvent);
    }
    return found;
  }
}
