/** A client that says on the wire exactly what a test tells it to, for what no SDK can be made to do. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Performative, readPerformative } from '../../shared/local/service-bus/amqp/codec/frames.ts';
import { type AmqpValue, Described, ulong } from '../../shared/local/service-bus/amqp/codec/types.ts';
import { Writer } from '../../shared/local/service-bus/amqp/codec/writer.ts';

export const AMQP_HEADER = Buffer.from('AMQP\0\x01\0\0', 'latin1');
export const SASL_HEADER = Buffer.from('AMQP\x03\x01\0\0', 'latin1');

/** A frame: a performative by its code, its fields, and a payload. Type 1 is SASL. */
export function frame(
  code: number,
  fields: readonly AmqpValue[],
  options: { channel?: number; type?: number; payload?: Buffer } = {},
): Buffer {
  const { channel = 0, type = 0, payload = Buffer.alloc(0) } = options;
  const writer = new Writer();
  writer.value(new Described(ulong(code), fields));
  const body = writer.copy();
  const header = Buffer.from([0, 0, 0, 0, 2, type, 0, 0]);
  header.writeUInt32BE(8 + body.length + payload.length, 0);
  header.writeUInt16BE(channel, 6);
  return Buffer.concat([header, body, payload]);
}

export interface ReceivedFrame extends Performative {
  readonly channel: number;
  readonly payload: Buffer;
}

export class RawClient {
  readonly socket: Socket;
  /** Protocol headers as `header <id>`, empty frames as `heartbeat`, everything else as it was read. */
  readonly received: (ReceivedFrame | string)[] = [];
  #rest = Buffer.alloc(0);
  #isClosed = false;
  #changed: () => void = () => {};

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => this.#onData(chunk));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#isClosed = true;
      this.#changed();
    });
  }

  /** Connected, with an open frame sent and answered. */
  static async open(port: number, { idleMs }: { idleMs?: number } = {}): Promise<RawClient> {
    const client = new RawClient(port);
    client.write(AMQP_HEADER, frame(0x10, ['test', 'localhost', null, null, idleMs ?? null]));
    await client.next(0x10);
    return client;
  }

  write(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** Waits for a frame with that code (or a header or heartbeat) that was not asked for before, and takes it out. */
  async next(code: number | string): Promise<ReceivedFrame> {
    for (;;) {
      const index = this.received.findIndex((item) => (typeof item === 'string' ? item === code : item.code === code));
      const [found] = index < 0 ? [] : this.received.splice(index, 1);
      if (typeof found === 'object') return found;
      if (found !== undefined) return { code: -1, fields: [], offsets: [], end: 0, channel: 0, payload: this.#rest };
      if (this.#isClosed) throw new Error(`the connection was closed before ${code} came`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** Waits until the other side has hung up. */
  async closed(): Promise<void> {
    if (!this.#isClosed) await once(this.socket, 'close');
  }

  close(): void {
    this.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 8) {
      if (this.#rest.toString('latin1', 0, 4) === 'AMQP') {
        this.received.push(`header ${this.#rest[4]}`);
        this.#rest = this.#rest.subarray(8);
        continue;
      }
      const size = this.#rest.readUInt32BE(0);
      if (this.#rest.length < size) break;
      const bytes = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      this.received.push(size === 8 ? 'heartbeat' : this.#read(bytes));
    }
    this.#changed();
  }

  #read(bytes: Buffer): ReceivedFrame {
    const performative = readPerformative(bytes, 8, bytes.length);
    return { ...performative, channel: bytes.readUInt16BE(6), payload: bytes.subarray(performative.end) };
  }
}
