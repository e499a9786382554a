/** Valid data for every event, for tests that need just any. */
import { catalog, type EventType, type PlatformEvent } from '../../shared/events/catalog.ts';

type Samples = { readonly [Type in EventType]: Extract<PlatformEvent, { type: Type }>['data'] };

/** The example of each type. */
export const sampleData: Samples = Object.fromEntries(
  // Each definition's example is of its own schema.
  [...catalog].map(([type, { definition }]) => [type, definition.example]),
) as Samples;
