/** Decides what a link does, by the address that the client attached it to. */

import type { Authority } from '../../auth/authority.ts';
import type { Broker } from '../../core/broker.ts';
import { ACCEPTED, REJECTED } from '../codec/frames.ts';
import { AmqpError } from '../codec/types.ts';
import { type AttachHandler, type Link, type LinkConnection, ReceivingLink, type SendingLink } from '../engine/link.ts';
import { acceptReplies, acceptRequests, asAmqpError } from '../engine/request.ts';
import { readMessages } from '../messages/decode.ts';
import { checkAccess, neededFor, TO_MANAGE, TO_RECEIVE, TO_SEND } from './access.ts';
import { EntityBrowser } from './browser.ts';
import { answerToken } from './cbs.ts';
import { grantedSource, isBrowsing } from './granted-source.ts';
import { answerManagement, checkManaged } from './management.ts';
import { parseNodeAddress } from './node-address.ts';
import { CUT, EntityReceiver } from './receiver.ts';
import { acceptSession, sessionFilterOf } from './session-receiver.ts';

interface AttachContext {
  readonly broker: Broker;
  readonly authority: Authority;
  /** Whether a link to an entity needs a token. */
  readonly requireToken: boolean;
}

const COORDINATOR = 0x30;
const NOT_FOUND = 'amqp:not-found';
/**
 * SDKs that subscribe to a missing entity attach again at once, for ever. The first refusal is immediate; later ones
 * wait.
 */
const BRAKE_MS = 250;
const MAX_BRAKE_MS = 1_000;
/** More addresses than a client gets wrong by itself; beyond that counting starts again. */
const MAX_REMEMBERED = 1_000;

export function attachHandler(context: AttachContext): AttachHandler {
  /** How often each connection was refused an address as not found. */
  const refusals = new WeakMap<LinkConnection, Map<string, number>>();
  const seenBefore = (link: Link): number => {
    const { connection } = link.session;
    const known = refusals.get(connection) ?? new Map<string, number>();
    if (known.size >= MAX_REMEMBERED) known.clear();
    refusals.set(connection, known);
    const address = `${(link instanceof ReceivingLink ? link.target : link.source).address}`;
    const seen = known.get(address) ?? 0;
    known.set(address, seen + 1);
    return seen;
  };
  return (link) => {
    try {
      accept(link, context);
    } catch (error) {
      const refusal = asAmqpError(error);
      const seen = refusal.condition === NOT_FOUND ? seenBefore(link) : 0;
      if (seen === 0) link.refuse(refusal);
      else setTimeout(() => link.refuse(refusal), Math.min(MAX_BRAKE_MS, BRAKE_MS * seen)).unref();
    }
  };
}

function accept(link: Link, context: AttachContext): void {
  if (link.target.code === COORDINATOR) {
    throw new AmqpError('amqp:not-implemented', 'transactions are not supported by this endpoint');
  }
  const address = link instanceof ReceivingLink ? link.target.address : link.source.address;
  if (!address) throw new AmqpError('com.microsoft:argument-error', 'the link has no address');
  const node = parseNodeAddress(address);
  const { broker } = context;
  const { connection } = link.session;
  if (node.kind === 'tokens') {
    // Tokens expire by the system clock, even when the broker runs on another.
    if (link instanceof ReceivingLink) {
      acceptRequests(link, (request) => answerToken(request, connection, context, Date.now()));
    } else acceptReplies(link);
    return;
  }
  const { path } = node;
  const check = (needed: Parameters<typeof checkAccess>[2]): void =>
    checkAccess(connection.claims, address, needed, context.requireToken);
  const needed = node.kind === 'management' ? TO_MANAGE : link instanceof ReceivingLink ? TO_SEND : TO_RECEIVE;
  check(needed);
  link.refusal = () => {
    try {
      check(needed);
      return undefined;
    } catch (error) {
      const { condition, message } = asAmqpError(error);
      return new AmqpError(condition, `${message} The token is expired.`);
    }
  };
  if (node.kind === 'management') {
    checkManaged(broker, path);
    if (link instanceof ReceivingLink) {
      acceptRequests(link, (request) => {
        check(neededFor(request.operation));
        return answerManagement(broker, path, request);
      });
    } else acceptReplies(link);
  } else if (link instanceof ReceivingLink) acceptSends(link, broker, path);
  else acceptReceiver(link, broker, path);
}

function acceptReceiver(link: SendingLink, broker: Broker, path: string): void {
  const queue = broker.resolve(path);
  const source = grantedSource(link);
  const granted = source && { source };
  const sessionId = sessionFilterOf(link);
  if (isBrowsing(link)) link.accept(new EntityBrowser(link, queue), granted);
  else if (sessionId !== undefined) acceptSession(link, queue, sessionId);
  else link.accept(new EntityReceiver(link, queue, (options) => queue.openConsumer(options)), granted);
}

function acceptSends(link: ReceivingLink, broker: Broker, path: string): void {
  const { maxMessageSizeBytes } = broker.resolveTarget(path).properties;
  link.accept(
    ({ format, payload, answer, isSettled }) => {
      try {
        broker.send(path, readMessages(format, payload));
        answer({ code: ACCEPTED });
      } catch (error) {
        const refusal = asAmqpError(error);
        if (refusal.condition === CUT) link.session.connection.cut();
        // A sender that settles its transfers itself learns of the error only when its link is closed.
        else if (isSettled) link.close(refusal);
        else answer({ code: REJECTED, error: refusal });
      }
    },
    { maxMessageSize: maxMessageSizeBytes },
  );
}
