/** Entra tokens for what has no SDK of Azure (API servers of Kubernetes, Prometheus): kept, and renewed before they expire. */
import type { Clock } from '../ports/clock.ts';

/** Renewed this long before the end, so that none expires on its way; API servers allow no leeway. */
const RENEW_BEFORE_MS = 5 * 60_000;

export interface AccessToken {
  readonly token: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresOnTimestamp: number;
  /** When a new one should be asked for, if the issuer said so. */
  readonly refreshAfterTimestamp?: number | undefined;
}

/** Gets a fresh token; rejects when the issuer cannot be reached. */
export type Issuer = (scope: string) => Promise<AccessToken>;

/** The identity of this app: managed identity, workload identity, environment, or who is signed in to the CLI. */
export async function entraIssuer(environment: Readonly<Record<string, string | undefined>>): Promise<Issuer> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  const clientId = environment['AZURE_CLIENT_ID'];
  const credential = new DefaultAzureCredential(clientId ? { managedIdentityClientId: clientId } : {});
  return (scope) => credential.getToken(scope);
}

/** One token of one scope, for all requests. */
export class CachedToken {
  readonly #issuer: () => Promise<Issuer>;
  readonly #scope: string;
  readonly #clock: Clock;
  #current: AccessToken | undefined;
  #pending: Promise<AccessToken> | undefined;

  constructor(options: { issuer: () => Promise<Issuer>; scope: string; clock: Clock }) {
    this.#issuer = options.issuer;
    this.#scope = options.scope;
    this.#clock = options.clock;
  }

  /** Concurrent callers share one request. A token that still holds is used when no newer one can be had. */
  async value(): Promise<string> {
    const now = this.#clock.now();
    const current = this.#current;
    if (current && now < (current.refreshAfterTimestamp ?? current.expiresOnTimestamp - RENEW_BEFORE_MS)) {
      return current.token;
    }
    this.#pending ??= this.#renew();
    try {
      return (await this.#pending).token;
    } catch (error) {
      if (current && now < current.expiresOnTimestamp) return current.token;
      throw error;
    }
  }

  /** This one was refused: the next request gets another. */
  forget(): void {
    this.#current = undefined;
  }

  async #renew(): Promise<AccessToken> {
    try {
      const issue = await this.#issuer();
      this.#current = await issue(this.#scope);
      return this.#current;
    } finally {
      this.#pending = undefined;
    }
  }
}
