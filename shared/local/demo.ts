/**
 * `npm run demo`: forty days of the closed loop in seconds. The built app is run by the local Functions host, which gets
 * its messages over AMQP, on a clock that is sped up; every event and notification on a timeline.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryStateStore } from '../adapters/memory-store.ts';
import { createSimulatedClusters } from '../adapters/simulated-cluster.ts';
import type { PlatformEvent } from '../events/catalog.ts';
import { usePorts } from '../on-event.ts';
import type { EventBus, Log, Notification, Notifier, StateStore } from '../ports.ts';
import { type EventRecord, RECORDS, recordKey } from '../record.ts';
import { HISTORY_LIMITS } from '../retention.ts';
import { readSettings } from '../settings.ts';
import { subscriptionOf } from '../topology.ts';
import { connectionString, startAmqp } from './amqp.ts';
import { SystemClock } from './clock.ts';
import { MissingStepError, playClosedLoop, type Stage } from './closed-loop.ts';
import { appDirectory, readFlags, red, runCommand } from './command.ts';
import { DemoOutput } from './demo-output.ts';
import { startFunctionsHost } from './functions-host/functions-host.ts';
import { hostOutput } from './host-output.ts';
import { InMemoryEventBus } from './memory.ts';
import { SpedUpClock } from './sped-up-clock.ts';

const USAGE = `usage: npm run demo [-- --verbose]

Plays forty days with platform.config.json on a Service Bus, a cluster and a Functions host of its own, on free ports;
nothing else is touched. Exit code 0 when the loop closes; 1, naming the missing step, when it does not.`;

/** Seconds of the demo in one second; waits of a minute and more are jumped over. */
const SPEED = 20;
const JUMP_FROM_MS = 60_000;
/** So long may the handling of one event take, in real time, before the story looks on. */
const PATIENCE_MS = 5_000;

await runCommand(async () => {
  const { values } = readFlags(USAGE, { verbose: { type: 'boolean', default: false } });
  const directory = appDirectory();
  process.chdir(directory);
  const output = new DemoOutput();
  const clock = new SpedUpClock(Date.now(), SPEED);
  const bus = new InMemoryEventBus({ clock: new SystemClock(), capacity: 10_000 });
  const amqp = await startAmqp({ broker: bus.broker, port: 0 });
  // Whatever the environment names, the demo reaches nothing but this process.
  const settings = { ServiceBus: connectionString(amqp.port), StateStore: 'memory', Cluster: 'simulated' };
  const { config } = readSettings({ ...settings, PLATFORM_CONFIG: 'platform.config.json' });

  const state = new MemoryStateStore();
  const clusters = createSimulatedClusters({ state, clock, config });
  const notifications: Notification[] = [];
  const told = shown(clock.speedUp(bus), output, clock);
  const notifier = toTimeline(notifications, output, clock);
  const log: Log = { info: () => {}, warn: () => {}, error: (message, fields) => console.error(red(message), fields) };
  const ports = { bus: told, state, clusters, notifier, clock, config, log };
  usePorts({ ports, options: {}, historyLimits: HISTORY_LIMITS });
  const host = await startFunctionsHost({ directory, httpPort: 0, settings, ...hostOutput(values.verbose) });

  const stage: Stage = {
    ...{ clock, state, clusters, notifications },
    get events() {
      return bus.events().reverse();
    },
    publish: (event) => told.publish(event),
    advance: async (ms) => {
      if (ms >= JUMP_FROM_MS) clock.jump(ms);
      else await sleep(ms / SPEED);
    },
    settled: (event) => atRest(state, event),
    chapter: (title) => output.chapter(title, clock.now()),
  };
  const start = performance.now();
  const missing = await playClosedLoop(stage).catch((error: unknown) => {
    if (error instanceof MissingStepError) return error.message;
    throw error;
  });
  if (missing === undefined) output.end(clock.now(), (performance.now() - start) / 1_000);
  else console.error(red(`the loop does not close: ${missing}`));
  await host.stop(1_000);
  await amqp.close();
  await bus.close();
  process.exit(missing === undefined ? 0 : 1);
});

/** Waits until the event's handler has done what it can do now. */
async function atRest(state: StateStore, { id, type }: PlatformEvent): Promise<void> {
  const key = recordKey(subscriptionOf(type), id);
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const status = (await state.get<EventRecord>(RECORDS, key))?.value.status;
    if ((status !== undefined && status !== 'running') || performance.now() > end) return;
    await sleep(2);
  }
}

/** The bus, with every event on the timeline when it is published. */
function shown(bus: EventBus, output: DemoOutput, clock: SpedUpClock): EventBus {
  return {
    publish: async (event) => {
      output.event(event, clock.now());
      await bus.publish(event);
    },
    publishAll: async (events) => {
      for (const event of events) output.event(event, clock.now());
      await bus.publishAll(events);
    },
    schedule: (copy) => bus.schedule(copy),
    park: async (message) => {
      console.error(red(`parked: ${message.type}: ${message.reason}: ${message.description}`));
      await bus.park(message);
    },
    subscribe: (topic, subscription, receive) => bus.subscribe(topic, subscription, receive),
    ping: () => bus.ping(),
    close: () => bus.close(),
  };
}

function toTimeline(notifications: Notification[], output: DemoOutput, clock: SpedUpClock): Notifier {
  return {
    notify: async (notification) => {
      if (notifications.some(({ key }) => key === notification.key)) return;
      notifications.push(notification);
      output.notification(notification, clock.now());
    },
  };
}
