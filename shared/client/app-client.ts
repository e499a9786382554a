/** The client of the app's HTTP functions for the command line, and for other services. */
import type { DeploymentEntry } from '../api/deployments.ts';
import type { ErrorEntry } from '../api/errors.ts';
import type { HistoryEntry } from '../api/events.ts';
import type { ReleaseExplanation } from '../api/explain.ts';
import type { AuditedAct, AutomationState } from '../api/operations.ts';
import type { ServiceEntry } from '../api/services.ts';
import { type AppAnswer, AppConnection, type Credentials, fieldOf, type Hints } from './app-request.ts';

interface HistoryFilter {
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  readonly correlationId?: string | undefined;
  /** RFC 3339. */
  readonly since?: string | undefined;
  readonly limit?: number | undefined;
}

interface DeploymentFilter {
  readonly cluster?: string | undefined;
  readonly namespace?: string | undefined;
  readonly deployment?: string | undefined;
  readonly service?: string | undefined;
}

export interface ErrorFilter {
  readonly reason?: string | undefined;
  readonly type?: string | undefined;
  /** Dead-lettered at or after, and before: RFC 3339. */
  readonly since?: string | undefined;
  readonly before?: string | undefined;
}

const HINTS: Hints = {
  unreachable: 'is it running (npm start), or elsewhere (--url)?',
  unauthenticated: 'set PLATFORM_EVENTS_KEY to a function key, or PLATFORM_EVENTS_TOKEN to a token (HttpAuth=tokens)',
  address: "give the app's own address with --url or PLATFORM_EVENTS_URL",
};

/** The app at an address. */
export class AppClient {
  readonly #app: AppConnection;

  /** @param url the app's address, with or without `/api` */
  constructor(url: string, credentials: Credentials = {}, hints = HINTS) {
    this.#app = new AppConnection(url, credentials, hints);
  }

  /**
   * Publishes an event, or several. Resolves when the app has accepted all of them; they are handled later.
   *
   * @returns the correlation ids of their chains, in their order
   */
  async publish(events: { readonly id: string } | readonly { readonly id: string }[]): Promise<readonly string[]> {
    const answer = await this.#app.request('events', {
      method: 'POST',
      contentType: `application/cloudevents${Array.isArray(events) ? '-batch' : ''}+json`,
      body: JSON.stringify(events),
    });
    const [ids, chains] = [fieldOf(answer, 'ids'), fieldOf(answer, 'correlationIds')];
    const isThere = ({ id }: { id: string }): boolean => Array.isArray(ids) && ids.includes(id);
    if (answer.status === 202 && [events].flat().every(isThere) && Array.isArray(chains)) return chains.map(String);
    throw this.#app.notTheApp(answer, '202 with the id of the event');
  }

  /** The history, newest first; as much as is asked for, from as many pages as that takes. */
  async history({ limit, ...filter }: HistoryFilter): Promise<HistoryEntry[]> {
    const found: HistoryEntry[] = [];
    let cursor: string | undefined;
    do {
      const left = limit === undefined ? undefined : limit - found.length;
      const answer = await this.#app.request(`events?${queryOf({ ...filter, limit: left, cursor })}`);
      // The app's own answer: its tests hold it against this type's schema.
      found.push(...(this.#app.listIn(answer, 'events') as HistoryEntry[]));
      cursor = nextIn(answer);
    } while (cursor !== undefined && found.length < (limit ?? 0));
    return found;
  }

  /** All deployments that match, in the order of their targets, from all pages. */
  deployments(filter: DeploymentFilter): AsyncIterable<DeploymentEntry> {
    // The app's own answer: its tests hold it against this type's schema.
    return this.#pages('deployments', 'deployments', filter) as AsyncIterable<DeploymentEntry>;
  }

  /** The services in the order of their names. @param service only this one */
  async services(service?: string): Promise<ServiceEntry[]> {
    const answer = await this.#app.request(`services?${queryOf({ service })}`);
    // The app's own answer: its tests hold it against this type's schema.
    return this.#app.listIn(answer, 'services') as ServiceEntry[];
  }

  /** All entries that match, oldest first, from all pages. */
  errors(filter: ErrorFilter): AsyncIterable<ErrorEntry> {
    // The app's own answer: its tests hold it against this type's schema.
    return this.#pages('errors', 'errors', filter) as AsyncIterable<ErrorEntry>;
  }

  /** The audit log, newest first, from all pages. */
  audit(filter: { readonly since: string; readonly who: string | undefined }): AsyncIterable<AuditedAct> {
    // The app's own answer: its tests hold it against this type's schema.
    return this.#pages('audit', 'acts', filter) as AsyncIterable<AuditedAct>;
  }

  async *#pages(path: string, list: string, filter: object): AsyncIterable<unknown> {
    let cursor: string | undefined;
    do {
      const answer = await this.#app.request(`${path}?${queryOf({ ...filter, limit: 250, cursor })}`);
      yield* this.#app.listIn(answer, list);
      cursor = nextIn(answer);
    } while (cursor !== undefined);
  }

  /** One entry with its body. @throws NotFoundError */
  async error(sequenceNumber: string): Promise<ErrorEntry & { readonly body: unknown }> {
    const answer = await this.#app.request(`errors/${sequenceNumber}`);
    if (fieldOf(answer, 'sequenceNumber') === undefined) throw this.#app.notTheApp(answer, 'the entry');
    return answer.json as ErrorEntry & { body: unknown };
  }

  /** @throws NotFoundError @throws PermanentError that says why the entry cannot be replayed */
  async replay(sequenceNumber: string): Promise<void> {
    const answer = await this.#app.request(`errors/${sequenceNumber}/replay`, { method: 'POST', body: '{}' });
    if (answer.status !== 202) throw this.#app.notTheApp(answer, '202');
  }

  /** @throws NotFoundError */
  async discard(sequenceNumber: string): Promise<void> {
    const answer = await this.#app.request(`errors/${sequenceNumber}`, { method: 'DELETE' });
    if (answer.status !== 204) throw this.#app.notTheApp(answer, '204');
  }

  /** A release and why it came to what it came to. @throws NotFoundError @throws PermanentError naming the requests of that id */
  async explain(
    of: { readonly target: string } | { readonly id: string; readonly source?: string | undefined },
  ): Promise<ReleaseExplanation> {
    const answer = await this.#app.request(`explain?${queryOf(of)}`);
    if (typeof fieldOf(answer, 'target') !== 'string') throw this.#app.notTheApp(answer, 'an explanation');
    // The app's own answer: its tests hold it against this type's schema.
    return answer.json as ReleaseExplanation;
  }

  async automation(): Promise<AutomationState> {
    return this.#automationIn(await this.#app.request('automation'));
  }

  /** @returns the state as it is now */
  async switchAutomation(change: {
    readonly action: 'pause' | 'resume';
    readonly by: string | undefined;
    readonly reason: string;
  }): Promise<AutomationState> {
    const body = JSON.stringify(change);
    return this.#automationIn(await this.#app.request('automation', { method: 'POST', body }));
  }

  #automationIn(answer: AppAnswer): AutomationState {
    const state = fieldOf(answer, 'state');
    if (state !== 'active' && state !== 'paused') throw this.#app.notTheApp(answer, 'the state of automation');
    // The app's own answer: its tests hold it against this type's schema.
    return answer.json as AutomationState;
  }

  /** Ends a service's freeze. @throws NotFoundError when it is not frozen */
  async unfreeze(service: string, reason: string): Promise<void> {
    const path = `services/${encodeURIComponent(service)}/unfreeze`;
    const answer = await this.#app.request(path, { method: 'POST', body: JSON.stringify({ reason }) });
    if (answer.status !== 204) throw this.#app.notTheApp(answer, '204');
  }

  /** Grants an override. @returns how long it holds @throws NotFoundError when there is no such service */
  async override(
    service: string,
    override: { readonly reason: string; readonly target: string | undefined; readonly for: string | undefined },
  ): Promise<{ readonly until: string; readonly isForOne: boolean }> {
    const path = `services/${encodeURIComponent(service)}/override`;
    const answer = await this.#app.request(path, { method: 'POST', body: JSON.stringify(override) });
    const [until, isForOne] = [fieldOf(answer, 'until'), fieldOf(answer, 'isForOne')];
    if (typeof until !== 'string' || typeof isForOne !== 'boolean') throw this.#app.notTheApp(answer, 'the override');
    return { until, isForOne };
  }

  /** Rolls a deployment (`cluster/namespace/deployment`) back. @throws NotFoundError when nothing was released there */
  async rollback(
    target: string,
    reason: string,
  ): Promise<{ readonly eventId: string; readonly failed: string; readonly restored: string }> {
    const body = JSON.stringify({ reason });
    const answer = await this.#app.request(`deployments/${target}/rollback`, { method: 'POST', body });
    const [eventId, failed, restored] = ['eventId', 'failed', 'restored'].map((name) => fieldOf(answer, name));
    if (typeof eventId !== 'string' || typeof failed !== 'string' || typeof restored !== 'string') {
      throw this.#app.notTheApp(answer, 'what is rolled back');
    }
    return { eventId, failed, restored };
  }
}

/** Where the next page begins. */
function nextIn(answer: AppAnswer): string | undefined {
  const next = fieldOf(answer, 'next');
  return typeof next === 'string' ? next : undefined;
}

function queryOf(values: object): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query;
}
