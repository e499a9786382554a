/** What a caller may do: the rights that the rules of the configuration give it, and what each is for. Pure. */
import { serviceOf } from '../config/service-lookup.ts';
import type { PlatformConfig } from '../config.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import type { Caller, Grant, Right } from '../ports/access.ts';
import { fitsPattern } from './patterns.ts';

/** What an act is about; what it does not say is covered by a grant for everything alone. */
export interface ActScope {
  readonly cluster?: string | undefined;
  readonly namespace?: string | undefined;
  readonly service?: string | undefined;
}

/** Nothing in a request says who sent it, or nothing that holds. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError';
}

/** Whoever holds a function key may do everything: a key says no more of its holder. */
export const KEY_HOLDER: Caller = {
  name: 'function-key',
  aliases: [],
  grants: [
    {
      rights: ['read', 'publish', 'override', 'unfreeze', 'pause', 'rollback', 'replay', 'discard'],
      ...{ types: ['*'], clusters: ['*'], namespaces: ['*'], services: ['*'] },
    },
  ],
};

/** Of whom nothing was asked. */
export const ANYBODY: Caller = { name: 'anybody', aliases: [], grants: [] };

/** Whether a caller has a right for anything at all; for what, `may` says. */
export function hasRight({ grants }: Caller, right: Right): boolean {
  return grants.some(({ rights }) => rights.includes(right));
}

/** Whether a caller may do this there. */
export function may({ grants }: Pick<Caller, 'grants'>, right: Right, scope: ActScope): boolean {
  return grants.some((grant) => grant.rights.includes(right) && covers(grant, scope));
}

/** Which of these rights a caller has for all that an event is about; `publish` is for types of events, too. */
export function rightsFor(
  { grants }: Pick<Caller, 'grants'>,
  rights: readonly Right[],
  event: PlatformEvent,
  config: PlatformConfig,
): Right[] {
  const scopes = scopesOf(event, config);
  const ofType = grants.filter(({ types }) => types.some((one) => one === '*' || one === event.type));
  return rights.filter((right) => {
    const fitting = { grants: right === 'publish' ? ofType : grants };
    return scopes.every((scope) => may(fitting, right, scope));
  });
}

function covers(grant: Grant, scope: ActScope): boolean {
  const { clusters, namespaces, services } = grant;
  if (!fitsOne(clusters, scope.cluster) || !fitsOne(namespaces, scope.namespace)) return false;
  // Asked for last, and where it matters alone: of which service a deployment is takes a look at all of them.
  return services.includes('*') || fitsOne(services, scope.service);
}

function fitsOne(patterns: readonly string[], text: string | undefined): boolean {
  return patterns.some((pattern) => pattern === '*' || (text !== undefined && fitsPattern(pattern, text)));
}

/** A deployment as the one that it is: its service is the configuration's word, or else its own name. */
export function deploymentScope(
  config: PlatformConfig,
  {
    cluster = 'default',
    namespace,
    deployment,
  }: { cluster?: string | undefined; namespace: string; deployment: string },
): ActScope {
  let known: string | undefined;
  return {
    ...{ cluster, namespace },
    get service() {
      known ??= serviceOf(config, { cluster, namespace, deployment }) ?? deployment;
      return known;
    },
  };
}

/**
 * What an event is about: everything of it that a caller must be allowed. The service that a request names itself under is
 * one more, and none in the place of the deployment's own: its sender could name any.
 */
function scopesOf(event: PlatformEvent, config: PlatformConfig): readonly ActScope[] {
  const { data } = event;
  switch (event.type) {
    case 'ClusterCreated':
    case 'ClusterUpdated':
      return [{ cluster: event.data.clusterName }];
    case 'NamespaceCreated':
    case 'ResourceQuotaExceeded':
      return [{ cluster: event.data.cluster ?? 'default', namespace: event.data.namespace }];
    case 'HealthCheck': {
      const { cluster, namespace, service } = event.data;
      return [{ cluster, namespace, service }];
    }
    case 'SLOViolation':
    case 'ErrorBudgetDepleted':
      return [{ service: event.data.service }];
    case 'DeploymentRequested':
    case 'DeploymentStarted':
    case 'DeploymentCompleted':
    case 'DeploymentFailed':
    case 'DeploymentRolledBack': {
      const scope = deploymentScope(config, event.data);
      const { service } = event.data;
      const { cluster, namespace } = scope;
      return service === undefined ? [scope] : [scope, { cluster, namespace, service }];
    }
    default:
      return [namedIn(data)];
  }
}

/** By the names that all events have for them. */
function namedIn(data: object): ActScope {
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(data, name);
    return typeof value === 'string' ? value : undefined;
  };
  return { cluster: text('cluster'), namespace: text('namespace'), service: text('service') };
}
