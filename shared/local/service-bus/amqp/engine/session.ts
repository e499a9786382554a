/**
 * One AMQP session: its windows, its links by handle, the deliveries without an outcome, and the dispositions that are
 * written at the end of the turn.
 */
import {
  ATTACH,
  compositeOf,
  DETACH,
  DISPOSITION,
  type DispositionOutcome,
  END,
  FLOW,
  MAX_HANDLE,
  numberAt,
  type Performative,
  REJECTED,
  requiredNumberAt,
  TRANSFER,
  writeBegin,
  writeDisposition,
  writeEnd,
  writeFlow,
  writeTransfer,
} from '../codec/frames.ts';
import { AmqpError } from '../codec/types.ts';
import { Writer } from '../codec/writer.ts';
import {
  type AttachHandler,
  type DeliveryState,
  type Link,
  type LinkConnection,
  type LinkSession,
  type OutgoingDelivery,
  ReceivingLink,
  SendingLink,
  type WriteMessage,
} from './link.ts';
import { FRAME_AMQP, type Output } from './output.ts';

/** How many transfers the client may have in flight; renewed when half are used up. */
const INCOMING_WINDOW = 5000;
/** An upper bound for a frame header and a transfer performative with a 32-byte tag. */
const TRANSFER_OVERHEAD = 8 + 64;

/** What a session needs from its connection. */
export interface SessionConnection extends LinkConnection {
  readonly output: Output;
  /** The longest frame that the peer accepts. */
  readonly maxFrameSize: number;
  /** Writes one frame on a channel; `write` writes the performative. */
  send(channel: number, write: (writer: Writer) => void): void;
  /** Accepts or refuses each link. */
  readonly onAttach: AttachHandler;
  onSessionEnded(channel: number): void;
}

/** A delivery that waits for the client's window. */
interface Pending {
  readonly delivery: OutgoingDelivery;
  readonly tag: Buffer;
  readonly payload: Buffer;
  sent: number;
}

/** A run of deliveries with one outcome. */
interface Disposition {
  readonly role: boolean;
  readonly first: number;
  last: number;
  readonly outcome: DispositionOutcome;
}

export class AmqpSession implements LinkSession {
  readonly connection: SessionConnection;
  readonly #channel: number;
  readonly #links = new Map<number, Link>();
  /** Links that we detached, and why. The client may write to their handles until it has answered. */
  readonly #leaving = new Map<number, { link: Link | undefined; error: AmqpError }>();
  readonly #unsettled = new Map<number, OutgoingDelivery>();
  #pending: Pending[] = [];
  #dispositions: Disposition[] = [];
  #nextIncomingId: number;
  #windowLeft = INCOMING_WINDOW;
  #nextOutgoingId = 0;
  #nextDeliveryId = 0;
  #remoteWindow: number;

  constructor(connection: SessionConnection, channel: number, begin: Performative) {
    this.connection = connection;
    this.#channel = channel;
    this.#nextIncomingId = requiredNumberAt(begin, 1, 'next-outgoing-id');
    this.#remoteWindow = requiredNumberAt(begin, 2, 'incoming-window');
    this.send((writer) => writeBegin(writer, { remoteChannel: channel, nextOutgoingId: 0, window: INCOMING_WINDOW }));
  }

  /** How many messages the session can send now; 0 while the peer is slow to read. */
  get capacity(): number {
    if (this.#pending.length > 0 || !this.connection.output.isWritable) return 0;
    return this.#remoteWindow;
  }

  send(write: (writer: Writer) => void): void {
    this.connection.send(this.#channel, write);
  }

  onFrame(performative: Performative, frame: Buffer, end: number): void {
    switch (performative.code) {
      case TRANSFER:
        this.#onTransfer(performative, frame.subarray(performative.end, end));
        break;
      case DISPOSITION:
        this.#onDisposition(performative);
        break;
      case FLOW:
        this.#onFlow(performative);
        break;
      case ATTACH:
        this.#onAttach(performative, frame);
        break;
      case DETACH:
        this.#onDetach(performative);
        break;
      case END:
        this.release();
        this.connection.onSessionEnded(this.#channel);
        this.send((writer) => writeEnd(writer, END));
        break;
      default:
        throw new AmqpError('amqp:not-implemented', `unexpected performative 0x${performative.code.toString(16)}`);
    }
  }

  /** Sends a delivery, or queues it until the client's window allows it. */
  transfer<Lock>(delivery: OutgoingDelivery<Lock>, tag: Buffer, size: number, write: WriteMessage<Lock>): void {
    const { lock } = delivery;
    const { output, maxFrameSize } = this.connection;
    if (this.#pending.length === 0 && this.#remoteWindow > 0 && size + TRANSFER_OVERHEAD <= maxFrameSize) {
      const { link, settled } = delivery;
      const writer = output.begin(FRAME_AMQP, this.#channel, size + TRANSFER_OVERHEAD);
      writeTransfer(writer, link.handle, this.#nextDeliveryId, tag, settled, false);
      write(writer, lock);
      if (output.frameSize <= maxFrameSize) {
        output.end(true);
        this.#start(delivery);
        this.#count();
        return;
      }
    }
    const message = new Writer(size);
    write(message, lock);
    this.#pending.push({ delivery, tag: Buffer.from(tag), payload: message.copy(), sent: 0 });
    this.#sendPending();
  }

  hasPending(link: Link): boolean {
    return this.#pending.some(({ delivery }) => delivery.link === link);
  }

  /**
   * Settles a delivery at the end of the turn. Consecutive deliveries with one outcome share a frame, unless the
   * outcome has an error.
   */
  answer(role: boolean, id: number, outcome: DispositionOutcome): void {
    this.connection.output.schedule();
    const last = this.#dispositions.at(-1);
    const isNext = last && last.role === role && id === (last.last + 1) >>> 0;
    if (isNext && last.outcome.code === outcome.code && !last.outcome.error && !outcome.error) last.last = id;
    else this.#dispositions.push({ role, first: id, last: id, outcome });
  }

  /** Settles an outgoing delivery with an outcome, and forgets it. */
  settle(delivery: OutgoingDelivery, outcome: DispositionOutcome): void {
    if (this.#unsettled.delete(delivery.id)) this.answer(false, delivery.id, outcome);
  }

  /** Writes the gathered dispositions. */
  flush(): void {
    if (this.#dispositions.length === 0) return;
    const dispositions = this.#dispositions;
    this.#dispositions = [];
    for (const one of dispositions) this.send((writer) => writeDisposition(writer, one));
  }

  sendFlow(link?: { handle: number; deliveryCount: number; credit: number; drain: boolean }): void {
    this.#windowLeft = INCOMING_WINDOW;
    const { nextIncomingId, nextOutgoingId } = {
      nextIncomingId: this.#nextIncomingId,
      nextOutgoingId: this.#nextOutgoingId,
    };
    const flow = { nextIncomingId, incomingWindow: INCOMING_WINDOW, nextOutgoingId, ...(link ? { link } : {}) };
    this.send((writer) => writeFlow(writer, flow));
  }

  /** Lets every link deliver its messages. */
  pump(): void {
    this.#sendPending();
    for (const link of this.#links.values()) if (link instanceof SendingLink) link.pump();
  }

  /** Removes a link. When we ended it, its handle stays in use until the client has answered. */
  onDetached(handle: number, error: AmqpError | undefined): void {
    const link = this.#links.get(handle);
    this.#links.delete(handle);
    this.#pending = this.#pending.filter(({ delivery }) => delivery.link !== link);
    if (error) this.#leaving.set(handle, { link, error });
    else this.#forget(link);
  }

  /** Ends the links that the client has no right to any more. */
  endForbidden(): void {
    for (const link of [...this.#links.values()]) {
      const refusal = link.refusal();
      if (refusal) link.close(refusal);
    }
  }

  release(): void {
    const links = [...this.#links.values()];
    this.#links.clear();
    this.#unsettled.clear();
    this.#pending = [];
    this.#dispositions = [];
    for (const link of links) link.release();
  }

  /** Finds the link that replies go to. */
  findReplyLink(matches: (link: SendingLink) => boolean): SendingLink | undefined {
    for (const link of this.#links.values()) if (link instanceof SendingLink && matches(link)) return link;
    return undefined;
  }

  #start(delivery: OutgoingDelivery): void {
    delivery.id = this.#nextDeliveryId;
    this.#nextDeliveryId = (delivery.id + 1) >>> 0;
    if (!delivery.settled) this.#unsettled.set(delivery.id, delivery);
  }

  /** Counts a transfer that was sent. */
  #count(): void {
    this.#remoteWindow--;
    this.#nextOutgoingId = (this.#nextOutgoingId + 1) >>> 0;
  }

  #sendPending(): void {
    while (this.#remoteWindow > 0) {
      const next = this.#pending[0];
      if (!next) return;
      const { delivery, payload } = next;
      if (next.sent === 0) this.#start(delivery);
      const end = Math.min(payload.length, next.sent + this.connection.maxFrameSize - TRANSFER_OVERHEAD);
      const tag = next.sent === 0 ? next.tag : undefined;
      const more = end < payload.length;
      const { link, id, settled } = delivery;
      const { output } = this.connection;
      const part = payload.subarray(next.sent, end);
      const writer = output.begin(FRAME_AMQP, this.#channel, part.length + TRANSFER_OVERHEAD);
      writeTransfer(writer, link.handle, id, tag, settled, more);
      writer.bytes(part);
      output.end(true);
      this.#count();
      next.sent = end;
      if (!more) this.#pending.shift();
    }
  }

  #onAttach(attach: Performative, frame: Buffer): void {
    const handle = requiredNumberAt(attach, 1, 'handle');
    if (handle > MAX_HANDLE) throw new AmqpError('amqp:not-allowed', `handle ${handle} is above ${MAX_HANDLE}`);
    if (this.#links.has(handle)) throw new AmqpError('amqp:session:handle-in-use', `handle ${handle} is in use`);
    this.#leaving.delete(handle);
    const isClientReceiver = attach.fields[2] === true;
    const link = isClientReceiver ? new SendingLink(this, attach, frame) : new ReceivingLink(this, attach, frame);
    this.#links.set(handle, link);
    this.connection.onAttach(link);
  }

  #onDetach(detach: Performative): void {
    const handle = requiredNumberAt(detach, 0, 'handle');
    const left = this.#leaving.get(handle);
    if (!left) {
      this.#linkOf(handle)?.onDetach(detach.fields[1] === true);
      return;
    }
    this.#leaving.delete(handle);
    this.#forget(left.link);
  }

  #forget(link: Link | undefined): void {
    for (const [id, delivery] of this.#unsettled) if (delivery.link === link) this.#unsettled.delete(id);
  }

  #onFlow(flow: Performative): void {
    const window = requiredNumberAt(flow, 1, 'incoming-window');
    const inFlight = (this.#nextOutgoingId - (numberAt(flow, 0, 'next-incoming-id') ?? 0)) >>> 0;
    this.#remoteWindow = Math.max(0, window - inFlight);
    this.#sendPending();
    const handle = numberAt(flow, 4, 'handle');
    if (handle !== undefined) this.#linkOf(handle)?.onFlow(flow);
    else if (flow.fields[9] === true) this.sendFlow();
    // An open window lets every link continue, not only the one that the flow names.
    for (const link of this.#links.values()) if (link instanceof SendingLink && link.handle !== handle) link.pump();
  }

  #onTransfer(transfer: Performative, payload: Buffer): void {
    this.#nextIncomingId = (this.#nextIncomingId + 1) >>> 0;
    this.#windowLeft--;
    if (this.#windowLeft < 0)
      throw new AmqpError('amqp:session:window-violation', 'more transfers than the window allows');
    const link = this.#linkOf(requiredNumberAt(transfer, 0, 'handle'));
    if (link instanceof SendingLink) throw new AmqpError('amqp:not-allowed', 'a transfer on a link that we send on');
    link?.onTransfer(transfer, payload);
    if (this.#windowLeft <= INCOMING_WINDOW / 2) this.sendFlow();
  }

  #onDisposition(disposition: Performative): void {
    // We settle all that we receive, so the client's dispositions as a sender do not matter.
    if (disposition.fields[0] !== true) return;
    const first = requiredNumberAt(disposition, 1, 'first');
    const last = numberAt(disposition, 2, 'last') ?? first;
    const settled = disposition.fields[3] === true;
    const state = compositeOf(disposition.fields[4]);
    if (first === last) {
      const delivery = this.#unsettled.get(first);
      if (delivery) this.#onOutcome(delivery, settled, state);
    } else for (const delivery of this.#between(first, last)) this.#onOutcome(delivery, settled, state);
  }

  #onOutcome(delivery: OutgoingDelivery, settled: boolean, state: DeliveryState | undefined): void {
    if (settled) this.#unsettled.delete(delivery.id);
    const left = this.#leaving.size > 0 ? this.#leaving.get(delivery.link.handle) : undefined;
    // The client settled while our detach was on its way. Without an answer it would wait for a minute.
    if (left?.link === delivery.link) this.settle(delivery, { code: REJECTED, error: left.error });
    else if (state) delivery.link.onOutcome(delivery, state);
  }

  /** The unsettled deliveries in a range; its cost does not grow with the range that the client claims. */
  #between(first: number, last: number): OutgoingDelivery[] {
    const count = ((last - first) >>> 0) + 1;
    if (count <= this.#unsettled.size) {
      const found: OutgoingDelivery[] = [];
      for (let i = 0; i < count; i++) {
        const delivery = this.#unsettled.get((first + i) >>> 0);
        if (delivery) found.push(delivery);
      }
      return found;
    }
    return [...this.#unsettled.values()].filter(({ id }) => (id - first) >>> 0 < count);
  }

  #linkOf(handle: number): Link | undefined {
    const link = this.#links.get(handle);
    if (!link && !this.#leaving.has(handle)) throw new AmqpError('amqp:session:unattached-handle', `no link ${handle}`);
    return link;
  }
}
