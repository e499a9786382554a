/** Request and response over a pair of links: the protocol of `$cbs` and `$management`. */

import { BrokerError } from '../../core/broker-error.ts';
import { ACCEPTED, REJECTED } from '../codec/frames.ts';
import { Reader } from '../codec/reader.ts';
import { APPLICATION_PROPERTIES, DATA, PROPERTIES, readSection } from '../codec/sections.ts';
import { AmqpError, type AmqpMap, type AmqpValue, Described, symbol, Typed, ulong } from '../codec/types.ts';
import { Writer } from '../codec/writer.ts';
import type { ReceivingLink, SendingHandler, SendingLink } from './link.ts';

export interface AmqpRequest {
  readonly operation: string;
  readonly properties: AmqpMap;
  readonly body: AmqpValue;
  readonly messageId: AmqpValue;
  readonly replyTo: string | undefined;
}

export interface AmqpResponse {
  readonly status: number;
  readonly description: string;
  readonly condition?: string | undefined;
  readonly body?: AmqpValue;
}

type Answerer = (request: AmqpRequest) => AmqpResponse | Promise<AmqpResponse>;

/** How many replies wait for a client's credit; beyond that the oldest are dropped. */
const MAX_WAITING = 1000;
const MAX_REQUEST_SIZE = 1024 * 1024;
const NO_TAG = Buffer.from([0]);

/** The replies to one client, which wait while it grants no credit. */
class ReplyQueue implements SendingHandler {
  readonly #link: SendingLink;
  readonly #waiting: Buffer[] = [];

  constructor(link: SendingLink) {
    this.#link = link;
  }

  add(reply: Buffer): void {
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.shift();
    this.#waiting.push(reply);
    this.pump();
  }

  pump(): void {
    while (this.#waiting.length > 0 && this.#link.capacity > 0) {
      const reply = this.#waiting.shift();
      // A reply needs no outcome.
      if (reply) this.#link.send(NO_TAG, true, reply, reply.length, writeReply);
    }
  }

  drain(done: () => void): void {
    this.pump();
    done();
  }

  onOutcome(): void {}
}

function writeReply(writer: Writer, reply: Buffer): void {
  writer.bytes(reply);
}

const queues = new WeakMap<SendingLink, ReplyQueue>();

/** Accepts the link on which the client receives replies. */
export function acceptReplies(link: SendingLink): void {
  const queue = new ReplyQueue(link);
  queues.set(link, queue);
  link.accept(queue, { maxMessageSize: MAX_REQUEST_SIZE });
}

/** Accepts the link on which the client sends requests. An error of the answerer becomes the answer. */
export function acceptRequests(link: ReceivingLink, answerer: Answerer): void {
  const handle = (payload: Buffer): void => {
    const request = readRequest(Buffer.from(payload));
    const reply = (response: AmqpResponse): void => {
      if (!link.isDetached) findQueue(link, request.replyTo)?.add(encodeResponse(request, response));
    };
    try {
      const response = answerer(request);
      if (response instanceof Promise) response.then(reply, (error: unknown) => reply(failure(error)));
      else reply(response);
    } catch (error) {
      reply(failure(error));
    }
  };
  link.accept(
    ({ payload, answer }) => {
      try {
        handle(payload);
        answer({ code: ACCEPTED });
      } catch (error) {
        answer({ code: REJECTED, error: asAmqpError(error) });
      }
    },
    { maxMessageSize: MAX_REQUEST_SIZE },
  );
}

/**
 * Finds where a reply goes. Clients name the target address or the name of their reply link, which may be on another
 * session.
 */
function findQueue(link: ReceivingLink, replyTo: string | undefined): ReplyQueue | undefined {
  const node = link.target.address;
  const { session } = link;
  const isOfNode = (other: SendingLink): boolean => other.source.address === node && queues.has(other);
  const isNamed = (other: SendingLink): boolean =>
    queues.has(other) && (other.target.address === replyTo || other.name === replyTo);
  for (const matches of [(other: SendingLink) => isOfNode(other) && isNamed(other), isNamed, isOfNode]) {
    const found = session.connection.findReplyLink(session, matches);
    if (found) return queues.get(found);
  }
  return undefined;
}

function readRequest(payload: Buffer): AmqpRequest {
  const reader = new Reader(payload);
  let properties: readonly AmqpValue[] = [];
  let application: AmqpMap = new Map();
  let body: AmqpValue;
  while (!reader.done) {
    const code = readSection(reader);
    const value = reader.value();
    if (code === PROPERTIES && Array.isArray(value)) properties = value;
    else if (code === APPLICATION_PROPERTIES && value instanceof Map) application = value;
    else if (code >= DATA && body === undefined) body = value;
  }
  const operation = application.get('operation');
  const replyTo = properties[4];
  return {
    operation: typeof operation === 'string' ? operation : '',
    properties: application,
    body: body instanceof Described ? body.value : body,
    messageId: properties[0],
    replyTo: typeof replyTo === 'string' ? replyTo : undefined,
  };
}

function encodeResponse(request: AmqpRequest, response: AmqpResponse): Buffer {
  const { status, description, condition, body } = response;
  const { messageId } = request;
  const writer = new Writer(512);
  writer.descriptor(PROPERTIES);
  const token = writer.open(0xd0);
  for (let i = 0; i < 5; i++) writer.null();
  writer.value(typeof messageId === 'number' ? ulong(messageId) : messageId);
  writer.close(token, 6);
  writer.descriptor(APPLICATION_PROPERTIES);
  const code = new Typed('int', status);
  // Some clients read one spelling, some the other.
  const entries: [AmqpValue, AmqpValue][] = [
    ['statusCode', code],
    ['status-code', code],
    ['statusDescription', description],
    ['status-description', description],
  ];
  if (condition) entries.push(['errorCondition', symbol(condition)], ['error-condition', symbol(condition)]);
  const tracking = request.properties.get('com.microsoft:tracking-id');
  if (tracking !== undefined) entries.push(['com.microsoft:tracking-id', tracking]);
  writer.map(entries);
  writer.descriptor(0x77);
  writer.value(body);
  return writer.copy();
}

const STATUS: Readonly<Record<string, number>> = {
  'amqp:not-found': 404,
  'com.microsoft:message-not-found': 404,
  'com.microsoft:entity-already-exists': 409,
  'com.microsoft:message-lock-lost': 410,
  'com.microsoft:session-lock-lost': 410,
  'com.microsoft:session-cannot-be-locked': 410,
  'com.microsoft:server-busy': 503,
  'com.microsoft:timeout': 408,
  'amqp:unauthorized-access': 401,
  'amqp:resource-limit-exceeded': 403,
  'amqp:not-implemented': 501,
  'amqp:internal-error': 500,
};

/** The response for an error. */
function failure(error: unknown): AmqpResponse {
  const { condition, message } = asAmqpError(error);
  return { status: STATUS[condition] ?? 400, description: message, condition };
}

/** Any error as an AMQP error. Errors that neither AMQP nor the broker threw are internal errors. */
export function asAmqpError(error: unknown): AmqpError {
  if (error instanceof AmqpError) return error;
  if (error instanceof BrokerError) return new AmqpError(error.condition, error.message);
  return new AmqpError('amqp:internal-error', error instanceof Error ? error.message : String(error));
}
