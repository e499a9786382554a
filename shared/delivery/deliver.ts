/**
 * What happens to a message between the broker and a handler: at least once from the broker, once in effect.
 * `deliver` fulfils when the message may be completed and rejects when it must come back; nothing between can lose it.
 */
import { createHash } from 'node:crypto';
import { InvalidEventError, PermanentError, UnknownEventError } from '../errors.ts';
import type { CloudEvent, EventDefinition } from '../events/cloud-event.ts';
import { eventKey } from '../events/identity.ts';
import { parseEvent, redeliveryMarksOf, structured } from '../events/parse.ts';
import type { Expectation, Handler, Ports } from '../ports/handler.ts';
import type { Log } from '../ports/log.ts';
import { failureWithStack } from '../stack.ts';
import { describeSpan } from '../telemetry/spans.ts';
import { MAX_HOLD_BACK_MS, systemTimer, type Timer } from '../timeout.ts';
import { routeOf, subscriptionOf } from '../topology.ts';
import { bytesOf } from './body-bytes.ts';
import { DeliveryRun } from './delivery-run.ts';
import { deadLetterUnread, FollowUpMessages, SendError } from './follow-up-messages.ts';
import { Isolation, type Place } from './isolation.ts';
import { processEvent } from './process-event.ts';
import { withFields } from './run-handler.ts';

/** A message, and the handler of the subscription that it came from. */
export interface Delivery {
  readonly definition: EventDefinition;
  readonly handle: Handler<never>;
  /** Of a fact: whether this app has published it. */
  readonly expectation?: Expectation<never> | undefined;
  /** Text, bytes, or what the Functions library made of them. */
  readonly body: unknown;
  /** Read for binary-mode events only. */
  readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  /** As far as it is known; only slows down what fails again and again. */
  readonly deliveryCount?: number | undefined;
  /**
   * When the broker enqueued the message, by its clock: a time with a zone. Anything else is ignored, and so is a time that
   * is more than an hour off.
   */
  readonly enqueuedTime?: unknown;
}

export interface DeliveryOptions {
  /** Numbers from 0 (inclusive) to 1 (exclusive): back-off, and the names of runs. */
  readonly random?: () => number;
  readonly timer?: Timer;
  /** A run that takes longer counts as failed. Its lease is longer by a margin. */
  readonly handlerTimeoutMs?: number;
  /** The runs of the process: its one unless given. */
  readonly isolation?: Isolation;
}

const processIsolation = new Isolation();

/** A handler looks and comes back later; one that waits this long hangs. */
export const HANDLER_TIMEOUT_MS = 20_000;

/**
 * Takes one message through parse, claim, handle, publish, complete. Safe to run again, at any time, any number of
 * times, also concurrently.
 *
 * @example await deliver({ definition: DeploymentRequested, handle, body: message.body }, ports);
 * @throws when the message could neither be handled, nor scheduled again, nor dead-lettered: abandon it
 */
export async function deliver(delivery: Delivery, ports: Ports, options: DeliveryOptions = {}): Promise<void> {
  const { random = Math.random, timer = systemTimer, handlerTimeoutMs = HANDLER_TIMEOUT_MS } = options;
  const { isolation = processIsolation } = options;
  try {
    const place = await isolation.enter(timer, ports.clock.now());
    try {
      await attempt(delivery, ports, { random, timer, handlerTimeoutMs, place });
    } finally {
      place.leave();
    }
  } catch (error) {
    const cause = error instanceof SendError ? error.cause : error;
    const { definition, deliveryCount = 1 } = delivery;
    const handler = nameOf(definition);
    ports.log.error('message abandoned', { handler, deliveryCount, ...failureWithStack(cause) });
    await holdBack(delivery, cause, timer);
  }
}

/**
 * Rejects with the error, after a while. The broker redelivers an abandoned message at once, and gives it up after a
 * hundred times: these make half an hour. No longer at once, since the host renews the lock and ends the function by then.
 */
export async function holdBack({ deliveryCount = 1 }: Delivery, error: unknown, timer = systemTimer): Promise<never> {
  const ms = Math.min(MAX_HOLD_BACK_MS, 500 * 2 ** Math.max(0, deliveryCount - 1));
  await new Promise<void>((resolve) => void timer(ms, resolve));
  throw error;
}

interface AttemptOptions extends Required<Omit<DeliveryOptions, 'isolation'>> {
  readonly place: Place;
}

async function attempt(delivery: Delivery, ports: Ports, options: AttemptOptions): Promise<void> {
  const { definition, handle, expectation, body, applicationProperties, enqueuedTime } = delivery;
  const handler = nameOf(definition);
  const wire = { body, applicationProperties, receivedAt: ports.clock.now() };
  const logOf = ({ id, correlationid }: CloudEvent): Log =>
    withFields(ports.log, { handler, eventId: id, correlationId: correlationid });

  let parsed: ReturnType<typeof parseEvent>;
  try {
    parsed = parseEvent(wire);
  } catch (error) {
    if (error instanceof UnknownEventError) {
      // Not valid as far as this build knows, but sent on unread: only the attributes that the envelope assures are used.
      const event = error.attributes as unknown as CloudEvent;
      const { random } = options;
      const marks = redeliveryMarksOf(error.attributes);
      const message = { handler, event, key: eventKey(event), marks, enqueuedTime, log: logOf(event), random };
      return new FollowUpMessages(message, ports).retryUnrecorded(error);
    }
    if (!(error instanceof InvalidEventError)) throw error;
    return deadLetterUnread(ports, unreadMessage(structured(wire), handler, error.type), error);
  }
  const { event, redelivery } = parsed;
  describeSpan(() => eventAttributes(event, redelivery));
  if (event.type !== definition.type) {
    const topic = routeOf(definition.type)?.topic ?? handler;
    const error = new MisdirectedError(
      `expected ${definition.type}, which the topic '${topic}' carries alone, got ${event.type} ${event.id}`,
    );
    return deadLetterUnread(ports, { ...unreadMessage(event, handler, event.type), redelivery }, error);
  }
  const summary = definition.summaryOf?.(event.data);
  const { random, timer, handlerTimeoutMs, place } = options;
  const log = logOf(event);
  const key = eventKey(event);
  // One literal: two that are spread into one are a tenth of what delivering an event takes.
  const run = new DeliveryRun(
    {
      event,
      key,
      marks: parsed,
      enqueuedTime,
      summary,
      handler,
      handle,
      expectation,
      log,
      place,
      random,
      timer,
      handlerTimeoutMs,
    },
    ports,
  );
  await processEvent(run);
}

function eventAttributes({ id, source, type, subject, correlationid }: CloudEvent, redelivery: number) {
  return {
    'cloudevents.event_id': id,
    'cloudevents.event_source': source,
    'cloudevents.event_type': type,
    'cloudevents.event_subject': subject,
    'messaging.message.conversation_id': correlationid,
    'platform.redelivery': redelivery,
  };
}

/** The handler's name is its subscription's. */
function nameOf({ type }: EventDefinition): string {
  return routeOf(type)?.subscription ?? subscriptionOf(type);
}

/** The body is not of the type that the topic is for. */
class MisdirectedError extends PermanentError {
  override readonly reason = 'Misdirected';
}

function unreadMessage(body: unknown, subscription: string, type: string | undefined) {
  const digest = createHash('sha256').update(bytesOf(body));
  return {
    messageId: `${subscription}:${digest.digest('hex')}`,
    body,
    type,
    correlationId: undefined,
    traceparent: undefined,
    subscription,
    attempts: 1,
    redelivery: 0,
  };
}
