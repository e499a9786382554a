/** Valid data for every event, for tests that need just any. */
import { catalog, type EventType, type PlatformEvent } from '../../shared/events/catalog.ts';
import { exampleEvent } from '../../shared/events/examples.ts';

type Samples = { readonly [Type in EventType]: Extract<PlatformEvent, { type: Type }>['data'] };

/** The required fields of each type, with the examples of its schema. */
export const sampleData: Samples = Object.fromEntries(
  // `exampleEvent` has the schema of the very type check it.
  [...catalog.keys()].map((type) => [type, exampleEvent(type).data]),
) as Samples;
