/** Collects the bytes of an incomplete frame in memory that is reused. */
export class Remainder {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** A view, valid until the next change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds the rest of a chunk. */
  keep(chunk: Buffer, from: number): void {
    if (from < chunk.length) this.fill(chunk, from, this.#length + chunk.length - from);
  }

  /** Adds bytes of a chunk until `size` bytes are kept. @returns the offset of the first byte that was not added */
  fill(chunk: Buffer, from: number, size: number): number {
    const count = Math.min(Math.max(0, size - this.#length), chunk.length - from);
    if (this.#length + count > this.#buffer.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(size, this.#buffer.length * 2));
      this.#buffer.copy(bigger, 0, 0, this.#length);
      this.#buffer = bigger;
    }
    chunk.copy(this.#buffer, this.#length, from, from + count);
    this.#length += count;
    return from + count;
  }

  clear(): void {
    this.#length = 0;
  }
}
