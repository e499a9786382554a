/** Gathers the frames that a connection writes in one turn into few buffers, and writes them with one call. */
import type { Duplex } from 'node:stream';

const SMALLEST_SLAB = 4 * 1024;
const LARGEST_SLAB = 128 * 1024;
/** With more unsent bytes than this, a connection stops delivering messages and reading from its peer. */
const HIGH_WATER = 4 * 1024 * 1024;

/** Memory that frames are written into; reused once the socket has sent all of it. */
interface Slab {
  readonly buffer: Buffer;
  /** How many writes the socket has not completed. */
  writes: number;
}

export class Output {
  readonly #socket: Duplex;
  readonly #beforeFlush: () => void;
  #slab: Slab = { buffer: Buffer.alloc(0), writes: 0 };
  /** Kept for reuse: allocating memory outside the heap makes the garbage collector run. */
  #spare: Slab | undefined;
  #start = 0;
  #end = 0;
  #scheduled = false;
  #hurried = false;
  #thisTurn = 0;
  /** How often something was written; shows whether a heartbeat is needed. */
  writes = 0;

  /** @param beforeFlush writes frames that were held back to be merged */
  constructor(socket: Duplex, beforeFlush: () => void) {
    this.#socket = socket;
    this.#beforeFlush = beforeFlush;
  }

  /** False while too much is unsent, because the peer reads more slowly than we write. */
  get isWritable(): boolean {
    return this.#socket.writableLength < HIGH_WATER;
  }

  /** Makes `flush` run at the end of this turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /**
   * Makes `flush` run once the event at hand is dealt with, deliveries in microtasks included. At the end of the turn, a
   * receiver would have waited for all that other connections sent in it.
   */
  #hurry(): void {
    if (this.#hurried) return;
    this.#hurried = true;
    queueMicrotask(() => process.nextTick(() => this.flush()));
  }

  /** Writes one frame: header, performative, and a payload in up to two parts. All are copied. */
  frame(type: number, channel: number, performative: Buffer, head?: Buffer, tail?: Buffer): void {
    const size = 8 + performative.length + (head?.length ?? 0) + (tail?.length ?? 0);
    let at = this.#claim(size);
    const { buffer } = this.#slab;
    buffer.writeUInt32BE(size, at);
    buffer[at + 4] = 2;
    buffer[at + 5] = type;
    buffer.writeUInt16BE(channel, at + 6);
    at += 8;
    performative.copy(buffer, at);
    at += performative.length;
    if (head) {
      this.#hurry();
      head.copy(buffer, at);
      at += head.length;
    }
    tail?.copy(buffer, at);
  }

  /** Writes a protocol header. */
  raw(bytes: Buffer): void {
    const at = this.#claim(bytes.length);
    bytes.copy(this.#slab.buffer, at);
  }

  flush(): void {
    if (this.#socket.destroyed) return;
    this.#beforeFlush();
    this.#scheduled = false;
    this.#hurried = false;
    this.#write();
    this.#thisTurn = 0;
  }

  #claim(size: number): number {
    this.schedule();
    if (this.#end + size > this.#slab.buffer.length) {
      this.#write();
      this.#slab = this.#next(size);
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += size;
    this.#thisTurn += size;
    return at;
  }

  #next(size: number): Slab {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare && spare.buffer.length >= size) return spare;
    // A busy connection gets a large slab, a quiet one a small slab.
    const wanted = Math.min(LARGEST_SLAB, Math.max(SMALLEST_SLAB, this.#thisTurn * 2));
    return { buffer: Buffer.allocUnsafeSlow(Math.max(wanted, size)), writes: 0 };
  }

  #write(): void {
    if (this.#end === this.#start) return;
    const slab = this.#slab;
    const chunk = slab.buffer.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.writes++;
    if (!this.#socket.writable) return;
    slab.writes++;
    this.#socket.write(chunk, () => {
      if (--slab.writes > 0) return;
      if (slab !== this.#slab) this.#spare = slab;
      // Everything is sent: start again at the beginning.
      else if (this.#start === this.#end) {
        this.#start = 0;
        this.#end = 0;
      }
    });
  }
}
