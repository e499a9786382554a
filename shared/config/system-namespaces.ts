/** Namespaces that hold a cluster together, or that make the platform itself: no event has any effect on them. */
import { matches } from './patterns.ts';

/** Kubernetes' own, this app's, and those that well-known components are installed to; patterns. */
export const SYSTEM_NAMESPACES: readonly string[] = [
  ...['kube-*', 'default', 'platform-events'],
  ...[
    'argocd',
    'argo-rollouts',
    'azure-*',
    'aks-*',
    'calico-system',
    'cert-manager',
    'cilium',
    'cilium-*',
    'external-dns',
  ],
  ...[
    'external-secrets',
    'flux-system',
    'gatekeeper-system',
    'gmp-system',
    'gke-*',
    'ingress-nginx',
    'istio-*',
    'kyverno',
  ],
  ...['linkerd', 'linkerd-*', 'metallb-system', 'openshift', 'openshift-*', 'rook-ceph', 'sealed-secrets'],
  ...['tigera-operator', 'velero'],
];

/** What is needed of the configuration, which is not read yet where its sections are compared. */
interface Policies {
  readonly policies: { readonly systemNamespaces: readonly string[] };
}

/** They are asked for with every event, so they are one expression. */
const BUILT_IN = new RegExp(`^(?:${SYSTEM_NAMESPACES.map((pattern) => pattern.replace('*', '.*')).join('|')})$`);

/** Whether no event may have an effect on a namespace. */
export function isSystemNamespace({ policies }: Policies, namespace: string): boolean {
  return BUILT_IN.test(namespace) || policies.systemNamespaces.some((pattern) => matches(pattern, namespace));
}
