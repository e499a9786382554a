/** Every registered handler on a bus, in this process and without a Functions host. */
import { deliver } from '../../delivery/deliver.ts';
import { registeredHandlers } from '../../delivery/registered-handlers.ts';
import type { Subscriber } from '../../ports/bus.ts';
import type { Ports } from '../../ports/handler.ts';

/** Feeds them until the returned function is called; it resolves when the last run has ended. */
export function serveHandlers(
  bus: Subscriber,
  ports: Ports,
  options?: Parameters<typeof deliver>[2],
): () => Promise<void> {
  const stops = [...registeredHandlers().values()].map(({ topic, subscription, definition, handle, expectation }) =>
    bus.subscribe(topic, subscription, ({ body, applicationProperties, deliveryCount }) =>
      deliver({ definition, handle, expectation, body, applicationProperties, deliveryCount }, ports, options),
    ),
  );
  return async () => void (await Promise.all(stops.map((stop) => stop())));
}
