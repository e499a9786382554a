/** The whole app in memory with the service `web` frozen, and who asks it for releases over HTTP. */
import { handle as publish } from '../../functions/http/publish.ts';
import { type AuditEntry, readAudit } from '../../shared/access/audit.ts';
import { type HttpResponse, respond } from '../../shared/http/on-http.ts';
import type { Caller, Right } from '../../shared/ports/access.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { httpRequest } from './http.ts';
import { type Platform, startPlatform } from './platform.ts';

/** Somebody with these rights everywhere, unless said. */
export function callerWith(name: string, rights: readonly Right[], more: object = {}): Caller {
  const everywhere = { types: ['*' as const], clusters: ['*'], namespaces: ['*'], services: ['*'] };
  return { ...{ name, aliases: [name] }, grants: [{ rights: [...rights], ...everywhere, ...more }] };
}
export const ADA: Caller = callerWith('people:ada', ['publish', 'override']);
export const EVE: Caller = callerWith('people:eve', ['publish']);

export interface FrozenPlatform extends Platform {
  /** Publishes over HTTP, and lets it come to its end. */
  send(events: unknown, by: Caller, headers?: Record<string, string>, ports?: Ports): Promise<HttpResponse>;
  /** What came of the requests, by their ids: `completed`, or why not. */
  ends(): Record<string, string>;
  /** What the audit log has of overrides that were used. */
  uses(): Promise<AuditEntry[]>;
}

/** @param topics the rights of whoever sends on a topic: none unless said */
export async function startFrozen(topics: readonly object[] | undefined = []): Promise<FrozenPlatform> {
  const web = { name: 'web', workloads: ['*/shop/web', '*/shop/worker'], objectives: [{ target: 0.99 }] };
  const platform = await startPlatform({ services: [web, { name: 'other' }], access: { topics } });
  await platform.check('web', 0, 1_000);
  const { bus, ports: own } = platform;
  return {
    ...platform,
    send: async (body, caller, headers = {}, ports = own) => {
      const answer = await respond('test', publish, httpRequest({ method: 'POST', body, caller, headers }), ports);
      await bus.advance('10m');
      return answer;
    },
    ends: () => {
      const events = bus.events({ limit: 1_000 }).toReversed();
      return Object.fromEntries(
        events.flatMap((event): [string, string][] => {
          if (event.type === 'DeploymentFailed') return [[event.data.requestId, event.data.reason]];
          return event.type === 'DeploymentCompleted' ? [[event.data.requestId, 'completed']] : [];
        }),
      );
    },
    uses: async () => {
      const { entries } = await readAudit(own.state, { limit: 100 });
      return entries.filter(({ right, what }) => right === 'override' && what.startsWith('DeploymentRequested'));
    },
  };
}

/** A request for a release of `shop/web`. */
export function requestOf(id: string, more: object = {}): { readonly id: string; readonly data: object } {
  const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1', ...more };
  return { ...{ type: 'DeploymentRequested', source: '/ci' }, id, data };
}
