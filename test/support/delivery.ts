/** Runs handlers on a bus in virtual time, in processes that can die at any call they make of the bus or the store. */
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { deliver } from '../../shared/delivery/deliver.ts';
import type { EventRecord } from '../../shared/delivery/event-record.ts';
import { Isolation } from '../../shared/delivery/isolation.ts';
import { catalog, type PlatformEvent } from '../../shared/events/catalog.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import type { Handler, Ports } from '../../shared/ports/handler.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import { routeOf } from '../../shared/topology.ts';
import { clustersOf, RecordingLog } from './ports.ts';
import { recordsOf } from './records.ts';

export interface Death {
  /** Counted over all calls of all processes. */
  readonly call: number;
  readonly when: 'before' | 'after';
  /** Whether the broker hears of it at once, or finds out when the lock is over. */
  readonly lock: 'abandoned' | 'expires';
}

export interface WorldOptions {
  readonly handlers: Readonly<Record<string, Handler<never>>>;
  readonly deaths?: readonly Death[];
  readonly random?: () => number;
  /** Called before each call of a port; what it throws is the call's answer. */
  readonly before?: (call: string, args: readonly unknown[]) => void;
}

export interface World {
  readonly bus: InMemoryEventBus;
  readonly state: StateStore;
  readonly log: RecordingLog;
  /** How many calls of the bus and the store were made. */
  readonly calls: () => number;
  /** Messages that went back to the broker since `deliver` rejected. */
  readonly rejections: () => number;
  records(): Promise<EventRecord[]>;
  /** Messages that wait in the handlers' subscriptions, scheduled ones included. */
  pending(): number;
}

/** Every handler has its subscription read, one process after the other; a death ends all that the process does. */
export function createWorld({ handlers, deaths = [], random = Math.random, before }: WorldOptions): World {
  const bus = new InMemoryEventBus();
  const state = new MemoryStateStore();
  const log = new RecordingLog();
  let calls = 0;
  let rejections = 0;

  const run = async (body: unknown, deliveryCount: number, type: string): Promise<'done' | Death> => {
    const definition = catalog.get(type)?.definition;
    const handle = handlers[type];
    if (!definition || !handle) throw new TypeError(`no handler for ${type}`);
    let isDead = false;
    let die: (death: Death) => void = () => {};
    const died = new Promise<Death>((resolve) => {
      die = (death) => {
        isDead = true;
        resolve(death);
      };
    });
    const never = new Promise<never>(() => {});
    const mortal = <T extends object>(port: T, portName: string): T =>
      new Proxy(port, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name, target);
          if (typeof method !== 'function') return method;
          return async (...args: unknown[]) => {
            if (isDead) return never;
            calls++;
            const death = deaths.find(({ call }) => call === calls);
            if (death?.when === 'before') {
              die(death);
              return never;
            }
            before?.(`${portName}.${String(name)}`, args);
            const result: unknown = await Reflect.apply(method, target, args);
            if (death) die(death);
            return isDead ? never : result;
          };
        },
      });
    const ports: Ports = {
      publisher: mortal(bus, 'bus'),
      deadLetterQueue: mortal(bus, 'bus'),
      state: mortal(state, 'state'),
      clusters: clustersOf({}),
      notifier: { notify: async () => {} },
      clock: bus.clock,
      config: parseConfig({}),
      log,
    };
    const timer = (ms: number, callback: () => void) => {
      const { cancel } = bus.clock.at(bus.clock.now() + ms, callback);
      return cancel;
    };
    const delivery = { definition, handle, body, deliveryCount };
    return Promise.race([
      died,
      deliver(delivery, ports, { random, timer, isolation: new Isolation(0) }).then((): 'done' => 'done'),
    ]);
  };

  const queues = Object.keys(handlers).map((type) => {
    const route = routeOf(type);
    const queue = bus.broker.resolve(`${route?.topic}/Subscriptions/${route?.subscription}`);
    const consumer = queue.openConsumer({
      mode: 'peekLock',
      onMessage: (message) => {
        consumer.addCredit(1);
        void run(message.content.body, message.deliveryCount + 1, type).then(
          (end) => {
            if (end === 'done') queue.complete(message);
            else if (end.lock === 'abandoned') queue.abandon(message);
          },
          () => {
            rejections++;
            queue.abandon(message);
          },
        );
      },
    });
    consumer.addCredit(64);
    return queue;
  });

  return {
    bus,
    state,
    log,
    calls: () => calls,
    rejections: () => rejections,
    records: () => recordsOf(state),
    pending: () => queues.reduce((sum, queue) => sum + queue.peek(0, Number.POSITIVE_INFINITY).length, 0),
  };
}

/** Publishes events and lets enough time pass for all that can come of them. */
export async function carryThrough(world: World, span: string, ...events: PlatformEvent[]): Promise<void> {
  for (const event of events) await world.bus.publish(event);
  await world.bus.advance(span);
}
