/**
 * The public keys of one issuer: from the configuration, or fetched and kept. They are asked for again every ten minutes,
 * and when a token names a key that is not among them; while the issuer is away those that are known go on for a day.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../duration.ts';
import { TransientError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';

/** What a server answers at an address, as JSON. Rejects when it does not within a few seconds. */
export type FetchDocument = (url: string) => Promise<unknown>;

/** What keys are looked up with. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

interface IssuerLocation {
  readonly issuer: string;
  readonly jwksUri?: string | undefined;
  readonly keys?: readonly Readonly<Record<string, unknown>>[] | undefined;
  /** What the issuer calls itself where it tells of its keys. */
  readonly discoveredIssuer: (issuer: string) => boolean;
}

const REFRESH_MS = 10 * MINUTE_MS;
const USABLE_MS = DAY_MS;
/** Between two questions to the issuer: tokens with key ids that do not exist must not drive it. */
const PAUSE_MS = 30 * SECOND_MS;

interface KnownKeys {
  readonly set: KeySet;
  readonly at: number;
}

export class IssuerKeys {
  readonly #location: IssuerLocation;
  readonly #clock: Clock;
  readonly #fetch: FetchDocument;
  readonly #fixed: KeySet | undefined;
  #known: KnownKeys | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  #asking: Promise<void> | undefined;

  constructor(location: IssuerLocation, clock: Clock, fetch: FetchDocument) {
    this.#location = location;
    this.#clock = clock;
    this.#fetch = fetch;
    this.#fixed = location.keys && keySetOf({ keys: location.keys });
  }

  /** The keys as they are known. @throws TransientError when none are, and the issuer does not tell */
  async current(): Promise<KeySet> {
    if (this.#fixed) return this.#fixed;
    if (!this.#known || this.#clock.now() - this.#known.at >= REFRESH_MS) await this.#ask();
    return this.#usable();
  }

  /**
   * The keys after the issuer was asked again, for a token whose key is not among the known ones; undefined when it was
   * just asked, and there are no others.
   *
   * @throws TransientError when it does not answer: the key may be a new one
   */
  async newer(): Promise<KeySet | undefined> {
    if (this.#fixed) return undefined;
    const before = this.#known;
    await this.#ask();
    if (this.#failure !== undefined) throw this.#away();
    return this.#known === before ? undefined : this.#usable();
  }

  #usable(): KeySet {
    if (this.#known && this.#clock.now() - this.#known.at < USABLE_MS) return this.#known.set;
    throw this.#away();
  }

  #away(): TransientError {
    const { issuer } = this.#location;
    const retryAfterMs = Math.max(SECOND_MS, this.#askedAt + PAUSE_MS - this.#clock.now());
    return new TransientError(`the keys of the issuer ${issuer} are not known now`, {
      cause: this.#failure,
      retryAfterMs,
    });
  }

  /** Asks the issuer, once at a time and not again at once. Never rejects. */
  async #ask(): Promise<void> {
    const now = this.#clock.now();
    if (!this.#asking && now - this.#askedAt < PAUSE_MS) return;
    this.#asking ??= this.#refresh(now).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #refresh(now: number): Promise<void> {
    this.#askedAt = now;
    try {
      const set = keySetOf(await this.#fetch(await this.#jwksUri()));
      this.#known = { set, at: now };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
  }

  /** @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig */
  async #jwksUri(): Promise<string> {
    const { issuer, jwksUri, discoveredIssuer } = this.#location;
    if (jwksUri !== undefined) return jwksUri;
    const about = Object(await this.#fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
    const [found, uri]: unknown[] = [about.issuer, about.jwks_uri];
    if (typeof found !== 'string' || !discoveredIssuer(found)) throw new TypeError(`${issuer} calls itself otherwise`);
    const isSafe = typeof uri === 'string' && URL.canParse(uri) && (/^https:/i.test(uri) || /^http:/i.test(issuer));
    if (!isSafe) throw new TypeError(`${issuer} names no https address of its keys`);
    return uri;
  }
}

/** Public keys alone: a secret among them could be used to sign by whoever reads them. @throws TypeError */
function keySetOf(document: unknown): KeySet {
  const { keys }: { keys?: unknown } = Object(document);
  if (!Array.isArray(keys)) throw new TypeError('expected a JSON Web Key Set');
  const isPublic = (key: unknown): key is JWK => /^(RSA|EC|OKP)$/.test(String(Object(key).kty));
  const usable = keys.filter(isPublic).filter(({ use = 'sig' }) => use === 'sig');
  if (usable.length === 0) throw new TypeError('expected a JSON Web Key Set with a public key');
  return createLocalJWKSet({ keys: usable } satisfies JSONWebKeySet);
}
