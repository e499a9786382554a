/** A client's receiver on an entity: deliveries out, outcomes in. */

import type { Consumer, ConsumerOptions } from '../../core/consumer.ts';
import type { DeliveredMessage } from '../../core/held-message.ts';
import type { Encoded } from '../../core/message.ts';
import type { MessageQueue } from '../../core/message-queue.ts';
import { ACCEPTED, asMap, compositeOf, MODIFIED, REJECTED, RELEASED } from '../codec/frames.ts';
import { swapGuid } from '../codec/guid.ts';
import type { AmqpValue } from '../codec/types.ts';
import { Writer } from '../codec/writer.ts';
import type { DeliveryState, OutgoingDelivery, SendingHandler, SendingLink } from '../engine/link.ts';
import { asAmqpError } from '../engine/request.ts';
import { toChanges } from '../messages/decode.ts';
import { bareOf, writeHead } from '../messages/encode.ts';

/** Service Bus gives dead letters their reason under these names. */
const REASON = 'DeadLetterReason';
const DESCRIPTION = 'DeadLetterErrorDescription';

/** A fault that was asked for: the operation is done, and the connection is lost before the answer. */
export const CUT = 'amqp:connection:forced';

/** As long as a lock token: clients exist that look for one in what was received and deleted. */
const NO_TAG = Buffer.alloc(16);
/** Shared by all deliveries: what is written is copied out at once. */
const scratch = new Writer(1024);
const lockTag = Buffer.alloc(16);

/** Joins a link and a consumer. The link must have been accepted with `handler`. */
export class Consuming implements SendingHandler {
  readonly #link: SendingLink;
  readonly #queue: MessageQueue;
  readonly #consumer: Consumer;

  constructor(link: SendingLink, queue: MessageQueue, open: (options: ConsumerOptions) => Consumer) {
    this.#link = link;
    this.#queue = queue;
    const mode = link.sndSettleMode === 1 ? 'receiveAndDelete' : 'peekLock';
    this.#consumer = open({
      mode,
      onMessage: (delivery) => this.#deliver(delivery),
      onClosed: (error) => link.close(asAmqpError(error)),
    });
    link.onReleased = () => this.#consumer.close();
  }

  pump(): void {
    this.#consumer.setCredit(this.#link.capacity);
  }

  drain(done: () => void): void {
    this.pump();
    // The consumer hands out what there is in a microtask that was queued before this one.
    queueMicrotask(() => {
      this.#consumer.drain();
      done();
    });
  }

  onOutcome(delivery: OutgoingDelivery, state: DeliveryState): void {
    const { session } = this.#link;
    if (state.code < ACCEPTED || state.code > MODIFIED) return;
    try {
      // What was sent unsettled has its broker delivery beside it.
      this.#settle(delivery.lock as DeliveredMessage, state);
      // Never the client's own error: an outcome with an error makes its promise fail.
      session.settle(delivery, { code: state.code });
    } catch (error) {
      const refusal = asAmqpError(error);
      if (refusal.condition === CUT) session.connection.cut();
      else session.settle(delivery, { code: REJECTED, error: refusal });
    }
  }

  #deliver(delivery: DeliveredMessage): void {
    scratch.reset();
    writeHead(scratch, delivery);
    const head = scratch.buffer.subarray(0, scratch.position);
    const isLocked = delivery.lockNumber !== 0;
    if (isLocked) {
      delivery.writeLockToken(lockTag);
      swapGuid(lockTag);
    }
    this.#link.send(isLocked ? lockTag : NO_TAG, !isLocked, delivery, head, bareOf(delivery.content));
  }

  #settle(lock: DeliveredMessage, { code, fields }: DeliveryState): void {
    const queue = this.#queue;
    if (code === ACCEPTED) queue.complete(lock);
    else if (code === REJECTED) queue.deadLetter(lock, ...readRejection(fields[0]));
    else if (code === RELEASED) queue.release(lock);
    else if (code === MODIFIED && fields[1] === true) queue.defer(lock, toChanges(asMap(fields[2])));
    else if (code === MODIFIED) queue.abandon(lock, toChanges(asMap(fields[2])));
  }
}

/** Why a client rejected a message: reason and description by name, or else from the error itself. */
function readRejection(value: AmqpValue): [string | undefined, string | undefined, Record<string, Encoded>] {
  const [condition, text, info] = compositeOf(value)?.fields ?? [];
  const { [REASON]: reason, [DESCRIPTION]: description, ...rest } = toChanges(asMap(info)) ?? {};
  const isPlain = condition !== 'com.microsoft:dead-letter';
  return [
    stringOrNone(reason?.value ?? (isPlain ? condition : undefined)),
    stringOrNone(description?.value ?? (isPlain ? text : undefined)),
    rest,
  ];
}

function stringOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
