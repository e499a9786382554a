/** Which Deployment an event is about. */
import { dnsLabel, dnsSubdomain } from './fields.ts';

/** `<cluster>/<namespace>/<deployment>`; what names no cluster means the one named `default`. */
export function targetOf({
  cluster = 'default',
  namespace,
  deployment,
}: {
  readonly cluster?: string | undefined;
  readonly namespace: string;
  readonly deployment: string;
}): string {
  return `${cluster}/${namespace}/${deployment}`;
}

/** The deployment that a target names; undefined for a text that names none. */
export function parseTarget(
  text: string,
): { readonly cluster: string; readonly namespace: string; readonly deployment: string } | undefined {
  const [cluster, namespace, deployment, ...others] = text.split('/');
  const isOne = dnsLabel.safeParse(cluster).success && dnsLabel.safeParse(namespace).success;
  if (!isOne || others.length > 0 || !dnsSubdomain.safeParse(deployment).success) return undefined;
  // No schema accepts what is missing.
  return { cluster: cluster ?? '', namespace: namespace ?? '', deployment: deployment ?? '' };
}
