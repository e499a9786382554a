/**
 * Explores everything that can happen to a set of messages: each order of deliveries, each point at which a process
 * can die or be cut off and wake up late, each duplicate. States that are equal are explored once.
 *
 * What makes it possible: a run of a handler is a function of the answers it gets. So a run that was cut off is kept
 * as the list of its answers so far, and wakes up by being run again on them before it goes on for real.
 */
import { createHash } from 'node:crypto';
import { redeliveryMessage } from '../../shared/delivery/bus-message.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import type { EventBus } from '../../shared/ports/bus.ts';
import type { Cluster } from '../../shared/ports/cluster.ts';
import type { StateStore, Stored } from '../../shared/ports/state.ts';
import { MapStore } from './map-store.ts';

/** A message in the broker. */
export interface Mail {
  readonly id: string;
  readonly event: PlatformEvent;
  /** The body as sent; the event itself when it is no redelivery. */
  readonly body: unknown;
  /** Whether it is still to be delivered; once it was, it may come again. */
  readonly isPending: boolean;
  readonly dueAt: number;
}

/** A run that was cut off: its message, and the answers that it got before. */
interface Sleeper {
  readonly mail: Mail;
  readonly answers: readonly Answer[];
  readonly run: number;
}

type Answer = { readonly value: unknown } | { readonly error: unknown };

/** Everything there is at one moment. Never changed, but copied. */
export interface State {
  readonly now: number;
  readonly documents: ReadonlyMap<string, string>;
  readonly mails: ReadonlyMap<string, Mail>;
  readonly sleepers: readonly Sleeper[];
  readonly cutsLeft: number;
  readonly runs: number;
  /** What was ever published, by id. */
  readonly published: ReadonlyMap<string, PlatformEvent>;
  readonly deadLetters: readonly string[];
  /** How it came to this; not part of what makes states equal. */
  readonly trail: readonly string[];
}

/** What a run gets to work with. */
export interface Site {
  readonly bus: EventBus;
  readonly state: StateStore;
  now(): number;
  /** Makes each call to the cluster a point where the run can be cut off. */
  guard(make: (state: StateStore, now: () => number) => Cluster): Cluster;
  /** Names the run. */
  readonly run: number;
}

export interface Exploration {
  readonly mails: readonly PlatformEvent[];
  readonly now: number;
  /** Whether a message that was delivered may be delivered again, at any time and any number of times. */
  readonly duplicates: boolean;
  /** How many runs may be cut off along one path. */
  readonly cuts: number;
  /** Fills the store before anything is delivered. */
  readonly prepare?: (state: StateStore) => Promise<void>;
  /** Handles a message as the process would; rejects when the message is to come back. */
  readonly process: (body: unknown, event: PlatformEvent, site: Site) => Promise<void>;
  /** The part of a document that can make a difference; what only tells of the past is left out. */
  readonly canonical: (key: string, value: unknown, now: number) => unknown;
  /** Throws when this state must not be. */
  readonly check: (state: State, isQuiet: boolean) => void;
}

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  readonly ends: number;
}

/** Visits every state that can be reached. @throws what `check` throws, with the way there */
export async function explore(exploration: Exploration): Promise<Explored> {
  const initial = await begin(exploration);
  const seen = new Set([keyOf(initial, exploration)]);
  const waiting = [initial];
  let transitions = 0;
  let ends = 0;
  for (let state = waiting.pop(); state; state = waiting.pop()) {
    const isQuiet = ![...state.mails.values()].some(({ isPending }) => isPending);
    if (isQuiet) ends++;
    inspect(state, exploration, isQuiet);
    for (const next of await successors(state, exploration)) {
      transitions++;
      const key = keyOf(next, exploration);
      if (seen.has(key)) continue;
      seen.add(key);
      waiting.push(next);
    }
  }
  return { states: seen.size, transitions, ends };
}

/**
 * Takes one way through what can happen: at each step the choice says which message is delivered or which sleeper
 * wakes up, and whether, and where, the run is cut off. Ends when nothing is pending and nobody sleeps.
 *
 * @param choose a number from 0 (inclusive) to the given one (exclusive)
 * @throws what `check` throws, with the way there
 */
export async function walk(exploration: Exploration, choose: (below: number) => number): Promise<State> {
  let state = await begin(exploration);
  for (let steps = 0; ; steps++) {
    const mails = [...state.mails.values()];
    const pending = mails.filter(({ isPending }) => isPending);
    inspect(state, exploration, pending.length === 0);
    if (pending.length === 0 && state.sleepers.length === 0) return state;
    if (steps > 5_000) throw new Error(`no end is near\n  ${state.trail.slice(-40).join('\n  ')}`);

    const again = exploration.duplicates && choose(8) === 0 ? mails : pending;
    const at = choose(again.length + state.sleepers.length);
    const mail = again[at];
    const sleeper = state.sleepers[at - again.length];
    let outcomes: State[];
    if (mail) outcomes = await advance(state, { mail, answers: [], run: state.runs }, exploration);
    else if (sleeper) outcomes = await wake(state, sleeper, exploration);
    else continue;
    const isCut = state.cutsLeft > 0 && choose(6) === 0;
    state = outcomes[isCut ? choose(outcomes.length) : 0] ?? state;
  }
}

async function begin(exploration: Exploration): Promise<State> {
  const documents = new Map<string, string>();
  await exploration.prepare?.(new MapStore(documents));
  return {
    now: exploration.now,
    documents,
    mails: new Map(exploration.mails.map((event) => [event.id, original(event)])),
    sleepers: [],
    cutsLeft: exploration.cuts,
    runs: 0,
    published: new Map(exploration.mails.map((event) => [event.id, event])),
    deadLetters: [],
    trail: [],
  };
}

function inspect(state: State, { check }: Exploration, isQuiet: boolean): void {
  try {
    check(state, isQuiet);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}, after:\n  ${state.trail.join('\n  ')}`, { cause: error });
  }
}

function original(event: PlatformEvent): Mail {
  return { id: event.id, event, body: event, isPending: true, dueAt: 0 };
}

async function successors(state: State, exploration: Exploration): Promise<State[]> {
  const next: State[] = [];
  for (const mail of state.mails.values()) {
    if (!mail.isPending && !exploration.duplicates) continue;
    next.push(...(await advance(state, { mail, answers: [], run: state.runs }, exploration)));
  }
  for (const sleeper of state.sleepers) next.push(...(await wake(state, sleeper, exploration)));
  return next;
}

/** Somebody who was cut off goes on, and this time to the end. */
async function wake(state: State, sleeper: Sleeper, exploration: Exploration): Promise<State[]> {
  const awake = { ...state, cutsLeft: 0, sleepers: state.sleepers.filter((other) => other !== sleeper) };
  return (await advance(awake, sleeper, exploration)).map((after) => ({ ...after, cutsLeft: state.cutsLeft }));
}

/** Runs a message's handler from where it was to its end; also says how it is when it is cut off after each call. */
async function advance(
  before: State,
  { mail, answers, run }: Sleeper,
  { process }: Pick<Exploration, 'process'>,
): Promise<State[]> {
  const isFresh = answers.length === 0;
  const now = Math.max(before.now, isFresh ? mail.dueAt : 0);
  const documents = new Map(before.documents);
  const mails = new Map(before.mails);
  const published = new Map(before.published);
  const deadLetters = [...before.deadLetters];
  const resent = new Set<string>();
  const given: Answer[] = [];
  const cuts: State[] = [];
  let asked = 0;
  let calls = 0;
  let underWay = 0;

  const snapshot = (what: string): State => {
    const step = `${isFresh ? 'deliver' : 'wake'} ${mail.event.type} ${mail.id} at ${now}: ${what}`;
    return {
      ...before,
      now,
      documents: new Map(documents),
      mails: new Map(mails),
      published: new Map(published),
      deadLetters: [...deadLetters],
      runs: before.runs + (isFresh ? 1 : 0),
      trail: [...before.trail, step],
    };
  };
  const noteCut = (): void => {
    // What is cut off while two calls are under way is left out: its answers could not be told again in order.
    if (before.cutsLeft === 0 || calls === 0 || underWay > 0) return;
    const sleepers = [...before.sleepers, { mail, answers: [...given], run }];
    const cut = { ...snapshot(`cut off after ${calls} calls`), sleepers, cutsLeft: before.cutsLeft - 1 };
    // What was not completed comes again, a duplicate as well.
    cuts.push(isFresh ? { ...cut, mails: new Map(mails).set(mail.id, { ...mail, isPending: true }) } : cut);
  };
  const call = async <T>(act: () => Promise<T>): Promise<T> => {
    const index = asked++;
    const replayed = answers[index];
    if (replayed) {
      given[index] = replayed;
      if ('error' in replayed) throw replayed.error;
      // The very answer that this call of the very same run got before.
      return replayed.value as T;
    }
    noteCut();
    calls++;
    underWay++;
    try {
      const value = await act();
      given[index] = { value };
      return value;
    } catch (error) {
      given[index] = { error };
      throw error;
    } finally {
      underWay--;
    }
  };
  const clock = (): number => {
    const index = asked++;
    const replayed = answers[index];
    // A clock that was read before showed what it showed then.
    const value = replayed && 'value' in replayed ? Number(replayed.value) : now;
    given[index] = { value };
    return value;
  };
  // Sent again it comes again, as if the broker had forgotten that it knew it.
  const send = (message: Mail): void => {
    mails.set(message.id, message);
    resent.add(message.id);
  };
  const publish = (event: PlatformEvent): void => {
    send(original(event));
    published.set(event.id, published.get(event.id) ?? event);
  };

  const real = new MapStore(documents);
  const outcome = await process(mail.body, mail.event, {
    run,
    now: clock,
    state: {
      get: <T>(partition: string, key: string) => call(() => real.get<T>(partition, key)),
      insert: (partition, key, value) => call(() => real.insert(partition, key, value)),
      put: (partition, key, value, etag) => call(() => real.put(partition, key, value, etag)),
      delete: (partition, key, etag) => call(() => real.delete(partition, key, etag)),
      transact: (partition, operations) => call(() => real.transact(partition, operations)),
      query: () => real.query(),
      ping: () => real.ping(),
    },
    guard: (make) => {
      const cluster = make(real, () => now);
      return {
        ...cluster,
        apply: (release) => call(() => cluster.apply(release)),
        rollout: (workload) => call(() => cluster.rollout(workload)),
        rollback: (rollback) => call(() => cluster.rollback(rollback)),
      };
    },
    bus: {
      publish: (event) => call(async () => publish(event)),
      publishAll: async (events) => {
        // Not one transaction: the process may die between two of them.
        for (const event of events) await call(async () => publish(event));
      },
      schedule: (redelivery) =>
        call(async () => {
          const { messageId: id, event, at: dueAt } = redelivery;
          const body: unknown = JSON.parse(redeliveryMessage(redelivery).body.toString());
          // Only what was parsed is scheduled here.
          const message = { id, event: event as PlatformEvent, body, isPending: true, dueAt };
          if (!mails.get(id)?.isPending || id === mail.id) send(message);
        }),
      deadLetter: ({ subscription, description }) =>
        call(async () => {
          const what = `${subscription}: ${description}`;
          if (!deadLetters.includes(what)) deadLetters.push(what);
        }),
      deadLetters: async () => [],
      findDeadLetter: async () => undefined,
      takeDeadLetter: async () => false,
      subscribe: () => async () => {},
      backlog: async () => undefined,
      hasSubscription: async () => true,
      ping: async () => {},
      close: async () => {},
    },
  }).then(
    () => 'done',
    (error: unknown) => `failed: ${error}`,
  );
  noteCut();
  // A late completion of a message that has come again meanwhile finds its lock lost.
  if (outcome === 'done' && isFresh && !resent.has(mail.id)) mails.set(mail.id, { ...mail, isPending: false });
  return [snapshot(outcome), ...cuts];
}

/** Names of runs that differ in nothing but the order of runs are the same. */
const RUN_NAMES = /\baaaaaa-a[0-9a-z]{5}\b/g;

/** Numbers from 0 to 1 for the delivery of a run, which names itself after the first two of them: see `RUN_NAMES`. */
export function randomFor(run: number): () => number {
  const name = [Number.parseInt('aaaaaa', 36), Number.parseInt('a00000', 36) + run];
  let used = 0;
  return () => {
    const part = name[used++];
    return part === undefined ? 0.5 : part / 2 ** 30;
  };
}

function keyOf(state: State, { canonical }: Exploration): string {
  const { now } = state;
  const documents = [...state.documents].map(([key, json]) => canonicalText(key, json, now, canonical));
  const mails = [...state.mails.values()].map(({ id, isPending, dueAt }) => [
    id,
    isPending && Math.max(0, dueAt - now),
  ]);
  const sleepers = state.sleepers.map(({ mail, answers }) => [
    mail.id,
    answers.map((answer) => ('error' in answer ? String(answer.error) : relative(answer.value, canonical, now))),
  ]);
  const published = [...state.published.keys()].sort();
  const key = JSON.stringify([documents.sort(), mails.sort(), sleepers, state.cutsLeft, published, state.deadLetters]);
  const names: string[] = [];
  const renamed = key.replace(RUN_NAMES, (name) => {
    if (!names.includes(name)) names.push(name);
    return `run-${names.indexOf(name)}`;
  });
  return createHash('sha1').update(renamed).digest('base64');
}

const canonicalTexts = new WeakMap<Exploration['canonical'], Map<string, string>>();

/** The same few documents are met over and over again. */
function canonicalText(key: string, json: string, now: number, canonical: Exploration['canonical']): string {
  const known = canonicalTexts.get(canonical) ?? new Map<string, string>();
  canonicalTexts.set(canonical, known);
  const found = known.get(`${now} ${key} ${json}`);
  if (found !== undefined) return found;
  const value = canonical(key, JSON.parse(json), now);
  const text = value === undefined ? '' : `${key} ${JSON.stringify(value)}`;
  known.set(`${now} ${key} ${json}`, text);
  return text;
}

/** An answer of a port, as far as it can make a difference. */
function relative(value: unknown, canonical: Exploration['canonical'], now: number): unknown {
  if (typeof value === 'number') return value - now;
  const stored = value as Partial<Stored<unknown>> | null | undefined;
  return stored?.value === undefined ? value : canonical(stored.key ?? '', stored.value, now);
}
