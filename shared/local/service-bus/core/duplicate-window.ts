/** Remembers message ids for a while. @see https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection */

interface Seen {
  readonly id: string;
  readonly at: number;
}

/** The ids of one entity's window. Memory follows the ids inside the window; each costs O(1) coming and going. */
export class DuplicateWindow {
  readonly #ids = new Set<string>();
  /** In order of time; those before `#first` are gone. */
  #order: Seen[] = [];
  #first = 0;

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** An id that is already inside the window is not remembered anew: its window began when it first came. */
  add(id: string, now: number): void {
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.#order.push({ id, at: now });
  }

  /** Forgets what came at that time or before. */
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

  /** When the oldest came; `Infinity` when there is none. */
  get oldest(): number {
    return this.#order[this.#first]?.at ?? Number.POSITIVE_INFINITY;
  }
}
