/** A client's receiver on an entity: deliveries out, outcomes in. */

import type { Consumer, ConsumerOptions } from '../../core/consumer.ts';
import type { DeliveredMessage } from '../../core/held-message.ts';
import type { Encoded } from '../../core/message.ts';
import type { MessageQueue } from '../../core/message-queue.ts';
import { ACCEPTED, asMap, compositeOf, MODIFIED, REJECTED, RELEASED } from '../codec/frames.ts';
import { swapGuid } from '../codec/guid.ts';
import type { AmqpValue } from '../codec/types.ts';
import type { DeliveryState, OutgoingDelivery, SendingHandler, SendingLink } from '../engine/link.ts';
import { asAmqpError } from '../engine/request.ts';
import { toChanges } from '../messages/decode.ts';
import { encodedSize, writeMessage } from '../messages/encode.ts';

/** The application properties that hold a dead letter's reason in Service Bus. */
const REASON = 'DeadLetterReason';
const DESCRIPTION = 'DeadLetterErrorDescription';

/** The condition of an injected fault: the operation is done, and the connection is cut before the answer. */
export const CUT = 'amqp:connection:forced';

/** As long as a lock token: some clients read one even in receive-and-delete mode. */
const NO_TAG = Buffer.alloc(16);
/** Shared by all deliveries: the link copies it at once. */
const lockTag = Buffer.alloc(16);

/** Connects a link with a consumer: the link must be accepted with this handler. */
export class EntityReceiver implements SendingHandler {
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
    // The consumer hands out its messages in a microtask that was queued before this one.
    queueMicrotask(() => {
      this.#consumer.drain();
      done();
    });
  }

  onOutcome(delivery: OutgoingDelivery, state: DeliveryState): void {
    const { session } = this.#link;
    if (state.code < ACCEPTED || state.code > MODIFIED) return;
    try {
      // Every delivery that was sent unsettled has its message as `lock`.
      this.#settle(delivery.lock as DeliveredMessage, state);
      // Without the client's own error: an outcome with an error makes the client's promise reject.
      session.settle(delivery, { code: state.code });
    } catch (error) {
      const refusal = asAmqpError(error);
      if (refusal.condition === CUT) session.connection.cut();
      else session.settle(delivery, { code: REJECTED, error: refusal });
    }
  }

  #deliver(delivery: DeliveredMessage): void {
    const isLocked = delivery.lockNumber !== 0;
    if (isLocked) {
      delivery.writeLockToken(lockTag);
      swapGuid(lockTag);
    }
    this.#link.send(isLocked ? lockTag : NO_TAG, !isLocked, delivery, encodedSize(delivery), writeMessage);
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

/** Reason and description of a rejection: from the error's properties, else from the error itself. */
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
