/** Binds a handler to its subscription: registers the Azure Function, and hands every message to the delivery. */
import { app, type InvocationContext } from '@azure/functions';
import { appPorts, checkSettingsAtStart } from './app-ports.ts';
import { type Delivery, deliver, holdBack } from './delivery/deliver.ts';
import { forgetOldWhenDue } from './delivery/retention.ts';
import type { EventType, PlatformEvent } from './events/catalog.ts';
import type { EventDefinition } from './events/cloud-event.ts';
import { keepLongNumbers } from './message-text.ts';
import type { Expectation, Handler } from './ports/handler.ts';
import { inMessageSpan } from './telemetry/message-span.ts';
import { routeOf } from './topology.ts';

export { usePorts } from './app-ports.ts';

/** A handler and the subscription that feeds it. */
export interface Registration {
  readonly definition: EventDefinition;
  readonly handle: Handler<never>;
  readonly expectation: Expectation<never> | undefined;
  readonly topic: string;
  readonly subscription: string;
}

type EventOfType<Type extends EventType> = Extract<PlatformEvent, { type: Type }>;

const registrations = new Map<string, Registration>();

/** Every handler registered in this process, by event type. */
export function registeredHandlers(): ReadonlyMap<string, Registration> {
  return registrations;
}

/**
 * Registers the Azure Function that handles an event; its name is the subscription's.
 *
 * A fact (`sender: 'app'`) needs an expectation, since anybody could have written it.
 *
 * @example onEvent(DeploymentRequested, handle);
 * @throws TypeError when the event is not in the catalog, has a handler already, or is a fact without an expectation
 */
export function onEvent<Type extends EventType>(
  definition: EventDefinition<Type>,
  handle: Handler<EventOfType<NoInfer<Type>>>,
  expectation?: Expectation<EventOfType<NoInfer<Type>>>,
): void {
  const route = routeOf(definition.type);
  if (!route) throw new TypeError(`${definition.type} is not in the catalog: export it from its family's module`);
  if (registrations.has(definition.type)) throw new TypeError(`${definition.type} has a handler already`);
  if (definition.sender === 'app' && !expectation) {
    throw new TypeError(`${definition.type} is a fact: give what the stored state must say of it`);
  }
  const { topic, subscription } = route;
  registrations.set(definition.type, { definition, handle, expectation, topic, subscription });

  checkSettingsAtStart();
  app.serviceBusTopic(subscription, {
    connection: 'ServiceBus',
    topicName: topic,
    subscriptionName: subscription,
    cardinality: 'one',
    handler: async (body: unknown, context: InvocationContext) => {
      const delivery = { definition, handle, expectation, body, ...metadataOf(context.triggerMetadata ?? {}) };
      const { applicationProperties } = delivery;
      const message = { topic, subscription, body, applicationProperties, context };
      await inMessageSpan(message, () => serve(delivery, context));
    },
  });
  keepLongNumbers();
}

async function serve(delivery: Delivery, context: InvocationContext): Promise<void> {
  const { ports, options, historyLimits } = await appPorts(context).catch((error) => holdBack(delivery, error));
  await deliver(delivery, ports, options);
  await forgetOldWhenDue(ports, historyLimits);
}

/**
 * What a delivery wants to know beside the body. Nothing depends on its truth: the host lets fields of the body
 * shadow a message's own properties.
 */
function metadataOf(metadata: Readonly<Record<string, unknown>>): Partial<Delivery> {
  // Not enqueuedTimeUtc: the host gives that no zone.
  const { deliveryCount, enqueuedTime, userProperties, applicationProperties } = metadata;
  const properties = userProperties ?? applicationProperties;
  return {
    enqueuedTime,
    ...(typeof deliveryCount === 'number' && { deliveryCount }),
    ...(typeof properties === 'object' &&
      properties !== null && { applicationProperties: { ...properties } as Readonly<Record<string, unknown>> }),
  };
}
