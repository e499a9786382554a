/**
 * A receiver that browses (`distribution-mode: copy`, such as a JMS `QueueBrowser`): it sees the messages that are there
 * when it gives credit, in their order, and neither locks nor removes any.
 */
import type { MessageQueue } from '../../core/message-queue.ts';
import type { DeliveryState, OutgoingDelivery, SendingHandler, SendingLink } from '../engine/link.ts';
import { encodedSize, writeMessage } from '../messages/encode.ts';

/** How many messages are looked at in one go. */
const PAGE = 100;

/** The link must be accepted with this handler. */
export class EntityBrowser implements SendingHandler {
  readonly #link: SendingLink;
  readonly #queue: MessageQueue;
  #next = 0;

  constructor(link: SendingLink, queue: MessageQueue) {
    this.#link = link;
    this.#queue = queue;
  }

  pump(): void {
    while (this.#link.capacity > 0) {
      const page = this.#queue.peek(this.#next, PAGE);
      if (page.length === 0) return;
      for (const message of page) {
        if (this.#link.capacity === 0) return;
        this.#next = message.sequenceNumber + 1;
        // What is deferred or scheduled is not received either.
        if (message.state !== 'active') continue;
        const tag = Buffer.alloc(16);
        tag.writeBigUInt64BE(BigInt(message.sequenceNumber), 8);
        this.#link.send(tag, this.#link.sndSettleMode === 1, message, encodedSize(message), writeMessage);
      }
    }
  }

  drain(done: () => void): void {
    this.pump();
    done();
  }

  /** Settles the delivery; the message stays as it is. */
  onOutcome(delivery: OutgoingDelivery, { code }: DeliveryState): void {
    this.#link.session.settle(delivery, { code });
  }
}
