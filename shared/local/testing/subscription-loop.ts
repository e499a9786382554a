/** Receives messages for one callback: several at once, whose locks are renewed while it runs. */
import type { ReceivedMessage } from '../../ports/bus.ts';
import { BrokerError } from '../service-bus/core/broker-error.ts';
import type { ScheduledCall, TimerClock } from '../service-bus/core/clock.ts';
import type { Consumer } from '../service-bus/core/consumer.ts';
import type { DeliveredMessage } from '../service-bus/core/held-message.ts';
import type { MessageQueue } from '../service-bus/core/message-queue.ts';

type Receive = (message: ReceivedMessage) => Promise<void>;

export class SubscriptionLoop {
  readonly #queue: MessageQueue;
  readonly #clock: TimerClock;
  readonly #receive: Receive;
  readonly #consumer: Consumer;
  readonly #running = new Set<Promise<void>>();
  #isStopping = false;

  constructor(queue: MessageQueue, clock: TimerClock, receive: Receive, concurrency: number) {
    this.#queue = queue;
    this.#clock = clock;
    this.#receive = receive;
    this.#consumer = queue.openConsumer({ mode: 'peekLock', onMessage: (delivery) => this.#start(delivery) });
    this.#consumer.addCredit(concurrency);
  }

  /** The calls that are running. */
  get running(): Promise<void>[] {
    return [...this.#running];
  }

  /** Takes no further messages. Resolves when the last call has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#consumer.setCredit(0);
    await Promise.all(this.#running);
    this.#consumer.close();
  }

  #start(delivery: DeliveredMessage): void {
    const run = this.#handle(delivery).finally(() => {
      this.#running.delete(run);
      if (!this.#isStopping) this.#consumer.addCredit(1);
    });
    this.#running.add(run);
  }

  async #handle(delivery: DeliveredMessage): Promise<void> {
    const { content, deliveryCount } = delivery;
    const renewal = this.#renewInTime(delivery);
    try {
      await this.#receive({
        // Copies, so that changes affect neither the sender nor another subscription.
        body: content.body instanceof Uint8Array ? Buffer.from(content.body) : content.body,
        messageId: content.messageId,
        deliveryCount: deliveryCount + 1,
        applicationProperties: { ...content.applicationProperties },
      });
    } catch {
      // The callback rejects to have the message delivered again. It has logged the reason.
      settle(() => this.#queue.abandon(delivery));
      return;
    } finally {
      renewal.cancel();
    }
    settle(() => this.#queue.complete(delivery));
  }

  /** Renews the lock at half its time, as the Functions host does. */
  #renewInTime(delivery: DeliveredMessage): ScheduledCall {
    let timer: ScheduledCall;
    const wait = (until: number): void => {
      const now = this.#clock.now();
      timer = this.#clock.at(now + (until - now) / 2, () => settle(() => wait(this.#queue.renewLock(delivery))));
    };
    wait(delivery.lockedUntil ?? Number.POSITIVE_INFINITY);
    return { cancel: () => timer.cancel() };
  }
}

/** Ignores refusals: when the lock is lost, the message is delivered again anyway. */
function settle(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
  }
}
