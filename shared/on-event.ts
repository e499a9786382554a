/** Binds a handler to its subscription: registers the Azure Function, and hands every message to the delivery. */
import { app, type InvocationContext } from '@azure/functions';
import { appPorts, checkSettingsAtStart } from './app-ports.ts';
import { type Delivery, deliver, holdBack } from './delivery/deliver.ts';
import { type EventOfType, registerHandler } from './delivery/registered-handlers.ts';
import { forgetOldWhenDue } from './delivery/retention.ts';
import type { EventType } from './events/catalog.ts';
import type { EventDefinition } from './events/cloud-event.ts';
import { keepLongNumbers } from './message-text.ts';
import type { Expectation, Handler } from './ports/handler.ts';
import { inMessageSpan } from './telemetry/message-span.ts';

export { usePorts } from './app-ports.ts';

/**
 * Registers a handler, and the Azure Function that runs it; its name is the subscription's.
 *
 * @example onEvent(DeploymentRequested, handle);
 * @throws TypeError as `registerHandler`
 */
export function onEvent<Type extends EventType>(
  definition: EventDefinition<Type>,
  handle: Handler<EventOfType<NoInfer<Type>>>,
  expectation?: Expectation<EventOfType<NoInfer<Type>>>,
): void {
  const { topic, subscription } = registerHandler(definition, handle, expectation);
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
  await forgetOldWhenDue(ports, historyLimits, options.timer);
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
