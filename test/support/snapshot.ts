/** What the templates would make with the parameters in `infra/example.bicepparam`, as the committed snapshot says. */
import { readFileSync } from 'node:fs';
import { SNAPSHOT } from '../../shared/cli/bicep.ts';

export interface AzureResource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly [member: string]: unknown;
}

const { predictedResources }: { predictedResources: AzureResource[] } = JSON.parse(readFileSync(SNAPSHOT, 'utf8'));

export const resources: readonly AzureResource[] = predictedResources;

export function resourcesOf(type: string): readonly AzureResource[] {
  return resources.filter((resource) => resource.type === type);
}

/** The only one. */
export function resourceOf(type: string): AzureResource {
  const [resource, ...others] = resourcesOf(type);
  if (!resource || others.length > 0)
    throw new Error(`expected one ${type}, got ${others.length + (resource ? 1 : 0)}`);
  return resource;
}

/** Where it is in its resource group, such as `Microsoft.ServiceBus/namespaces/sb-x/topics/health-check`. */
export function placeOf(id: string): string {
  return id.replace(/^.*?\/resourceGroups\/[^/]+\/providers\//, '');
}
