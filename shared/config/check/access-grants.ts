/** What the section `access` allows, one statement each: whose tokens, what their bearers may, and senders on topics. Pure. */
import type { PlatformConfig } from '../sections.ts';
import type { Statement } from './statement.ts';

type Access = PlatformConfig['access'];
type Rule = Access['rules'][number];
type Topic = NonNullable<Access['topics']>[number];

export function* ofAccess({ access, unlisted }: PlatformConfig): Iterable<Statement> {
  for (const [name, issuer] of Object.entries(access.issuers)) {
    const text = `tokens of ${issuer.issuer} (${name}) for the audience '${issuer.audience}'`;
    const of = (it: PlatformConfig): unknown => (Object.hasOwn(it.access.issuers, name) ? it.access.issuers[name] : 0);
    yield { kind: 'allows', text, holdsIn: (it) => isSame(of(it), issuer) };
  }
  for (const rule of access.rules) {
    const claims = Object.entries(rule.claims).map(([claim, wanted]) => `${claim}=${[wanted].flat().join('|')}`);
    const types = rule.types.length > 0 ? ` ${rule.types.join(', ')}` : '';
    const text = `${rule.issuer} with ${claims.join(' and ')}: ${rule.rights.join(', ')}${types}${placeText(rule)}`;
    yield { kind: 'allows', text, holdsIn: (it) => it.access.rules.some((one) => isSame(unnamed(one), unnamed(rule))) };
  }
  for (const topic of access.topics ?? []) {
    const text = `whoever sends ${topic.type} on its topic: ${topic.rights.join(', ')}${placeText(topic)}`;
    const holdsIn: Statement['holdsIn'] = (it) =>
      isOpen(it) || (it.access.topics ?? []).some((one) => isSame(unnamed(one), unnamed(topic)));
    yield { kind: 'allows', text, holdsIn };
  }
  if (isOpen({ access, unlisted })) {
    yield {
      kind: 'allows',
      text: 'whoever sends on a topic: anything, since access.topics is absent',
      holdsIn: isOpen,
    };
  }
}

function isOpen({ access, unlisted }: Pick<PlatformConfig, 'access' | 'unlisted'>): boolean {
  return access.topics === undefined && unlisted === 'allow';
}

function unnamed({ name: _, ...rest }: Rule | Topic): object {
  return rest;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function placeText({ clusters, namespaces, services }: Pick<Rule, 'clusters' | 'namespaces' | 'services'>): string {
  const narrowed = Object.entries({ clusters, namespaces, services }).filter(([, some]) => !some.includes('*'));
  return narrowed.map(([kind, some]) => ` in ${kind} ${some.join(', ')}`).join('');
}
