/** Why the pods of a rollout are not ready: an image that cannot be pulled, a crash, no room on any node. */
import { PlatformError } from '../../errors.ts';
import type { Rollout } from '../../ports/cluster.ts';
import type { KubernetesClient } from './client.ts';
import { selectorText } from './deployment.ts';
import { withoutCredentials } from './errors.ts';
import { type ContainerStatus, type Deployment, type Pod, podSchema } from './objects.ts';

/** Pods of one template mostly fail alike. */
const MAX_PODS = 20;
const MAX_CAUSE = 500;

/** The rollout with its cause in the message, when its pods tell one. */
export async function withCause(client: KubernetesClient, deployment: Deployment, rollout: Rollout): Promise<Rollout> {
  const { metadata, status } = deployment;
  if (rollout.state === 'complete' || status.observedGeneration < metadata.generation) return rollout;
  const cause = await causeOf(client, deployment);
  return cause === undefined ? rollout : { ...rollout, message: `${rollout.message}; ${cause}` };
}

async function causeOf(client: KubernetesClient, { metadata, spec, status }: Deployment): Promise<string | undefined> {
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  // The pods of the templates before say nothing of this one.
  const hash = /replica ?set "[^"]*-([^"-]+)"/i.exec(progressing?.message ?? '')?.[1];
  if (hash === undefined) return undefined;
  const path = `/api/v1/namespaces/${encodeURIComponent(metadata.namespace)}/pods`;
  const labelSelector = `${selectorText(spec.selector)},pod-template-hash=${hash}`;
  try {
    const pods = await client.firstPage(path, podSchema, { labelSelector, limit: String(MAX_PODS) });
    return [...pods.map(troubleOf), ...pods.map(unreadyIn)].find((trouble) => trouble !== undefined);
  } catch (error) {
    // The cause is for people, and not everybody has given this app the right to see pods.
    if (error instanceof PlatformError) return undefined;
    throw error;
  }
}

/** A container that is on its way says so, too. */
const ON_ITS_WAY: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

function troubleOf({ status }: Pod): string | undefined {
  const unscheduled = status.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  if (unscheduled) return textOf([unscheduled.reason, unscheduled.message]);
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return all.map(troubleOfContainer).find((trouble) => trouble !== undefined);
}

function troubleOfContainer({ name, state, lastState }: ContainerStatus): string | undefined {
  const { reason, message } = state?.waiting ?? {};
  if (reason !== undefined && ON_ITS_WAY.has(reason)) return undefined;
  const ended = state?.terminated ?? lastState?.terminated;
  // An init container ends when it is done; and between two crashes a container runs.
  const isCrash = ended !== undefined && ended !== null && ended.exitCode !== 0;
  if (reason === undefined && !isCrash) return undefined;
  const last = ended ? `${ended.reason ?? 'ended'}, exit code ${ended.exitCode}` : undefined;
  return textOf([`container ${name}`, reason, last, message]);
}

/** What only its readiness probe is against. */
function unreadyIn({ status }: Pod): string | undefined {
  const unready = status.containerStatuses?.find(({ ready, state }) => ready === false && state?.running);
  return unready && `container ${unready.name} runs, and is not ready`;
}

function textOf(parts: readonly (string | undefined)[]): string {
  return withoutCredentials(parts.filter(Boolean).join(': ')).slice(0, MAX_CAUSE);
}
