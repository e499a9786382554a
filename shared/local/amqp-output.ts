/** What a connection has to say in one turn, gathered into few buffers and written with one call. */
import type { Socket } from 'node:net';

const SMALLEST_SLAB = 4 * 1024;
const LARGEST_SLAB = 128 * 1024;
/** So much may lie unsent before a connection stops delivering messages and listening to its peer. */
const HIGH_WATER = 4 * 1024 * 1024;

export class Output {
  readonly #socket: Socket;
  #slab = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #scheduled = false;
  #lastTurn = 0;
  readonly #beforeFlush: () => void;
  /** How often something was written; tells a heartbeat whether it is needed. */
  writes = 0;

  /** `beforeFlush` may write what it has held back for merging. */
  constructor(socket: Socket, beforeFlush: () => void) {
    this.#socket = socket;
    this.#beforeFlush = beforeFlush;
  }

  /** False while the peer reads more slowly than we write. */
  get isWritable(): boolean {
    return this.#socket.writableLength < HIGH_WATER;
  }

  /** Sees to it that `flush` runs at the end of this turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** One frame: header, performative, and a payload in up to two parts. All are copied. */
  frame(type: number, channel: number, performative: Buffer, head?: Buffer, tail?: Buffer): void {
    const size = 8 + performative.length + (head?.length ?? 0) + (tail?.length ?? 0);
    let at = this.#claim(size);
    const slab = this.#slab;
    slab.writeUInt32BE(size, at);
    slab[at + 4] = 2;
    slab[at + 5] = type;
    slab.writeUInt16BE(channel, at + 6);
    at += 8;
    performative.copy(slab, at);
    at += performative.length;
    if (head) {
      head.copy(slab, at);
      at += head.length;
    }
    tail?.copy(slab, at);
  }

  /** Bytes that are no frame: a protocol header. */
  raw(bytes: Buffer): void {
    const at = this.#claim(bytes.length);
    bytes.copy(this.#slab, at);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#socket.destroyed) return;
    this.#beforeFlush();
    this.#scheduled = false;
    this.#write();
    this.#lastTurn = 0;
  }

  #claim(size: number): number {
    this.schedule();
    if (this.#end + size > this.#slab.length) {
      this.#write();
      // A busy connection gets a large slab, an idle one does not keep it.
      const wanted = Math.min(LARGEST_SLAB, Math.max(SMALLEST_SLAB, this.#lastTurn * 2));
      this.#slab = Buffer.allocUnsafeSlow(Math.max(wanted, size));
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += size;
    this.#lastTurn += size;
    return at;
  }

  #write(): void {
    if (this.#end === this.#start) return;
    const chunk = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.writes++;
    if (this.#socket.writable) this.#socket.write(chunk);
  }
}
