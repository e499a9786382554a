/**
 * How much waits in the subscriptions and in the errors queue, as a timer last read it. It is kept in the state store, so
 * that every instance of the app tells the same, and no scrape costs a call to the broker.
 */
import { waitsForPerson } from '../delivery/automatic-replay.ts';
import type { Backlog } from '../ports/bus.ts';
import type { Ports } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { systemTimer, type Timer, within } from '../timeout.ts';
import { handlerSubscriptions } from '../topology.ts';
import { checkHealth, DEPENDENCY_TIMEOUT_MS, type Dependency, type Health } from './health.ts';
import { reasonLabel, subscriptionLabel } from './metric-labels.ts';
import { type ErrorSummary, oldestErrors } from './summaries.ts';

/** How many messages of a subscription are counted; more are not looked at. */
export const MAX_COUNTED_EVENTS = 1_000;
/** How many entries of the errors queue are counted; more are not looked at. */
export const MAX_COUNTED_ERRORS = 1_000;

/** The entries of the errors queue, of the oldest that are counted. Times are milliseconds since the Unix epoch. */
export interface ErrorsReading {
  /** Those to which nothing happens unless a person sees to them. */
  readonly waiting: number;
  readonly oldestWaitingAt?: number;
  /** Those that are replayed by themselves. */
  readonly returning: number;
  readonly byReason: readonly { readonly reason: string; readonly subscription: string; readonly count: number }[];
}

export interface QueueReading {
  /** When it was read, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** By subscription; without those that are missing, or could not be read. */
  readonly backlogs: Readonly<Record<string, Backlog>>;
  /** Undefined when the queue could not be read. */
  readonly errors?: ErrorsReading;
  readonly dependencies: readonly Pick<Dependency, 'name' | 'status'>[];
}

/** What cannot be read is left out; never rejects for it. */
export async function readQueues(ports: Ports, timer: Timer = systemTimer): Promise<QueueReading> {
  const at = ports.clock.now();
  const backlogOf = (name: string): Promise<Backlog | undefined> =>
    within(DEPENDENCY_TIMEOUT_MS, timer, ports.publisher.backlog(name, MAX_COUNTED_EVENTS)).catch(() => undefined);
  // First, since it tells which subscriptions exist: the bus need not be asked again.
  const backlogs = await Promise.all(handlerSubscriptions.map(async (name) => [name, await backlogOf(name)] as const));
  const [errors, { dependencies }] = await Promise.all([
    oldestErrors(ports, MAX_COUNTED_ERRORS, timer),
    // The triggers are those of the instance that happens to run the timer.
    checkHealth({ ...ports, triggers: undefined }, timer),
  ]);
  return {
    at,
    backlogs: Object.fromEntries(backlogs.flatMap(([name, backlog]) => (backlog ? [[name, backlog] as const] : []))),
    ...(errors && { errors: errorsReadingOf(errors, at) }),
    dependencies: dependencies.map(({ name, status }) => ({ name, status })),
  };
}

function errorsReadingOf(entries: readonly ErrorSummary[], now: number): ErrorsReading {
  const waiting = entries.filter((entry) => waitsForPerson(entry, now));
  const counts = new Map<string, { reason: string; subscription: string; count: number }>();
  for (const entry of entries) {
    const [reason, subscription] = [reasonLabel(entry.reason), subscriptionLabel(entry.subscription ?? '')];
    const counted = counts.get(`${reason}\n${subscription}`) ?? { reason, subscription, count: 0 };
    counted.count++;
    counts.set(`${reason}\n${subscription}`, counted);
  }
  const oldestWaitingAt = waiting[0]?.deadLetteredAt;
  return {
    waiting: waiting.length,
    ...(oldestWaitingAt !== undefined && { oldestWaitingAt }),
    returning: entries.length - waiting.length,
    byReason: [...counts.values()],
  };
}

const PARTITION = 'status';
const KEY = 'queues';

/** The last one wins: two instances that read at the same time read the same. */
export async function storeReading(state: StateStore, reading: QueueReading): Promise<void> {
  await state.put(PARTITION, KEY, reading, '*');
}

/** Undefined before the first. */
export async function lastReading(state: StateStore): Promise<QueueReading | undefined> {
  return (await state.get<QueueReading>(PARTITION, KEY))?.value;
}

/** The health that the timer read: without what each dependency said, and how long it took. */
export function healthOfReading({ dependencies }: QueueReading): Health {
  const isDown = (one: QueueReading['dependencies'][number]): boolean => one.status === 'down';
  const isNeeded = ({ name }: { readonly name: string }): boolean => name === 'service-bus' || name === 'state-store';
  const status = dependencies.some((one) => isNeeded(one) && isDown(one))
    ? 'down'
    : dependencies.some(isDown)
      ? 'degraded'
      : 'up';
  return { status, dependencies: dependencies.map((one) => ({ ...one, latencyMs: 0 })) };
}
