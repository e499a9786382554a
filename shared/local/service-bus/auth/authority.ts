/** Says what a token or a password gives: the rules of the namespace and of its entities, and local identities. */
import { ACCESS_RIGHTS, type AccessRight, type AuthorizationRule, checkRules } from '../core/authorization-rule.ts';
import type { LocalIdentities } from './local-identity.ts';
import { type SharedKey, sameText } from './sasl.ts';
import { readSignature, type TokenGrant } from './token.ts';

interface AuthorityOptions {
  /** May do everything. */
  readonly key: SharedKey;
  /** More rules of the namespace. */
  readonly rules?: readonly AuthorizationRule[];
  /** The rules of the queue or topic that a path belongs to; none when there is none. */
  readonly entityRules: (path: string) => readonly AuthorizationRule[];
  readonly identities?: LocalIdentities | undefined;
}

export class Authority {
  readonly identities: LocalIdentities | undefined;
  readonly #rules: readonly AuthorizationRule[];
  readonly #entityRules: (path: string) => readonly AuthorizationRule[];

  /** @throws BrokerError that names the rule of the namespace that cannot be, and why */
  constructor({ key, rules = [], entityRules, identities }: AuthorityOptions) {
    checkRules('the namespace', rules);
    this.#rules = [{ name: key.name, primaryKey: key.key, rights: ACCESS_RIGHTS }, ...rules];
    this.#entityRules = entityRules;
    this.identities = identities;
  }

  /**
   * What a token gives for an audience, or the reason to refuse it.
   *
   * @param audience the address that access is asked for, such as `sb://localhost:5672/queue`
   */
  read(token: string, audience: string, nowMs: number): TokenGrant | string {
    if (!token.startsWith('ey')) return readSignature(token, audience, (path) => this.#rulesAt(path), nowMs);
    if (this.identities) return this.identities.read(token, audience, nowMs);
    return 'this bus was started without --identity and takes shared access signatures only, not JSON web tokens';
  }

  /** What the name and the key of a rule of the namespace give; undefined when they are wrong. */
  readPassword(name: string, password: string): readonly AccessRight[] | undefined {
    const isKey = ({ primaryKey, secondaryKey = primaryKey }: AuthorizationRule): boolean =>
      [primaryKey, secondaryKey].some((key) => sameText(password, key));
    return this.#rules.find((rule) => rule.name === name && isKey(rule))?.rights;
  }

  #rulesAt(path: string): readonly AuthorizationRule[] {
    // Some clients sign the query of a request with its address.
    return path === '' ? this.#rules : [...this.#rules, ...this.#entityRules(path.replace(/\?.*$/, ''))];
  }
}

/** The text of the service, which code and people search for. */
export function missingClaims(claims: readonly string[], resource: string): string {
  return `Unauthorized access. '${claims.join(',')}' claim(s) are required to perform this operation. Resource: '${resource}'.`;
}
