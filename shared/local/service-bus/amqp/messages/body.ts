/** The sender's bytes of a message that came over AMQP, kept at the lowest cost while the message waits. */

/** Small messages share slabs of this size. That saves objects, and one message keeps no more than a slab in memory. */
const SLAB_SIZE = 32 * 1024;
const LARGEST_SHARING = 4 * 1024;
let slab = Buffer.alloc(0);
let slabUsed = 0;

export class AmqpBody {
  readonly #memory: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly durable: boolean;
  readonly priority: number | undefined;
  /** The sender's own annotations, encoded; those that the broker sets itself are left out. */
  readonly annotations: readonly Buffer[];
  /** Where the bare message has its absolute expiry time, of which the broker has the last word. */
  readonly expiryOffset: number | undefined;

  /** The bare message is copied. */
  constructor(
    bare: Buffer,
    durable: boolean,
    priority: number | undefined,
    annotations: readonly Buffer[],
    expiryOffset: number | undefined,
  ) {
    const { length } = bare;
    if (length > LARGEST_SHARING) {
      this.#memory = Buffer.from(bare);
      this.#start = 0;
    } else {
      if (slabUsed + length > slab.length) {
        slab = Buffer.allocUnsafeSlow(SLAB_SIZE);
        slabUsed = 0;
      }
      this.#memory = slab;
      this.#start = slabUsed;
      slabUsed += length;
      bare.copy(slab, this.#start);
    }
    this.#end = this.#start + length;
    this.durable = durable;
    this.priority = priority;
    this.annotations = annotations;
    this.expiryOffset = expiryOffset;
  }

  /** The length of the bare message. */
  get size(): number {
    return this.#end - this.#start;
  }

  /**
   * Properties, application properties, body and footer as they were sent. The view is created on demand, since another
   * object in every waiting message would cost the garbage collector time.
   */
  get bare(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }
}
