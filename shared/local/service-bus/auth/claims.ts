/** What a client has shown that it may do: its tokens' rights, each for an address and until a time. */
import type { AccessRight } from '../core/authorization-rule.ts';
import { pathOf, type TokenGrant } from './token.ts';

/** Timers take no longer time; a token that outlives it is looked at again. */
const LONGEST_TIMER_MS = 0x7fffffff;

export class Claims {
  readonly #grants = new Map<string, TokenGrant>();
  readonly #onExpired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isEmpty = true;

  /** @param onExpired called when a token has expired that no newer one replaced */
  constructor(onExpired: () => void = () => {}) {
    this.#onExpired = onExpired;
  }

  /** Whether the client has never shown anything. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** A newer token for the same address replaces the older one. */
  put(audience: string, grant: TokenGrant): void {
    this.#isEmpty = false;
    this.#grants.set(pathOf(audience), grant);
    this.#watch();
  }

  delete(audience: string): void {
    this.#grants.delete(pathOf(audience));
  }

  /** The rights at an address; undefined when no token covers it. */
  rightsAt(address: string): ReadonlySet<AccessRight> | undefined {
    const path = `${pathOf(address)}/`;
    const covering = [...this.#grants].filter(([claim]) => claim === '' || path.startsWith(`${claim}/`));
    if (covering.length === 0) return undefined;
    return new Set(covering.flatMap(([, { rights }]) => rights));
  }

  /** Ends the timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#grants.clear();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const next = Math.min(...[...this.#grants.values()].map(({ expiresAtMs }) => expiresAtMs));
    if (next === Number.POSITIVE_INFINITY) return;
    // Tokens expire by the system's clock, even when the broker runs on another.
    const left = Math.min(Math.max(0, next - Date.now()), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#expire(), left).unref();
  }

  #expire(): void {
    const expired = [...this.#grants].filter(([, { expiresAtMs }]) => expiresAtMs <= Date.now());
    for (const [claim] of expired) this.#grants.delete(claim);
    this.#watch();
    if (expired.length > 0) this.#onExpired();
  }
}
