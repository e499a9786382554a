/** The deployment handlers under exploration: what processes a message, which states are equal, and what must hold. */

import { createSimulatedClusters } from '../../shared/adapters/simulated-cluster.ts';
import { parseConfig } from '../../shared/config.ts';
import { deliver, HANDLER_TIMEOUT_MS } from '../../shared/delivery/deliver.ts';
import { isCompleted } from '../../shared/delivery/event-record.ts';
import { Isolation } from '../../shared/delivery/isolation.ts';
import { registeredHandlers } from '../../shared/delivery/registered-handlers.ts';
import { PermanentError } from '../../shared/errors.ts';
import { catalog, type PlatformEvent } from '../../shared/events/catalog.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import type { Cluster } from '../../shared/ports/cluster.ts';
import type { HandlerPorts, Ports } from '../../shared/ports/handler.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import type { ReleaseRecord, TargetRecord } from '../../shared/releases/release-record.ts';
import type { Timer } from '../../shared/timeout.ts';
import { subscriptionOf } from '../../shared/topology.ts';
import { handlerOf, IMAGE } from './deployments.ts';
import { type Exploration, randomFor, type Site, type State } from './explore.ts';
import { clustersOf, publishing, RecordingLog } from './ports.ts';

const config = parseConfig({ policies: { deployment: { deadline: '3s', requeueAfter: '1s' } } });
export const T0 = Date.parse('2026-03-01T12:00:00Z');

/** A request for `shop/<deployment>` made so many milliseconds after T0. */
export function requestAt(ms: number, tag: string, deployment = 'web'): PlatformEvent {
  const id = `request-${String(ms).padStart(2, '0')}`;
  const data = { namespace: 'shop', deployment, image: `${IMAGE}:${tag}` };
  return newEvent(DeploymentRequested, { id, source: '/test', time: new Date(T0 + ms).toISOString(), data });
}

function simulated(state: StateStore, now: () => number): Cluster {
  const options = { state, clock: { now }, config, rolloutMs: 1_000, deadlineMs: 1_000 };
  return createSimulatedClusters(options).get('default');
}

/** A deployment that runs `web:0` before anything is asked for. */
export async function runningBefore(state: StateStore): Promise<void> {
  const revisions = [{ revision: 1, images: { web: `${IMAGE}:0` }, at: 0 }];
  await state.insert('simulated-cluster', 'default/shop/web', { replicas: 1, revisions });
}

/** The delivery as it is. */
export async function realDelivery(body: unknown, event: PlatformEvent, site: Site): Promise<void> {
  const definition = catalog.get(event.type)?.definition;
  if (!definition) throw new TypeError(`no event is called ${event.type}`);
  const ports: Ports = { ...portsAt(site), publisher: site.bus, deadLetterQueue: site.bus };
  // Nothing hangs here: only the wait before a message goes back to the broker ends, and at once.
  const timer: Timer = (ms, callback) => {
    if (ms !== HANDLER_TIMEOUT_MS) callback();
    return () => {};
  };
  // A process of its own, that is not young any more.
  const isolation = new Isolation(0);
  const options = { isolation, timer, random: randomFor(site.run), handlerTimeoutMs: HANDLER_TIMEOUT_MS };
  const expectation = registeredHandlers().get(event.type)?.expectation;
  await deliver({ definition, handle: handlerOf(event), expectation, body }, ports, options);
}

/**
 * The weakest delivery there can be: it remembers nothing, and hands each message to its handler as often as it
 * comes. What holds here holds the more with the records of the real one.
 */
export async function forgetfulDelivery(
  _body: unknown,
  event: PlatformEvent,
  site: Site,
  cluster = site.guard(simulated),
): Promise<void> {
  const children: PlatformEvent[] = [];
  const ports: HandlerPorts = {
    ...portsAt(site),
    clusters: clustersOf({ default: cluster }),
    isCompleted: (key) => isCompleted(site.state, subscriptionOf(event.type), key),
    // Always of one time: what differs in nothing else is one and the same.
    publish: publishing(event, { now: () => T0 }, children),
  };
  const to = subscriptionOf(event.type);
  try {
    const outcome = await handlerOf(event)(event, ports);
    await site.bus.publishAll(children);
    if (!outcome) return;
    const at = site.now() + outcome.requeueAfterMs;
    await site.bus.schedule({ event, at, to, redelivery: 1, messageId: `${event.id}, again` });
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    const { id: messageId, type, correlationid: correlationId } = event;
    const { reason, message: description } = error;
    const marks = { traceparent: undefined, attempts: 1, redelivery: 0 };
    await site.bus.deadLetter({
      messageId,
      body: event,
      type,
      correlationId,
      reason,
      description,
      subscription: to,
      ...marks,
    });
  }
}

function portsAt(site: Site): Omit<Ports, 'publisher' | 'deadLetterQueue'> {
  return {
    state: site.state,
    clusters: clustersOf({ default: site.guard(simulated) }),
    measurements: { count: async () => undefined },
    notifier: { notify: async () => {} },
    clock: site,
    config,
    log: new RecordingLog(),
  };
}

/** What of a document can still make a difference: what only tells of the past, or of how long ago it is, cannot. */
export function canonical(key: string, value: unknown, now: number): unknown {
  // What the history finds a record by.
  if (/^records-. @/.test(key)) return undefined;
  const past = ['doraTotals', 'failingSince', 'message', 'updatedAt', 'startedAt', 'endedAt', 'runs', 'error', 'nonce'];
  const ahead = ['deadline', 'leaseUntil', 'dueAt'];
  const json = JSON.stringify(value, (field, inner) => {
    if (past.includes(field)) return undefined;
    if (ahead.includes(field)) return Math.max(0, inner - now);
    if (field !== 'at') return inner;
    return key.startsWith('simulated-cluster') ? Math.min(1_000, now - inner) : undefined;
  });
  return JSON.parse(json);
}

const ENDS = ['DeploymentCompleted', 'DeploymentFailed', 'DeploymentRolledBack'];
const ONE_END = ['', 'DeploymentCompleted', 'DeploymentFailed', 'DeploymentFailed DeploymentRolledBack'];
/** Spent budget fails what had completed, or what had not. */
const BLAMED = ['DeploymentCompleted DeploymentFailed', 'DeploymentCompleted DeploymentFailed DeploymentRolledBack'];

export interface Expectations {
  readonly requests: readonly PlatformEvent[];
  /** Whether error budget may be laid on a release; a page that comes too early is dead-lettered then. */
  readonly isBlamed?: boolean;
}

/** Each request ends once; and when all is quiet, has ended, and no target is left half done. */
export function checkOf({ requests, isBlamed = false }: Expectations): Exploration['check'] {
  return (state, isQuiet) => {
    for (const { id } of requests) {
      const end = endsOf(state, id).join(' ');
      const isAllowed = ONE_END.includes(end) || (isBlamed && BLAMED.includes(end));
      if (!isAllowed) throw new Error(`${id} ended as [${end}]`);
      if (isQuiet && end === '') throw new Error(`${id} has not ended`);
    }
    if (!isQuiet) return;
    if (state.deadLetters.length > 0 && !isBlamed) throw new Error(`deadLetters: ${state.deadLetters.join('; ')}`);
    for (const key of state.documents.keys())
      if (key.startsWith('deployments ') && !key.startsWith('deployments !')) checkTarget(state, key);
  };
}

function endsOf(state: State, requestId: string): string[] {
  return [...state.published.values()]
    .filter(({ type, data, source }) => {
      const isOurs = 'requestId' in data && data.requestId === requestId && source !== '/test';
      return isOurs && ENDS.includes(type);
    })
    .map(({ type }) => type)
    .sort();
}

/** Every release is closed, and the target runs the last good image, complete, if there is one. */
function checkTarget(state: State, key: string): void {
  const read = (of: string): unknown => JSON.parse(state.documents.get(of) ?? 'null');
  const target = key.slice('deployments '.length);
  // Written by the handlers and the simulated cluster alone.
  const record = read(key) as TargetRecord;
  const deployment = read(`simulated-cluster ${target}`) as {
    revisions: { images: Record<string, string> }[];
  } | null;
  const [image] = Object.values(deployment?.revisions[0]?.images ?? {});

  const open = record.releases.find((release: ReleaseRecord) => release.steps.at(-1)?.to !== 'closed');
  if (open) throw new Error(`${target}: ${open.requestId} was left as ${open.steps.at(-1)?.to}`);
  const good = Object.values(record.knownGoodImages)[0]?.[0]?.image;
  if (good !== undefined && image !== good) throw new Error(`${target} runs ${image} and not the good ${good}`);
  const asked = [...record.releases.map(({ data }) => data.image), `${IMAGE}:0`];
  if (image !== undefined && !asked.includes(image)) throw new Error(`${target} runs ${image}: nobody asked for it`);
  const newest = record.releases.find(({ steps }) => steps[0]?.to === 'requested');
  const phases = newest?.steps.map(({ to }) => to) ?? [];
  if (phases.includes('completed') && !phases.includes('failed') && image !== newest?.data.image) {
    throw new Error(`${target} runs ${image}, though ${newest?.data.image} completed last`);
  }
}
