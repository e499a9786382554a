import { part } from './api-kinds.ts';
import type { JsonObject } from './field-sets.ts';

/** Gives a Deployment these containers, by name; `migrate` is an init container. */
export function setContainers(deployment: JsonObject, images: Readonly<Record<string, string>>): void {
  const all = Object.entries(images).map(([name, image]) => ({ name, image }));
  const spec = part(deployment, 'spec', 'template', 'spec');
  spec['containers'] = all.filter(({ name }) => name !== 'migrate');
  spec['initContainers'] = all.filter(({ name }) => name === 'migrate');
}
