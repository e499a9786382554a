/** A receiver on a session: which session it asks for, when it gets one, and the attach that grants it. */

import type { BrokerError } from '../../core/broker-error.ts';
import type { MessageQueue } from '../../core/message-queue.ts';
import type { SessionHold } from '../../core/sessions.ts';
import { AmqpError, type AmqpMap, Described, long, symbol } from '../codec/types.ts';
import type { SendingLink } from '../engine/link.ts';
import { asAmqpError } from '../engine/request.ts';
import { sourceWith } from './granted-source.ts';
import { EntityReceiver } from './receiver.ts';

const FILTER = 'com.microsoft:session-filter';
/** .NET counts time in ticks of 100 ns from the year 1. */
const TICKS_PER_MS = 10_000n;
const EPOCH_TICKS = 621_355_968_000_000_000n;
const DEFAULT_WAIT_MS = 60_000;

/** The session that a client asks for: an id, null for the next available one, undefined for none. */
export function sessionFilterOf(link: SendingLink): string | null | undefined {
  const filter = link.source.filter?.get(FILTER);
  if (filter === undefined) return link.source.filter?.has(FILTER) ? null : undefined;
  const value = filter instanceof Described ? filter.value : filter;
  return typeof value === 'string' ? value : null;
}

/**
 * Accepts the link on a session. For the next session the answer is held back until one is available, or until the
 * client would give up: any other answer would fail the client at once.
 *
 * @throws BrokerError when the entity has no sessions, or another receiver holds the session
 */
export function acceptSession(link: SendingLink, queue: MessageQueue, sessionId: string | null): void {
  const { sessions } = queue;
  const onLost = (error: BrokerError): void => link.close(asAmqpError(error));
  if (sessionId !== null) {
    grant(link, queue, sessions.accept(sessionId, { onLost }));
    return;
  }
  const wanted = link.properties?.get('com.microsoft:timeout');
  const waitMs = typeof wanted === 'number' ? wanted : DEFAULT_WAIT_MS;
  const giveUp = setTimeout(
    () => {
      link.refuse(
        new AmqpError('com.microsoft:timeout', `no session of ${queue.path} became available within ${waitMs} ms`),
      );
    },
    Math.min(waitMs, 0x7fffffff),
  );
  const stopWaiting = sessions.waitForNext(
    (hold) => {
      clearTimeout(giveUp);
      grant(link, queue, hold);
    },
    { onLost },
  );
  link.onReleased = () => {
    clearTimeout(giveUp);
    stopWaiting();
  };
}

function grant(link: SendingLink, queue: MessageQueue, hold: SessionHold): void {
  const receiver = new EntityReceiver(link, queue, (options) => hold.openConsumer(options));
  link.onReleased = () => hold.close();
  const lockedUntil = BigInt(hold.lockedUntil) * TICKS_PER_MS + EPOCH_TICKS;
  link.accept(receiver, {
    source: sourceWith(link, filterOf(link, hold.sessionId)),
    properties: new Map([[symbol('com.microsoft:locked-until-utc'), long(lockedUntil)]]),
  });
}

/** The granted session, described when the client's filter was. */
function filterOf({ source }: SendingLink, sessionId: string): AmqpMap {
  const asked = source.filter?.get(FILTER);
  const granted = asked instanceof Described ? new Described(asked.descriptor, sessionId) : sessionId;
  return new Map([[symbol(FILTER), granted]]);
}
