/** Gathers the frames that a connection writes in one turn into few buffers, and writes them with one call. */
import type { Duplex } from 'node:stream';
import { Writer } from '../codec/writer.ts';

export const FRAME_AMQP = 0;

const FRAME_HEADER = 8;
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
  readonly #writer = new Writer(0);
  #slab: Slab = { buffer: this.#writer.buffer, writes: 0 };
  /** Kept for reuse: allocating memory outside the heap makes the garbage collector run. */
  #spare: Slab | undefined;
  /** Where the bytes begin that the socket was not given yet. */
  #start = 0;
  /** Where the last whole frame ends. */
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

  /**
   * Begins a frame, straight in the memory that the socket sends: the caller writes performative and payload, and then
   * calls `end`. A frame that is not ended is not sent.
   *
   * @param size about how many bytes the caller writes; more are allowed, but slow
   */
  begin(type: number, channel: number, size: number): Writer {
    this.#claim(FRAME_HEADER + size);
    const writer = this.#writer;
    const at = writer.claim(FRAME_HEADER);
    const { buffer } = writer;
    buffer[at + 4] = 2;
    buffer[at + 5] = type;
    buffer[at + 6] = channel >>> 8;
    buffer[at + 7] = channel;
    return writer;
  }

  /** The bytes of the frame that was begun. */
  get frameSize(): number {
    return this.#writer.position - this.#end;
  }

  /** Ends the frame. A delivery is hurried; other frames are gathered until the turn ends. */
  end(isDelivery: boolean): void {
    this.#writer.putUint32(this.#end, this.frameSize);
    this.#add();
    if (isDelivery) this.#hurry();
  }

  /** Writes a whole frame. */
  frame(type: number, channel: number, performative: Buffer): void {
    this.begin(type, channel, performative.length).bytes(performative);
    this.end(false);
  }

  /** Writes a protocol header. */
  raw(bytes: Buffer): void {
    this.#claim(bytes.length);
    this.#writer.bytes(bytes);
    this.#add();
  }

  flush(): void {
    if (this.#socket.destroyed) return;
    this.#beforeFlush();
    this.#scheduled = false;
    this.#hurried = false;
    this.#write();
    this.#thisTurn = 0;
  }

  /** Makes room behind the last whole frame, in the next slab when this one is full. */
  #claim(size: number): void {
    const writer = this.#writer;
    if (this.#end + size > writer.buffer.length) {
      this.#write();
      this.#slab = this.#next(size);
      writer.use(this.#slab.buffer);
      this.#start = 0;
      this.#end = 0;
    }
    writer.position = this.#end;
  }

  /** Makes what was written part of what is sent. */
  #add(): void {
    const { buffer, position } = this.#writer;
    // It outgrew its slab and took the frames before it along.
    if (buffer !== this.#slab.buffer) this.#slab = { buffer, writes: 0 };
    this.#thisTurn += position - this.#end;
    this.#end = position;
    this.schedule();
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
    const end = this.#end;
    if (end === this.#start) return;
    const slab = this.#slab;
    const chunk = slab.buffer.subarray(this.#start, end);
    this.#start = end;
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
