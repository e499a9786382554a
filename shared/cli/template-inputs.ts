/** The files that the templates in `infra/` read, from the code's own definitions. */
import type { Topology } from '../topology.ts';

/** By their names in `infra/`. */
export function templateInputs({ topics, queues }: Topology): ReadonlyMap<string, string> {
  // The order of the catalog is that of a module's exports, which a bundler may change.
  const sorted = topics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return new Map([
    ['topology.json', `${JSON.stringify({ topics: sorted, queues }, null, 2)}\n`],
    ['published-events.bicep', publishedEvents(sorted)],
  ]);
}

/** A type, so that the templates refuse what only the app may send: in the editor, and at every deployment. */
function publishedEvents(topics: Topology['topics']): string {
  const types = topics.filter(({ sender }) => sender === 'publisher').map(({ type }) => `  | '${type}'\n`);
  return `// Written by \`npm run infra\` from the catalog of events; changes belong there.
@export()
@description('The types that others than the app may be given the right to send.')
type PublishedEvent =
${types.join('')}`;
}
