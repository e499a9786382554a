/** Where things run. One contract suite: `test/contract/cluster.ts`. */

/** A Kubernetes Deployment in one cluster. */
export interface Workload {
  readonly namespace: string;
  readonly deployment: string;
}

/** The image of a container, which may be an init container. */
export interface ContainerImage {
  /** The only container, init containers aside, when absent. */
  readonly name?: string | undefined;
  readonly image: string;
}

/**
 * A change to some containers of a workload, by apply or by rollback: all of them in one step. Each bears the marks of the
 * last change made to it, so that a repeated change is recognised by looking, and a late one (a process that was cut off
 * and wakes up) is refused. Changes to different containers do not meet.
 */
export interface Change extends Workload {
  /** At least one. */
  readonly containers: readonly ContainerImage[];
  /** Names this change; `RunningContainer.requestId` shows it. */
  readonly requestId: string;
  /**
   * The place of this change among all changes of these containers: ASCII text that sorts (by code unit) after the
   * rank of every older change. The cluster compares and writes in one step (Kubernetes: `resourceVersion`).
   */
  readonly rank: string;
  /** Human text for `kubernetes.io/change-cause`. */
  readonly changeCause: string;
}

export interface Release extends Change {
  /** Left as it is when absent. */
  readonly replicas?: number | undefined;
}

/** A return to images that ran before, as `Rollout` showed them; replicas stay. */
export interface Rollback extends Change {
  /** The revision in which they ran, if it is known: no other is restored then. */
  readonly revision?: string | undefined;
}

/** A container as the template asks for it now. */
export interface RunningContainer {
  readonly name: string;
  readonly image: string;
  readonly isInit: boolean;
  /** The change last made to it through this port. */
  readonly requestId: string | undefined;
  /**
   * Whether the image is as that change left it, and nobody has set it since. It may be another than was asked for: an
   * admission policy may add a digest, or rewrite the registry.
   */
  readonly isAsChanged: boolean;
  /** Who else has set the image, as the cluster names them; undefined when nobody has, or it does not say. */
  readonly setBy?: string | undefined;
}

/** What runs, and what is meant to run. */
export interface Rollout {
  /** `complete` only when every replica runs what the template asks for now. */
  readonly state: 'progressing' | 'complete' | 'failed';
  /** For people: what is being waited for, or why it failed. */
  readonly message: string;
  /** All of them, init containers included. */
  readonly containers: readonly RunningContainer[];
  readonly replicas: number;
  /** `deployment.kubernetes.io/revision`. */
  readonly revision: string | undefined;
}

/** The name of the ResourceQuota, LimitRange and other objects that guardrails make in a namespace. */
export const GUARDRAILS_NAME = 'platform';

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/, the strictest last. */
export const POD_SECURITY = ['privileged', 'baseline', 'restricted'] as const;
export type PodSecurity = (typeof POD_SECURITY)[number];

/** A namespace with everything it is owed; see `profiles` in the configuration. */
export interface Guardrails {
  readonly namespace: string;
  /** Whether it may be taken over when it is there and was not made through this port. */
  readonly adopt: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** The Pod Security Standard that it enforces, unless somebody else set a stricter one. */
  readonly podSecurity: PodSecurity;
  /** ResourceQuota `hard`, quantities by resource name. */
  readonly quota: Readonly<Record<string, string>>;
  /** LimitRange of type Container. */
  readonly limits: {
    readonly default: Readonly<Record<string, string>>;
    readonly defaultRequest: Readonly<Record<string, string>>;
  };
  /** RoleBinding: the team's group and the ClusterRole it gets. */
  readonly access: { readonly group: string; readonly clusterRole: string };
}

export interface Quota {
  readonly name: string;
  readonly hard: Readonly<Record<string, string>>;
}

/** One Kubernetes cluster. Every call is safe to repeat. */
export interface Cluster {
  /**
   * Sets the images (and replicas). Changes nothing when the containers already bear this very rank.
   *
   * @throws SupersededError when one of them bears a higher rank; nothing is changed
   * @throws NotFoundError when the deployment does not exist (and this cluster does not create them)
   * @throws PermanentError when the cluster refuses it for good; nothing is changed
   */
  apply(release: Release): Promise<void>;
  /** @throws NotFoundError */
  rollout(workload: Workload): Promise<Rollout>;
  /**
   * Restores the template in which the images ran, if it is kept and differs in these containers' images alone; otherwise
   * sets the images in the template of now. Changes nothing when the containers already bear this very rank. A template
   * that asks for the images already stays, but the marks are written: what was still on its way is then refused.
   *
   * @throws SupersededError when one of them bears a higher rank; nothing is changed
   * @throws NotFoundError when the deployment does not exist
   */
  rollback(rollback: Rollback): Promise<void>;
  /**
   * Namespace, ResourceQuota, LimitRange, default-deny NetworkPolicy with DNS allowed, RoleBinding; server-side apply
   * under one field manager: repairs drift, touches nothing else.
   *
   * @throws NotOwnedError when the namespace is there, was not made through this port, and is not to be adopted
   * @throws PolicyViolationError for a system namespace, as every other change; nothing is changed
   */
  applyGuardrails(guardrails: Guardrails): Promise<void>;
  /** The quotas of a namespace; ours is the one named GUARDRAILS_NAME. @throws NotFoundError when the namespace does not exist */
  quotas(namespace: string): Promise<readonly Quota[]>;
  /** Sets one resource of our quota. @throws NotOwnedError when the quota is somebody else's */
  setQuota(namespace: string, quota: string, resource: string, hard: string): Promise<void>;
  /** Checks that the API server answers. */
  ping(): Promise<void>;
}

/** The clusters of the configuration, by name. */
export interface Clusters {
  /** `default` when no name is given. @throws NotFoundError naming the known ones */
  get(name: string | undefined): Cluster;
  readonly names: readonly string[];
}
