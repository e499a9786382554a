/** Which Deployment an event is about. */

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
