/** The catalog: every event, collected from the exports of the family modules. */
import type { EventDefinition, EventOf } from './cloud-event.ts';
import * as deployment from './deployment.ts';
import * as infrastructure from './infrastructure.ts';
import * as platform from './platform.ts';

/** Families by name. */
export const families = { deployment, infrastructure, platform } as const;

export type Family = keyof typeof families;

type DefinitionsOf<Module> = Module[keyof Module];

/** Any of the events, discriminated by `type`. */
export type PlatformEvent = { [F in Family]: EventOf<DefinitionsOf<(typeof families)[F]>> }[Family];

export type EventType = PlatformEvent['type'];

/** An event definition and the family it was declared in. */
export interface CatalogEntry {
  readonly family: Family;
  readonly definition: EventDefinition;
}

/** Every event by its type. */
export const catalog: ReadonlyMap<string, CatalogEntry> = new Map(
  Object.entries(families).flatMap(([family, module]) =>
    Object.values<EventDefinition>(module).map((definition): [string, CatalogEntry] => [
      definition.type,
      // Object.entries widens the keys of a constant object to string.
      { family: family as Family, definition },
    ]),
  ),
);
