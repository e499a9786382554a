/**
 * One client's connection: protocol headers, SASL, frames in and out, heartbeats, sessions by channel, and closing. A
 * protocol error of the peer ends its connection and affects no other.
 */
import type { Duplex } from 'node:stream';
import { Claims } from '../../auth/claims.ts';
import { answerInit, type ReadPassword, saslMechanisms } from '../../auth/sasl.ts';
import {
  BEGIN,
  CLOSE,
  MAX_CHANNEL,
  numberAt,
  OPEN,
  type Performative,
  readPerformative,
  writeEnd,
  writeOpen,
} from '../codec/frames.ts';
import { Remainder } from '../codec/remainder.ts';
import { AmqpError } from '../codec/types.ts';
import type { Writer } from '../codec/writer.ts';
import type { AttachHandler, LinkSession, SendingLink } from './link.ts';
import { FRAME_AMQP, Output } from './output.ts';
import { asAmqpError } from './request.ts';
import { AmqpSession, type SessionConnection } from './session.ts';

interface ConnectionOptions {
  readonly readPassword: ReadPassword;
  /** A peer that sends no frame for twice as long loses its connection. */
  readonly idleMs: number;
  /** How long a peer may take to send its open frame. */
  readonly openMs: number;
  /** Accepts or refuses each link. */
  readonly onAttach: AttachHandler;
  /** Why this connection is refused, if it is. The peer learns it once it has opened the connection. */
  readonly refusal?: AmqpError | undefined;
  readonly onClosed: (connection: AmqpConnection) => void;
}

/** The value of Service Bus. */
const MAX_FRAME_SIZE = 65_536;
/** The smallest value that AMQP allows. */
const MIN_FRAME_SIZE = 512;
/** How long a peer may take to answer our close before its socket is destroyed. */
const LINGER_MS = 1_000;

/** More than most performatives take. */
const PERFORMATIVE_SIZE = 256;

const FRAME_SASL = 1;
const AMQP_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);
const SASL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);
const NOTHING = Buffer.alloc(0);

export class AmqpConnection implements SessionConnection {
  readonly onAttach: AttachHandler;
  readonly output: Output;
  /** The longest frame that the peer accepts. */
  maxFrameSize = MIN_FRAME_SIZE;
  /** What this client may do, from its tokens (`$cbs`) and from SASL. */
  readonly claims = new Claims(() => {
    for (const session of this.#sessions.values()) session.endForbidden();
  });
  readonly #options: ConnectionOptions;
  readonly #sessions = new Map<number, AmqpSession>();
  readonly #socket: Duplex;
  #state: 'header' | 'sasl' | 'second header' | 'opening' | 'open' | 'closed' = 'header';
  readonly #rest = new Remainder();
  /** Frames since the last check. Bytes are not counted, since one a minute would keep a connection open for ever. */
  #frames = 0;
  /** Checks in a row without a frame. */
  #silences = 0;
  readonly #opening: NodeJS.Timeout;
  #timers: NodeJS.Timeout[] = [];

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.onAttach = options.onAttach;
    this.output = new Output(socket, () => {
      for (const session of this.#sessions.values()) session.flush();
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    // A reset ends the links of this peer; nothing else needs to know.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.#onClosed());
    socket.on('close', () => this.#onClosed());
    this.#every(options.idleMs, () => this.#watch());
    this.#opening = setTimeout(() => this.#giveUp(), options.openMs).unref();
  }

  /** Writes one frame on a channel; `write` writes the performative. */
  send(channel: number, write: (writer: Writer) => void): void {
    write(this.output.begin(FRAME_AMQP, channel, PERFORMATIVE_SIZE));
    this.output.end(false);
  }

  onSessionEnded(channel: number): void {
    this.#sessions.delete(channel);
  }

  findReplyLink(first: LinkSession, matches: (link: SendingLink) => boolean): SendingLink | undefined {
    const sessions = [...this.#sessions.values()];
    // The sort is stable: the others stay in the order in which they began.
    sessions.sort((a, b) => Number(b === first) - Number(a === first));
    for (const session of sessions) {
      const found = session.findReplyLink(matches);
      if (found) return found;
    }
    return undefined;
  }

  /** Closes the connection with a close frame. What the peer held locked is available again at once. */
  close(error?: AmqpError): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open' || this.#state === 'opening';
    if (this.#state === 'opening') this.#writeOpen();
    if (wasOpen) this.send(0, (writer) => writeEnd(writer, CLOSE, error));
    this.#release();
    this.output.flush();
    this.#socket.end();
    // The peer's answer does not matter, but a peer that never closes its socket does.
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  /** Destroys the socket without a close frame. */
  cut(): void {
    this.#socket.destroy();
    this.#onClosed();
  }

  #onData(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    try {
      const at = this.#rest.isEmpty ? 0 : this.#completeRest(chunk);
      const end = this.#takeAll(chunk, at);
      if (!this.#isClosed()) this.#rest.keep(chunk, end);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!this.output.isWritable) this.#socket.pause();
  }

  /** Handles all complete frames. @returns the offset of the incomplete rest */
  #takeAll(input: Buffer, from: number): number {
    let at = from;
    for (let size = this.#next(input, at); size > 0; size = this.#next(input, at)) at += size;
    return at;
  }

  /** Completes and handles the header or frame that began in an earlier chunk. @returns the offset of the next one */
  #completeRest(chunk: Buffer): number {
    const rest = this.#rest;
    let at = rest.fill(chunk, 0, 8);
    if (this.#state !== 'header' && this.#state !== 'second header')
      at = rest.fill(chunk, at, frameSizeAt(rest.bytes, 0));
    if (this.#next(rest.bytes, 0) > 0) rest.clear();
    return at;
  }

  /** Handles one header or frame. @returns its size; 0 when it is incomplete */
  #next(input: Buffer, at: number): number {
    if (this.#isClosed()) return 0;
    const available = input.length - at;
    if (this.#state === 'header' || this.#state === 'second header') {
      if (available < 8) return 0;
      this.#onHeader(input.subarray(at, at + 8));
      return 8;
    }
    if (available < 8) return 0;
    const size = frameSizeAt(input, at);
    if (available < size) return 0;
    const start = at + (input[at + 4] as number) * 4;
    const end = at + size;
    if (start < at + 8 || start > end) throw new AmqpError('amqp:connection:framing-error', 'invalid data offset');
    const type = input[at + 5];
    if (this.#state === 'sasl') this.#onSasl(input, start, end, type);
    else if (type !== FRAME_AMQP) throw new AmqpError('amqp:connection:framing-error', `unexpected frame type ${type}`);
    else if (start < end) this.#onFrame(input, input.readUInt16BE(at + 6), readPerformative(input, start, end), end);
    this.#frames++;
    return size;
  }

  // A method, so that the compiler knows that the state changes while frames are handled.
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #onHeader(header: Buffer): void {
    if (header.equals(AMQP_HEADER)) {
      this.output.raw(AMQP_HEADER);
      this.#state = 'opening';
    } else if (header.equals(SASL_HEADER) && this.#state === 'header') {
      this.output.raw(SASL_HEADER);
      this.output.frame(FRAME_SASL, 0, saslMechanisms());
      this.#state = 'sasl';
    } else {
      // The standard asks for the supported header and the end of the connection.
      this.output.raw(AMQP_HEADER);
      this.#hangUp();
    }
  }

  #onSasl(input: Buffer, start: number, end: number, type: number | undefined): void {
    if (type !== FRAME_SASL) throw new AmqpError('amqp:connection:framing-error', 'expected a SASL frame');
    const result = answerInit(input, start, end, this.#options.readPassword);
    this.output.frame(FRAME_SASL, 0, result.answer);
    if (!result.isAccepted) {
      this.#hangUp();
      return;
    }
    if (result.rights) this.claims.put('', { rights: result.rights, expiresAtMs: Number.POSITIVE_INFINITY });
    this.#state = 'second header';
  }

  #onFrame(input: Buffer, channel: number, performative: Performative, end: number): void {
    if (this.#state === 'opening') {
      if (performative.code !== OPEN) throw new AmqpError('amqp:not-allowed', 'expected an open frame');
      this.#onOpen(performative);
      return;
    }
    if (performative.code === CLOSE) {
      this.close();
      return;
    }
    if (performative.code === BEGIN) {
      if (channel > MAX_CHANNEL) throw new AmqpError('amqp:connection:framing-error', `channel ${channel} is too high`);
      if (this.#sessions.has(channel)) throw new AmqpError('amqp:not-allowed', `channel ${channel} is in use`);
      this.#sessions.set(channel, new AmqpSession(this, channel, performative));
      return;
    }
    const session = this.#sessions.get(channel);
    if (!session) throw new AmqpError('amqp:not-allowed', `no session on channel ${channel}`);
    session.onFrame(performative, input, end);
  }

  #onOpen(open: Performative): void {
    if (this.#options.refusal) {
      this.close(this.#options.refusal);
      return;
    }
    const frameSize = numberAt(open, 2, 'max-frame-size') ?? 0xffffffff;
    this.maxFrameSize = Math.max(MIN_FRAME_SIZE, Math.min(frameSize, MAX_FRAME_SIZE));
    this.#writeOpen();
    this.#state = 'open';
    clearTimeout(this.#opening);
    const idle = numberAt(open, 4, 'idle-time-out');
    if (idle) this.#startHeartbeats(idle);
  }

  #writeOpen(): void {
    const { idleMs } = this.#options;
    this.send(0, (writer) =>
      writeOpen(writer, { containerId: 'platform-events', maxFrameSize: MAX_FRAME_SIZE, idleMs }),
    );
  }

  #startHeartbeats(peerIdleMs: number): void {
    let seen = this.output.writes;
    // Twice in the time the peer allows, so that one late timer does not lose the connection.
    this.#every(Math.max(10, peerIdleMs / 3), () => {
      if (seen === this.output.writes && this.#state === 'open') this.output.frame(FRAME_AMQP, 0, NOTHING);
      else seen = this.output.writes;
    });
  }

  #giveUp(): void {
    const seconds = this.#options.openMs / 1000;
    this.close(new AmqpError('amqp:resource-limit-exceeded', `the connection was not opened within ${seconds} s`));
  }

  #watch(): void {
    if (this.#frames === 0) {
      this.#silences++;
      if (this.#silences >= 2) {
        this.close(
          new AmqpError('amqp:resource-limit-exceeded', 'the peer was silent for longer than the idle time-out'),
        );
      }
    } else this.#silences = 0;
    this.#frames = 0;
  }

  #every(ms: number, run: () => void): void {
    this.#timers.push(setInterval(run, Math.min(ms, 0x7fffffff)).unref());
  }

  #onDrain(): void {
    this.#socket.resume();
    for (const session of this.#sessions.values()) session.pump();
  }

  #hangUp(): void {
    this.output.flush();
    this.#release();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  #fail(error: unknown): void {
    this.close(asAmqpError(error));
  }

  #onClosed(): void {
    this.#release();
    if (!this.#socket.destroyed) this.#socket.end();
  }

  /** Ends timers and sessions. Runs once. */
  #release(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#rest.clear();
    clearTimeout(this.#opening);
    this.claims.close();
    for (const timer of this.#timers) clearInterval(timer);
    for (const session of [...this.#sessions.values()]) session.release();
    this.#sessions.clear();
    this.#options.onClosed(this);
  }
}

/** The size of the frame at an offset; 8 while its header is incomplete. */
function frameSizeAt(input: Buffer, at: number): number {
  if (input.length - at < 8) return 8;
  const size = input.readUInt32BE(at);
  if (size < 8 || size > MAX_FRAME_SIZE) {
    throw new AmqpError('amqp:connection:framing-error', `a frame has ${size} bytes; expected 8 to ${MAX_FRAME_SIZE}`);
  }
  return size;
}
