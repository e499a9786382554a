/**
 * Remembers message ids for a while.
 *
 * @see https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection
 */

interface Seen {
  readonly id: string;
  readonly at: number;
}

/** The ids of one entity's window. It holds the ids inside the window alone; adding and forgetting one cost O(1). */
export class DuplicateWindow {
  readonly #ids = new Set<string>();
  /** In order of time. Those before `#first` are forgotten. */
  #order: Seen[] = [];
  #first = 0;

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Does nothing for an id inside the window: its time counts from when it first came. */
  add(id: string, now: number): void {
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.#order.push({ id, at: now });
  }

  /** Forgets the ids that came at that time or before. */
  forget(until: number): void {
    for (let seen = this.#order[this.#first]; seen && seen.at <= until; seen = this.#order[this.#first]) {
      this.#ids.delete(seen.id);
      this.#first++;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#first);
      this.#first = 0;
    }
  }

  /** When the oldest id came; `Infinity` when the window is empty. */
  get oldest(): number {
    return this.#order[this.#first]?.at ?? Number.POSITIVE_INFINITY;
  }
}
