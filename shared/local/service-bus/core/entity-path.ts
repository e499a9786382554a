/** Paths of entities, as receivers and senders write them. Case and a leading slash do not matter. */

export type SubQueue = 'main' | 'deadLetter' | 'transferDeadLetter';

/** The parts of a path. The entity need not exist. */
interface EntityAddress {
  /** The queue or topic. */
  readonly entity: string;
  readonly subscription: string | undefined;
  readonly subQueue: SubQueue;
}

const SUB_QUEUE = /^(.*?)\/(\$transfer\/)?\$deadletterqueue$/i;
const SUBSCRIPTION = /^(.+)\/subscriptions\/([^/]+)$/i;

/** `events/Subscriptions/billing/$DeadLetterQueue` and the like. */
export function parseEntityPath(path: string): EntityAddress {
  const bare = path.replace(/^\/+|\/+$/g, '');
  const [, owner, transfer] = SUB_QUEUE.exec(bare) ?? [];
  const subQueue = owner === undefined ? 'main' : transfer === undefined ? 'deadLetter' : 'transferDeadLetter';
  const rest = owner ?? bare;
  const [, topic, subscription] = SUBSCRIPTION.exec(rest) ?? [];
  return { entity: topic ?? rest, subscription, subQueue };
}

/** The path of `sb://localhost:5672/topic/Subscriptions/name`; no slash at either end. */
export function pathInAddress(address: string): string {
  return address.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/^\/+|\/+$/g, '');
}
