/** The addresses of the administration. */

export type AdminPath =
  | { readonly kind: 'namespace' }
  | { readonly kind: 'queues' | 'topics' }
  | { readonly kind: 'entity'; readonly name: string }
  | { readonly kind: 'subscriptions'; readonly topic: string }
  | { readonly kind: 'subscription'; readonly topic: string; readonly name: string }
  | { readonly kind: 'rules'; readonly topic: string; readonly subscription: string }
  | { readonly kind: 'rule'; readonly topic: string; readonly subscription: string; readonly name: string };

const RULE = /^(.+)\/subscriptions\/([^/]+)\/rules\/([^/]+)$/i;
const RULES = /^(.+)\/subscriptions\/([^/]+)\/rules$/i;
const SUBSCRIPTION = /^(.+)\/subscriptions\/([^/]+)$/i;
const SUBSCRIPTIONS = /^(.+)\/subscriptions$/i;

/** Parses a decoded path. Names of queues and topics may hold slashes. Undefined for the root. */
export function parseAdminPath(path: string): AdminPath | undefined {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  if (trimmed === '') return undefined;
  if (/^\$namespaceinfo$/i.test(trimmed)) return { kind: 'namespace' };
  if (/^\$resources\/queues$/i.test(trimmed)) return { kind: 'queues' };
  if (/^\$resources\/topics$/i.test(trimmed)) return { kind: 'topics' };
  const [, topic = '', subscription = '', name = ''] =
    RULE.exec(trimmed) ?? RULES.exec(trimmed) ?? SUBSCRIPTION.exec(trimmed) ?? SUBSCRIPTIONS.exec(trimmed) ?? [];
  if (RULE.test(trimmed)) return { kind: 'rule', topic, subscription, name };
  if (RULES.test(trimmed)) return { kind: 'rules', topic, subscription };
  if (SUBSCRIPTION.test(trimmed)) return { kind: 'subscription', topic, name: subscription };
  if (SUBSCRIPTIONS.test(trimmed)) return { kind: 'subscriptions', topic };
  return { kind: 'entity', name: trimmed };
}

/** The path as the service writes it; some clients read names from it. */
export function formatAdminPath(path: AdminPath): string {
  switch (path.kind) {
    case 'namespace':
      return '/$namespaceinfo';
    case 'queues':
    case 'topics':
      return `/$Resources/${path.kind}`;
    case 'entity':
      return `/${path.name}`;
    case 'subscriptions':
      return `/${path.topic}/Subscriptions`;
    case 'subscription':
      return `/${path.topic}/Subscriptions/${path.name}`;
    case 'rules':
      return `/${path.topic}/Subscriptions/${path.subscription}/Rules`;
    case 'rule':
      return `/${path.topic}/Subscriptions/${path.subscription}/Rules/${path.name}`;
  }
}
