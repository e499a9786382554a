/** `access`: whose tokens are believed, and what their bearers may do. */
import * as z from 'zod/mini';
import { catalog } from '../events/catalog.ts';
import { described } from '../events/described.ts';
import { shortText } from '../events/fields.ts';
import { address, duration, SECRET } from './fields.ts';
import { RIGHTS } from './rights.ts';

/** What can be given for some clusters, namespaces and services alone; the others are for everything or not at all. */
const SCOPED: ReadonlySet<string> = new Set(['publish', 'override', 'unfreeze', 'rollback']);

/** The issuer of people who come through App Service Authentication, in rules. */
export const APP_SERVICE = 'app-service';

const publishedTypes = [...catalog.values()].flatMap(({ definition: { type, sender } }) =>
  sender === 'app' ? [] : type,
);

const pattern = described(
  z.string().check(z.minLength(1), z.maxLength(500)),
  "A text; '*' stands for any run of characters.",
);
const patterns = z.array(pattern).check(z.minLength(1));

const publicKey = z.record(z.string(), z.unknown()).check(
  z.refine(({ kty }) => kty === 'RSA' || kty === 'EC' || kty === 'OKP', 'a public key as JWK, of kty RSA, EC or OKP'),
  z.refine((key) => !Object.hasOwn(key, 'd'), 'a public key: this one holds its private part'),
);

const issuerAddress = address.check(z.refine(isSafe, 'an https address (http for this machine itself)'));

/** A caller is called by it and by whom it speaks of, with a colon between. */
const issuerName = z.string().check(z.regex(/^[\w.-]{1,63}$/, "a name of 1 to 63 letters, digits, '.', '_' and '-'"));

const issuer = z.strictObject({
  issuer: described(z.clone(issuerAddress), 'What its tokens say in `iss`, to the letter.'),
  audience: described(
    z.string().check(z.minLength(1), z.maxLength(500)),
    'What its tokens must say in `aud`: a name for this app alone, so that no token for another is taken.',
  ),
  jwksUri: described(z.optional(issuerAddress), {
    ...SECRET,
    description: 'Where its keys are; found by OpenID Connect discovery when absent. Not with `keys`.',
  }),
  keys: described(z.optional(z.array(publicKey).check(z.minLength(1))), {
    ...SECRET,
    description: 'Its public keys (JWK), for an issuer that cannot be reached from here.',
  }),
});

const scope = {
  clusters: described(
    z._default(patterns, ['*']),
    'Only for these clusters. What names no cluster is covered by "*" alone, and so with the next two.',
  ),
  namespaces: described(z._default(patterns, ['*']), 'Only for these namespaces.'),
  services: described(z._default(patterns, ['*']), 'Only for these services.'),
};

const rule = z.strictObject({
  name: described(z.optional(shortText), 'For people; not read.'),
  issuer: described(
    z.string().check(z.minLength(1)),
    `One of \`issuers\`, or \`${APP_SERVICE}\`: people signed in by App Service.`,
  ),
  claims: described(
    z
      .record(z.string().check(z.minLength(1)), z.union([pattern, patterns]))
      .check(z.refine((claims) => Object.keys(claims).length > 0, 'at least one claim')),
    'What the token must say, every one of them; of several values any. In an array claim one must fit.',
  ),
  rights: described(z.array(z.enum(RIGHTS)).check(z.minLength(1)), 'What the bearer may do.'),
  types: described(
    z._default(z.array(z.enum(['*', ...publishedTypes])), []),
    'Which events the right `publish` is for; "*" is all that have senders outside this app.',
  ),
  ...scope,
});

const topicSenders = z.strictObject({
  name: described(z.optional(shortText), 'For people; not read.'),
  type: described(
    z.enum(['DeploymentRequested']),
    'Whose topic. The events of other types ask for no right of a sender.',
  ),
  rights: described(z.array(z.enum(['override'])).check(z.minLength(1)), 'What they may do beside sending.'),
  ...scope,
});

export const accessSection = described(
  z.prefault(
    z.strictObject({
      issuers: described(z._default(z.record(issuerName, issuer), {}), 'Whose tokens are believed, by name.'),
      rules: described(
        z._default(z.array(rule), []),
        'What a caller may do: all that the rules that fit it say together.',
      ),
      topics: described(
        z.optional(z.array(topicSenders)),
        'What whoever may send on a topic may do beside that: nothing that is not here. When absent: anything where `unlisted` is `allow`, else nothing.',
      ),
      auditFor: described(z.prefault(duration, '400d'), 'How long the audit log of what was done over HTTP is kept.'),
    }),
    {},
  ),
  'Who may ask for what: over HTTP, with the setting `HttpAuth=tokens`, and on topics.',
);

export type AccessConfig = z.output<typeof accessSection>;

interface AccessContradiction {
  readonly path: readonly (string | number)[];
  readonly expected: string;
}

/** What is wrong with rules and issuers that each fit by themselves. */
export function* accessContradictions({ issuers, rules }: AccessConfig): Iterable<AccessContradiction> {
  for (const [name, { jwksUri, keys }] of Object.entries(issuers)) {
    const path = ['access', 'issuers', name];
    if (name === APP_SERVICE) yield { path, expected: `another name than ${APP_SERVICE}, which App Service has` };
    if (jwksUri !== undefined && keys) yield { path: [...path, 'jwksUri'], expected: 'nothing beside keys' };
  }
  for (const [index, { issuer: name, claims, rights, types, clusters, namespaces, services }] of rules.entries()) {
    const path = ['access', 'rules', index];
    const known = Object.hasOwn(issuers, name) ? issuers[name] : undefined;
    if (!known && name !== APP_SERVICE) {
      yield { path: [...path, 'issuer'], expected: `one of ${[...Object.keys(issuers), APP_SERVICE].join(', ')}` };
      continue;
    }
    const owners = known ? ownerClaimsOf(known.issuer) : ['tid'];
    if (owners.length > 0 && !owners.some((claim) => isLiteral(claims[claim]))) {
      const whose = known ? `the issuer ${known.issuer} is shared with everybody` : 'people of any tenant may sign in';
      yield { path: [...path, 'claims'], expected: `${owners.join(' or ')} without '*': ${whose}` };
    }
    if (
      Object.values(claims)
        .flat()
        .every((one) => /^\*+$/.test(one))
    ) {
      yield { path: [...path, 'claims'], expected: "a claim with more than '*', which everybody fits" };
    }
    if (rights.includes('publish') !== types.length > 0) {
      const expected = types.length > 0 ? 'none without the right publish' : 'the types that publish is for';
      yield { path: [...path, 'types'], expected };
    }
    const whole = rights.find((right) => !SCOPED.has(right));
    const isNarrow = [clusters, namespaces, services].some((one) => !one.includes('*'));
    if (whole !== undefined && isNarrow) {
      const expected = `a rule of its own for ${whole}, which no cluster, namespace or service narrows`;
      yield { path: [...path, 'rights'], expected };
    }
  }
}

/** By host: the claims of which one says whose a token is. They are ids, since a name can be registered again. */
const SHARED_ISSUERS: Readonly<Record<string, readonly string[]>> = {
  'token.actions.githubusercontent.com': ['repository_id', 'repository_owner_id'],
  'gitlab.com': ['project_id', 'namespace_id'],
  'accounts.google.com': ['sub'],
  'app.terraform.io': ['terraform_organization_id', 'terraform_project_id', 'terraform_workspace_id'],
  'agent.buildkite.com': ['organization_id', 'pipeline_id'],
  'oauth2.sigstore.dev': ['sub'],
  'appleid.apple.com': ['sub'],
};
const ENTRA_HOSTS: ReadonlySet<string> = new Set([
  ...['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'],
  ...['login.windows.net', 'login.microsoft.com', 'sts.windows.net'],
]);
/** Of personal accounts, which anybody can make. */
const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The claims of which a rule must name one; none for an issuer that one organisation has for itself. */
function ownerClaimsOf(text: string): readonly string[] {
  const { hostname } = new URL(text);
  if (!ENTRA_HOSTS.has(hostname))
    return Object.hasOwn(SHARED_ISSUERS, hostname) ? (SHARED_ISSUERS[hostname] ?? []) : [];
  if (isEntraShared(text)) return ['tid'];
  return tenantOf(text).toLowerCase() === PERSONAL_TENANT ? ['oid', 'sub'] : [];
}

/** Whether an issuer stands for every tenant of Entra (`common`, `organizations`): its tokens name their own. */
export function isEntraShared(text: string): boolean {
  return ENTRA_HOSTS.has(new URL(text).hostname) && !GUID.test(tenantOf(text));
}

function tenantOf(text: string): string {
  return new URL(text).pathname.split('/')[1] ?? '';
}

function isLiteral(value: string | readonly string[] | undefined): boolean {
  return value !== undefined && [value].flat().every((one) => !one.includes('*'));
}

/** Whose keys are believed must not be changed on the way. */
function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname));
}
