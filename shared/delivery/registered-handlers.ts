/** The handlers of this process, each with the subscription that feeds it. */
import type { EventType, PlatformEvent } from '../events/catalog.ts';
import type { EventDefinition } from '../events/cloud-event.ts';
import type { Expectation, Handler } from '../ports/handler.ts';
import { routeOf } from '../topology.ts';

/** A handler and the subscription that feeds it. */
export interface Registration {
  readonly definition: EventDefinition;
  readonly handle: Handler<never>;
  readonly expectation: Expectation<never> | undefined;
  readonly topic: string;
  readonly subscription: string;
}

/** The event of a type. */
export type EventOfType<Type extends EventType> = Extract<PlatformEvent, { type: Type }>;

const registrations = new Map<string, Registration>();

/** Every handler registered in this process, by event type. */
export function registeredHandlers(): ReadonlyMap<string, Registration> {
  return registrations;
}

/**
 * A fact (`sender: 'app'`) needs an expectation, since anybody could have written it.
 *
 * @throws TypeError when the event is not in the catalog, has a handler already, or is a fact without an expectation
 */
export function registerHandler<Type extends EventType>(
  definition: EventDefinition<Type>,
  handle: Handler<EventOfType<NoInfer<Type>>>,
  expectation?: Expectation<EventOfType<NoInfer<Type>>>,
): Registration {
  const route = routeOf(definition.type);
  if (!route) throw new TypeError(`${definition.type} is not in the catalog: export it from its family's module`);
  if (registrations.has(definition.type)) throw new TypeError(`${definition.type} has a handler already`);
  if (definition.sender === 'app' && !expectation) {
    throw new TypeError(`${definition.type} is a fact: give what the stored state must say of it`);
  }
  const registration = { definition, handle, expectation, ...route };
  registrations.set(definition.type, registration);
  return registration;
}
