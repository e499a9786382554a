/** What the broker keeps of a message that came over AMQP: the sender's bytes, at the least cost while it waits. */

/** Small messages share pieces of memory of this size: fewer objects, and no more kept than this by any one of them. */
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
  /** The sender's own annotations, encoded: those that the broker has no meaning for. */
  readonly annotations: readonly Buffer[];

  /** The bare message is copied. */
  constructor(bare: Buffer, durable: boolean, priority: number | undefined, annotations: readonly Buffer[]) {
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
  }

  /**
   * Properties, application properties, body and footer as they were sent. A view that is made when it is asked for:
   * one more object in every message that waits is work for the garbage collector.
   */
  get bare(): Buffer {
    return this.#memory.subarray(this.#start, this.#end);
  }
}
