/** Who asks over HTTP, and what they may do. */
import type { PlatformConfig } from '../config.ts';

type AccessRule = PlatformConfig['access']['rules'][number];

export type Right = AccessRule['rights'][number];

/** What one rule gives. */
export type Grant = Pick<AccessRule, 'rights' | 'types' | 'clusters' | 'namespaces' | 'services'>;

export interface Caller {
  /** For people and the audit log: the issuer's name in the configuration, and whom it speaks of. */
  readonly name: string;
  /** What the caller may be called in an event: its name, and what the issuer calls it. */
  readonly aliases: readonly string[];
  readonly grants: readonly Grant[];
}

/** The headers of a request. */
export interface RequestHeaders {
  get(name: string): string | null;
}

export interface Callers {
  /**
   * Who sent a request with these headers.
   *
   * @throws UnauthenticatedError when nothing in them says so, or nothing that holds
   * @throws TransientError while that cannot be known
   */
  identify(headers: RequestHeaders): Promise<Caller>;
}
