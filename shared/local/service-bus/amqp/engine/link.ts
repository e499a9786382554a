/**
 * The two kinds of link. Both start when a client attaches. The attach handler then accepts the link, at once or later,
 * or refuses it.
 */
import type { Claims } from '../../auth/claims.ts';
import {
  type AttachAnswer,
  asMap,
  compositeOf,
  type DispositionOutcome,
  mapAt,
  numberAt,
  type Performative,
  requiredNumberAt,
  textAt,
  writeAttach,
  writeDetach,
} from '../codec/frames.ts';
import { Remainder } from '../codec/remainder.ts';
import { AmqpError, type AmqpMap, type AmqpValue } from '../codec/types.ts';
import type { Writer } from '../codec/writer.ts';

/** What a link needs from its session. */
export interface LinkSession {
  readonly connection: LinkConnection;
  /** How many messages the session can send now. */
  readonly capacity: number;
  send(write: (writer: Writer) => void): void;
  /** Sends a delivery, or queues it until the client's window allows it. */
  transfer<Lock>(delivery: OutgoingDelivery<Lock>, tag: Buffer, size: number, write: WriteMessage<Lock>): void;
  hasPending(link: Link): boolean;
  /** Settles an incoming (`role` true) or outgoing delivery. */
  answer(role: boolean, id: number, outcome: DispositionOutcome): void;
  /** Settles an outgoing delivery with an outcome, and forgets it. */
  settle(delivery: OutgoingDelivery, outcome: DispositionOutcome): void;
  sendFlow(link: { handle: number; deliveryCount: number; credit: number; drain: boolean }): void;
  /** Reports that a link has ended; with an error when we ended it. */
  onDetached(handle: number, error: AmqpError | undefined): void;
}

/** What the attach handler may do with a link's connection. */
export interface LinkConnection {
  /** What this client may do. */
  readonly claims: Claims;
  /** Destroys the socket without a close frame. */
  cut(): void;
  /** Finds the link that replies go to. The session `first` is searched first. */
  findReplyLink(first: LinkSession, matches: (link: SendingLink) => boolean): SendingLink | undefined;
}

export type Link = SendingLink | ReceivingLink;
export type AttachHandler = (link: Link) => void;

/** A source or target: its bytes, which are echoed unchanged, and the fields that a broker needs. */
interface Terminus {
  readonly bytes: Buffer | undefined;
  readonly code: number | undefined;
  readonly address: string | undefined;
  readonly filter: AmqpMap | undefined;
  readonly fields: readonly AmqpValue[];
}

interface Acceptance {
  readonly maxMessageSize?: number;
  readonly properties?: ReadonlyMap<AmqpValue, AmqpValue>;
  /** Encoded; the client's source when absent. */
  readonly source?: Buffer;
}

abstract class BaseLink {
  readonly session: LinkSession;
  readonly name: string;
  readonly handle: number;
  readonly source: Terminus;
  readonly target: Terminus;
  readonly properties: AmqpMap | undefined;
  readonly sndSettleMode: number;
  readonly rcvSettleMode: number;
  abstract readonly isReceiver: boolean;
  #state: 'attaching' | 'attached' | 'detached' = 'attaching';

  constructor(session: LinkSession, attach: Performative, frame: Buffer) {
    this.session = session;
    this.name = textAt(attach, 0) ?? '';
    this.handle = requiredNumberAt(attach, 1, 'handle');
    this.sndSettleMode = numberAt(attach, 3, 'snd-settle-mode') ?? 2;
    this.rcvSettleMode = numberAt(attach, 4, 'rcv-settle-mode') ?? 0;
    this.source = terminusAt(attach, 5, frame);
    this.target = terminusAt(attach, 6, frame);
    this.properties = mapAt(attach, 13);
  }

  /** False until the link is accepted, and after either side has detached. */
  get isAttached(): boolean {
    return this.#state === 'attached';
  }

  get isDetached(): boolean {
    return this.#state === 'detached';
  }

  protected attach(acceptance: Acceptance): boolean {
    if (this.#state !== 'attaching') return false;
    this.#state = 'attached';
    this.#writeAttach(acceptance.source ?? this.source.bytes, this.target.bytes, acceptance);
    return true;
  }

  /** Answers with an attach without termini, so that clients expect the detach that follows, and with that detach. */
  refuse(error: AmqpError): void {
    if (this.#state !== 'attaching') return;
    this.#writeAttach(undefined, undefined, {});
    this.#end(true, error);
  }

  /** Detaches the link from our side. */
  close(error?: AmqpError): void {
    if (this.#state === 'attaching') this.refuse(error ?? new AmqpError('amqp:link:detach-forced', 'closed'));
    else if (this.#state === 'attached') this.#end(true, error);
  }

  /** Answers the client's detach with a detach. */
  onDetach(isClosed: boolean): void {
    if (this.#state === 'detached') return;
    // The client gave up before the link was accepted; AMQP requires an attach before the detach.
    if (this.#state === 'attaching') this.#writeAttach(undefined, undefined, {});
    this.#end(isClosed, undefined);
  }

  /** Ends the link with its session; nothing can be written then. */
  release(): void {
    if (this.#state === 'detached') return;
    this.#state = 'detached';
    this.onReleased();
  }

  /** Set by the attach handler. Why the link may not go on, when one of the client's tokens has expired. */
  refusal: () => AmqpError | undefined = () => undefined;

  /** Set by the attach handler. Runs once, when the link ends for any reason. */
  onReleased: () => void = () => {};

  #end(isClosed: boolean, error: AmqpError | undefined): void {
    this.#state = 'detached';
    this.session.send((writer) => writeDetach(writer, this.handle, isClosed, error));
    this.session.onDetached(this.handle, error);
    this.onReleased();
  }

  #writeAttach(source: Buffer | undefined, target: Buffer | undefined, acceptance: Acceptance): void {
    const { name, handle, isReceiver, sndSettleMode, rcvSettleMode } = this;
    const { properties, maxMessageSize = 0 } = acceptance;
    const answer: AttachAnswer = {
      name,
      handle,
      isReceiver,
      sndSettleMode,
      rcvSettleMode,
      source,
      target,
      maxMessageSize,
      properties,
    };
    this.session.send((writer) => writeAttach(writer, answer));
  }
}

/** A delivery that awaits its outcome. */
export interface OutgoingDelivery<Lock = unknown> {
  readonly link: SendingLink;
  readonly settled: boolean;
  /** The broker's message, which is passed back with the outcome. */
  readonly lock: Lock;
  id: number;
}

/** Writes the message of a delivery. */
export type WriteMessage<Lock> = (writer: Writer, lock: Lock) => void;

/** The state that a client gives a delivery. */
export interface DeliveryState {
  readonly code: number;
  readonly fields: readonly AmqpValue[];
}

export interface SendingHandler {
  /** Delivers the ready messages; called when credit or capacity has changed. */
  pump(): void;
  /** Delivers the ready messages and calls `done`. The credit that is then left is taken back. */
  drain(done: () => void): void;
  onOutcome(delivery: OutgoingDelivery, state: DeliveryState): void;
}

/** A link on which we send and the client receives. */
export class SendingLink extends BaseLink {
  readonly isReceiver = false;
  #credit = 0;
  #deliveryCount = 0;
  #isDraining = false;
  #handler: SendingHandler | undefined;

  accept(handler: SendingHandler, acceptance: Acceptance = {}): void {
    if (!this.attach(acceptance)) return;
    this.#handler = handler;
    this.pump();
  }

  /** How many messages may be sent now: the client's credit, limited by what the session can send. */
  get capacity(): number {
    return this.isAttached ? Math.min(this.#credit, this.session.capacity) : 0;
  }

  /**
   * Sends a message.
   *
   * @param tag copied at once
   * @param size about how many bytes `write` writes
   */
  send<Lock>(tag: Buffer, settled: boolean, lock: Lock, size: number, write: WriteMessage<Lock>): void {
    if (!this.isAttached) return;
    this.#credit--;
    this.#deliveryCount = (this.#deliveryCount + 1) >>> 0;
    this.session.transfer({ link: this, settled, lock, id: 0 }, tag, size, write);
  }

  onFlow(flow: Performative): void {
    const count = numberAt(flow, 5, 'delivery-count') ?? 0;
    const credit = numberAt(flow, 6, 'link-credit');
    if (credit !== undefined) {
      // Counts wrap at 2^32. Messages in flight are counted by us, and not yet by the client.
      const inFlight = (this.#deliveryCount - count) >>> 0;
      this.#credit = Math.max(0, credit - (inFlight > 0x7fffffff ? 0 : inFlight));
    }
    this.#isDraining = flow.fields[8] === true;
    this.pump();
    // The client asked for an echo.
    if (flow.fields[9] === true && this.isAttached) this.session.sendFlow(this.state(false));
  }

  pump(): void {
    if (!this.isAttached || !this.#handler) return;
    if (!this.#isDraining) this.#handler.pump();
    else this.#handler.drain(() => this.#drained());
  }

  onOutcome(delivery: OutgoingDelivery, state: DeliveryState): void {
    this.#handler?.onOutcome(delivery, state);
  }

  state(drain: boolean): { handle: number; deliveryCount: number; credit: number; drain: boolean } {
    return { handle: this.handle, deliveryCount: this.#deliveryCount, credit: this.#credit, drain };
  }

  #drained(): void {
    // Transfers that wait for the session's window must come before the answer.
    if (!this.#isDraining || !this.isAttached || this.session.hasPending(this)) return;
    this.#isDraining = false;
    this.#deliveryCount = (this.#deliveryCount + this.#credit) >>> 0;
    this.#credit = 0;
    this.session.sendFlow(this.state(true));
  }
}

/** A complete message from a client. */
interface IncomingDelivery {
  readonly format: number;
  /** Valid until the handler returns; the handler copies what it keeps. */
  readonly payload: Buffer;
  /** Settles the delivery. Does nothing when the client sent it settled. */
  readonly answer: (outcome: DispositionOutcome) => void;
  readonly isSettled: boolean;
}

type ReceivingHandler = (delivery: IncomingDelivery) => void;

/** Granted again when half is used up, so that a sender never runs out of credit. */
const CREDIT = 1000;
const TOO_LARGE = 'amqp:link:message-size-exceeded';

/** A link on which the client sends and we receive. */
export class ReceivingLink extends BaseLink {
  readonly isReceiver = true;
  #credit = 0;
  #deliveryCount = 0;
  #limit = 0;
  #handler: ReceivingHandler | undefined;
  #partial: { id: number; format: number; settled: boolean; size: number } | undefined;
  /** The payload of a delivery that comes in several frames; its memory is reused. */
  readonly #parts = new Remainder();

  accept(handler: ReceivingHandler, acceptance: Acceptance & { maxMessageSize: number }): void {
    if (!this.attach(acceptance)) return;
    this.#handler = handler;
    // Allows for the envelope of a full batch.
    this.#limit = acceptance.maxMessageSize + 64 * 1024;
    this.#grant();
  }

  onFlow(flow: Performative): void {
    const count = numberAt(flow, 5, 'delivery-count');
    if (count !== undefined) this.#deliveryCount = count;
    if (flow.fields[9] === true && this.isAttached) this.#writeFlow();
  }

  onTransfer(transfer: Performative, payload: Buffer): void {
    if (!this.isAttached) return;
    const id = numberAt(transfer, 1, 'delivery-id') ?? this.#partial?.id;
    if (id === undefined) throw new AmqpError('amqp:decode-error', 'the first transfer of a delivery needs an id');
    if (this.#partial && this.#partial.id !== id) {
      throw new AmqpError('amqp:not-allowed', `delivery ${this.#partial.id} is incomplete, got a transfer of ${id}`);
    }
    const format = numberAt(transfer, 3, 'message-format') ?? 0;
    this.#partial ??= { id, format, settled: false, size: 0 };
    const partial = this.#partial;
    if (transfer.fields[4] === true) partial.settled = true;
    partial.size += payload.length;
    const isAborted = transfer.fields[9] === true;
    const isWhole = transfer.fields[5] !== true;
    if (isAborted || partial.size > this.#limit) this.#parts.clear();
    // The payload of a message that is too large is counted, but not kept.
    else if (!isWhole || !this.#parts.isEmpty) this.#parts.keep(payload, 0);
    if (!isAborted && !isWhole) return;
    this.#partial = undefined;
    this.#count();
    if (isAborted) return;
    const answer = (outcome: DispositionOutcome): void => {
      if (!partial.settled) this.session.answer(true, partial.id, outcome);
    };
    if (partial.size > this.#limit) {
      const error = new AmqpError(TOO_LARGE, `the message of ${partial.size} bytes is larger than the link allows`);
      answer({ code: 0x25, error });
      return;
    }
    const whole = this.#parts.isEmpty ? payload : this.#parts.bytes;
    this.#parts.clear();
    this.#handler?.({ format: partial.format, payload: whole, answer, isSettled: partial.settled });
  }

  #count(): void {
    this.#deliveryCount = (this.#deliveryCount + 1) >>> 0;
    this.#credit--;
    if (this.#credit <= CREDIT / 2) this.#grant();
  }

  #grant(): void {
    this.#credit = CREDIT;
    this.#writeFlow();
  }

  #writeFlow(): void {
    const { handle } = this;
    this.session.sendFlow({ handle, deliveryCount: this.#deliveryCount, credit: this.#credit, drain: false });
  }
}

function terminusAt(attach: Performative, index: number, frame: Buffer): Terminus {
  const value = attach.fields[index];
  if (value === undefined || value === null) {
    return { bytes: undefined, code: undefined, address: undefined, filter: undefined, fields: [] };
  }
  const composite = compositeOf(value);
  const address = composite?.fields[0];
  return {
    bytes: Buffer.from(frame.subarray(attach.offsets[index], attach.offsets[index + 1])),
    code: composite?.code,
    address: typeof address === 'string' ? address : undefined,
    filter: asMap(composite?.fields[7]),
    fields: composite?.fields ?? [],
  };
}
