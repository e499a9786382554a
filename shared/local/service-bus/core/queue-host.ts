/** The connection of a queue to its entity. */
import type { TimerClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { HeldMessage } from './held-message.ts';
import type { Limits } from './limits/limits.ts';
import type { Throttle } from './limits/throttle.ts';
import type { Content } from './message.ts';

/** The settings of a queue. They may change while it exists. */
export interface QueueSettings {
  readonly lockDurationMs: number;
  /** `Infinity` in a dead-letter queue. */
  readonly maxDeliveryCount: number;
  readonly defaultMessageTimeToLiveMs: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  readonly requiresSession: boolean;
  /** False in a dead-letter queue, whose messages never expire. */
  readonly expires: boolean;
  /** False in a dead-letter queue: https://github.com/Azure/azure-sdk-for-net/issues/53437 */
  readonly countsDeliveries: boolean;
}

/** What a queue needs from its entity. */
export interface QueueHost {
  readonly clock: TimerClock;
  settings(): QueueSettings;
  /** Adds a message that the queue has removed to the dead letters. */
  deadLetter(message: HeldMessage, content: Content): void;
  /** Enqueues a message that the queue has removed at its scheduled time. */
  activate(content: Content): void;
  /** Reports by how many bytes the queue has grown or shrunk. */
  resized(bytes: number): void;
  readonly faults: Faults;
  readonly throttle: Throttle | undefined;
  readonly limits: Limits;
  /** Reports that a receiver came (1) or went (-1). @throws BrokerError when there are as many as may be */
  receiving(change: 1 | -1): void;
  /** Reports that a client received or settled a message. */
  used(): void;
}
