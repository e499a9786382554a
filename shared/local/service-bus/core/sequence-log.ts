/**
 * Items by number. Numbers are appended in ascending order and removed in any order. Memory grows with the number of
 * items, not with the span of their numbers. Every operation costs O(log n).
 */

const CHUNK = 256;

/** Items in ascending order. A removed item leaves its number behind for the binary search. */
interface Chunk<T> {
  readonly numbers: number[];
  readonly items: (T | undefined)[];
  used: number;
}

export class SequenceLog<T> {
  readonly #chunks: Chunk<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number must be larger than all earlier ones. */
  append(number: number, item: T): void {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.numbers.length === CHUNK) {
      chunk = { numbers: [], items: [], used: 0 };
      this.#chunks.push(chunk);
    }
    chunk.numbers.push(number);
    chunk.items.push(item);
    chunk.used++;
    this.#size++;
  }

  get(number: number): T | undefined {
    const chunk = this.#chunks[this.#chunkOf(number)];
    return chunk && chunk.numbers[offsetOf(chunk, number)] === number
      ? chunk.items[offsetOf(chunk, number)]
      : undefined;
  }

  /** Does nothing for a number that is not held. */
  remove(number: number): void {
    const index = this.#chunkOf(number);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return;
    const offset = offsetOf(chunk, number);
    if (chunk.numbers[offset] !== number || chunk.items[offset] === undefined) return;
    chunk.items[offset] = undefined;
    this.#size--;
    if (--chunk.used === 0) this.#chunks.splice(index, 1);
  }

  /** Iterates in ascending order from a number on, including items that are appended meanwhile. */
  *from(number: number): Generator<T> {
    let next = number;
    for (;;) {
      // Looked up again each time, since chunks may have been removed meanwhile.
      const chunk = this.#chunks[this.#chunkOf(next)];
      if (chunk === undefined) return;
      for (let offset = offsetOf(chunk, next); offset < chunk.numbers.length; offset++) {
        const item = chunk.items[offset];
        if (item !== undefined) yield item;
      }
      next = (chunk.numbers.at(-1) ?? next) + 1;
    }
  }

  /** Index of the first chunk whose last number is not smaller than the number. */
  #chunkOf(number: number): number {
    const chunks = this.#chunks;
    const first = chunks[0];
    // Queues work at the two ends, so these are tried first.
    if (first === undefined || (first.numbers.at(-1) ?? 0) >= number) return 0;
    let low = 1;
    let high = chunks.length;
    if ((chunks[high - 1]?.numbers[0] ?? 0) <= number)
      return (chunks[high - 1]?.numbers.at(-1) ?? 0) >= number ? high - 1 : high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((chunks[middle]?.numbers.at(-1) ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Offset of the first number in the chunk that is not smaller than the number. */
function offsetOf<T>({ numbers }: Chunk<T>, number: number): number {
  // There is rarely a gap.
  const guess = number - (numbers[0] ?? 0);
  if (guess <= 0) return 0;
  if (numbers[guess] === number) return guess;
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
