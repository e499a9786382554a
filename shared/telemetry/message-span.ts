/**
 * The spans of messages, by the conventions of OpenTelemetry: a handler processes one, and an adapter asks the broker.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/azure-messaging/
 */
import type { Attributes } from '@opentelemetry/api';
import { inChildSpan, inInvocationSpan, type TraceOrigin } from './spans.ts';

/** The property of a redelivery that names the span which asked for it. The event itself keeps its publisher's. */
export const SCHEDULED_BY = 'Scheduled-By';

/** A message as the Functions host hands it over. */
export interface HandledMessage {
  readonly topic: string;
  readonly subscription: string;
  readonly body: unknown;
  readonly applicationProperties?: Readonly<Record<string, unknown>> | undefined;
  readonly context: {
    readonly invocationId: string;
    readonly traceContext?: { readonly traceParent?: string | undefined } | undefined;
    readonly triggerMetadata?: Readonly<Record<string, unknown>> | undefined;
  };
}

export async function inMessageSpan(message: HandledMessage, work: () => Promise<void>): Promise<void> {
  await inInvocationSpan(`process ${message.topic}`, 'CONSUMER', originOf(message), attributesOf(message), work);
}

/** The event's own word goes before the message's: that one is lost when the event is sent on by others. */
function originOf({ body, applicationProperties = {}, context }: HandledMessage): TraceOrigin {
  const inBody = typeof body === 'object' && body !== null && 'traceparent' in body ? body.traceparent : undefined;
  // The library lowers the first letter of a property's name.
  const property = (name: string): unknown =>
    applicationProperties[name] ?? applicationProperties[`${name.charAt(0).toLowerCase()}${name.slice(1)}`];
  return {
    host: context.traceContext?.traceParent,
    sender: inBody ?? property('cloudEvents:traceparent') ?? property('Diagnostic-Id'),
    scheduler: property(SCHEDULED_BY),
  };
}

function attributesOf({ topic, subscription, context }: HandledMessage): Attributes {
  const { messageId, deliveryCount } = context.triggerMetadata ?? {};
  return {
    'messaging.system': 'servicebus',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.destination.subscription.name': subscription,
    'faas.invocation_id': context.invocationId,
    ...(messageId !== undefined && { 'messaging.message.id': String(messageId) }),
    ...(typeof deliveryCount === 'number' && { 'messaging.servicebus.message.delivery_count': deliveryCount }),
  };
}

/** A call to the broker. */
export function inBrokerSpan<T>(
  operation: 'send' | 'schedule' | 'peek' | 'receive',
  entity: string,
  attributes: Readonly<Record<string, string | number>>,
  work: () => Promise<T>,
): Promise<T> {
  const isSend = operation === 'send' || operation === 'schedule';
  const place = { 'messaging.system': 'servicebus', 'messaging.destination.name': entity };
  const what = { 'messaging.operation.name': operation, 'messaging.operation.type': isSend ? 'send' : 'receive' };
  const kind = isSend ? 'PRODUCER' : 'CLIENT';
  return inChildSpan(`${operation} ${entity}`, kind, { ...place, ...what, ...attributes }, work);
}
