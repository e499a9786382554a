/**
 * The rights that this app needs in a cluster, as manifests for `kubectl apply`: a Role in each namespace that the
 * configuration names, or one ClusterRole for all. RBAC knows names and no patterns, so patterns need the latter.
 */
import { namespacesIn } from '../config/namespace-lookup.ts';
import { SYSTEM_NAMESPACES } from '../config/system-namespaces.ts';
import type { PlatformConfig } from '../config.ts';
import { NotFoundError } from '../errors.ts';
import { GUARDRAILS_NAME } from '../ports/cluster.ts';

const RBAC = 'rbac.authorization.k8s.io';
const NAME = 'platform-events';

export type Subject =
  | { readonly kind: 'User'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly namespace: string; readonly name: string };

interface Rule {
  readonly why?: string;
  readonly apiGroup: string;
  readonly resource: string;
  readonly names?: readonly string[];
  readonly verbs: readonly string[];
}

/** What is done inside of a namespace. Server-side apply of an object that is not there needs create beside patch. */
function rulesInside(clusterRoles: readonly string[]): readonly Rule[] {
  const names = [GUARDRAILS_NAME];
  return [
    {
      why: 'Releases and rollbacks. Deployments are never created or deleted.',
      ...{ apiGroup: 'apps', resource: 'deployments', verbs: ['get', 'patch'] },
    },
    {
      why: 'A rollback looks for the template that ran before.',
      ...{ apiGroup: 'apps', resource: 'replicasets', verbs: ['list'] },
    },
    {
      why: 'Why a rollout is not ready: what its pods wait for. Without it, messages do not say.',
      ...{ apiGroup: '', resource: 'pods', verbs: ['list'] },
    },
    {
      why: 'Guardrails. Server-side apply of an object that is not there needs create beside patch.',
      ...{ apiGroup: '', resource: 'resourcequotas', verbs: ['get', 'list'] },
    },
    { apiGroup: '', resource: 'resourcequotas', names, verbs: ['create', 'patch'] },
    { apiGroup: '', resource: 'limitranges', names, verbs: ['create', 'patch'] },
    { apiGroup: 'networking.k8s.io', resource: 'networkpolicies', names, verbs: ['create', 'patch'] },
    {
      why: "A binding's role cannot be changed, so a binding to another role is deleted and made anew.",
      ...{ apiGroup: RBAC, resource: 'rolebindings', names, verbs: ['get', 'create', 'patch', 'delete'] },
    },
    {
      why: 'The roles that profiles give to teams (`profiles.*.clusterRole`).',
      ...{ apiGroup: RBAC, resource: 'clusterroles', names: clusterRoles, verbs: ['bind'] },
    },
  ];
}

const ofNamespaces = (names?: readonly string[]): Rule => ({
  why: 'A namespace itself: whose it is, its labels, whether it is being deleted. The app deletes none.',
  ...{ apiGroup: '', resource: 'namespaces', ...(names && { names }), verbs: ['get', 'create', 'patch'] },
});

interface Options {
  readonly subject: Subject;
  /** One ClusterRole, though every namespace is named. */
  readonly isClusterWide: boolean;
}

/** @throws NotFoundError for a cluster that is not configured, or that has no namespaces */
export function rolesFor(config: PlatformConfig, cluster: string, { subject, isClusterWide }: Options): string {
  const names = namespacesIn(config, cluster).map(({ namespace }) => namespace);
  if (!Object.hasOwn(config.clusters, cluster)) {
    throw new NotFoundError(`unknown cluster '${cluster}'; known: ${Object.keys(config.clusters).join(', ')}`);
  }
  if (names.length === 0 && !isClusterWide) {
    throw new NotFoundError(`cluster '${cluster}' has no namespaces in the configuration: nothing is done there`);
  }
  const roles = [...new Set(Object.values(config.profiles).map(({ clusterRole }) => clusterRole))].sort();
  const patterns = names.filter((name) => name.includes('*'));
  return isClusterWide || patterns.length > 0
    ? clusterWide(patterns, roles, subject)
    : perNamespace([...names].sort(), roles, subject);
}

function clusterWide(patterns: readonly string[], clusterRoles: readonly string[], subject: Subject): string {
  const why =
    patterns.length > 0
      ? `RBAC knows no patterns, and the configuration has ${patterns.join(', ')}: so these are rights in every namespace.`
      : 'These are rights in every namespace, also where the configuration allows nothing.';
  return [
    comment(
      'What the platform-events app may do in a cluster, written by `platform-events rbac`.',
      '',
      why,
      `What that amounts to: WHOEVER ACTS AS THIS APP IS AN ADMINISTRATOR OF THE CLUSTER. It can have any Deployment run any image, as any service account of its namespace, in kube-system too; it can give any group the ClusterRole ${clusterRoles.join(' or ')} in any namespace; and it can take the Pod Security label off any namespace.`,
      `The app itself refuses what the configuration does not list, and system namespaces (${SYSTEM_NAMESPACES.slice(0, 4).join(', ')} and others), before it asks the cluster. A stolen identity does not. With namespaces that are all named, \`platform-events rbac\` writes a Role in each instead.`,
    ),
    role('ClusterRole', undefined, [ofNamespaces(), ...rulesInside(clusterRoles)]),
    binding('ClusterRoleBinding', undefined, 'ClusterRole', subject),
  ].join('\n');
}

function perNamespace(names: readonly string[], clusterRoles: readonly string[], subject: Subject): string {
  const head = comment(
    'What the platform-events app may do in a cluster, written by `platform-events rbac`: in the namespaces that the configuration names, and nowhere else.',
    '',
    `What that amounts to: whoever acts as this app has these namespaces, with all that the service accounts in them may do, and can give any group the ClusterRole ${clusterRoles.join(' or ')} there.`,
    'A Role needs its namespace: `kubectl apply` this once they are there, or make them with `kubectl create namespace` first and set `adopt` at their entries. Write it again when the configuration names another.',
  );
  const own = [
    role('ClusterRole', undefined, [ofNamespaces(names)]),
    binding('ClusterRoleBinding', undefined, 'ClusterRole', subject),
  ];
  const inside = names.flatMap((namespace) => [
    role('Role', namespace, rulesInside(clusterRoles)),
    binding('RoleBinding', namespace, 'Role', subject),
  ]);
  return [head, ...own, ...inside].join('\n');
}

const comment = (...lines: string[]): string => lines.flatMap((line) => wrapped(line)).join('\n');

function wrapped(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length > 115) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `# ${line}`.trimEnd());
}

/** Every text that could be read as something else is quoted: JSON's strings are YAML's. */
const list = (items: readonly string[]): string => `[${items.map((it) => JSON.stringify(it)).join(', ')}]`;

function role(kind: 'Role' | 'ClusterRole', namespace: string | undefined, rules: readonly Rule[]): string {
  const lines = rules.flatMap(({ why, apiGroup, resource, names, verbs }) => [
    ...(why === undefined ? [] : [`  # ${why}`]),
    `  - apiGroups: ${list([apiGroup])}`,
    `    resources: ${list([resource])}`,
    ...(names === undefined ? [] : [`    resourceNames: ${list(names)}`]),
    `    verbs: ${list(verbs)}`,
  ]);
  return [...headOf(kind, namespace), 'rules:', ...lines].join('\n');
}

function binding(
  kind: 'RoleBinding' | 'ClusterRoleBinding',
  namespace: string | undefined,
  roleKind: string,
  subject: Subject,
): string {
  return [
    ...headOf(kind, namespace),
    'roleRef:',
    `  apiGroup: ${RBAC}`,
    `  kind: ${roleKind}`,
    `  name: ${NAME}`,
    'subjects:',
    `  - kind: ${subject.kind}`,
    ...(subject.kind === 'User' ? [`    apiGroup: ${RBAC}`] : [`    namespace: ${JSON.stringify(subject.namespace)}`]),
    `    name: ${JSON.stringify(subject.name)}`,
  ].join('\n');
}

function headOf(kind: string, namespace: string | undefined): readonly string[] {
  return [
    '---',
    `apiVersion: ${RBAC}/v1`,
    `kind: ${kind}`,
    'metadata:',
    `  name: ${NAME}`,
    ...(namespace === undefined ? [] : [`  namespace: ${JSON.stringify(namespace)}`]),
  ];
}
