/**
 * `npm run demo`: forty days of the closed loop in seconds, on the parts of `npm start`: the built app in the local
 * Functions host, which receives, publishes and schedules through the real SDK over AMQP. Only the handlers' clock is
 * sped up. The bus keeps real time, so locks and duplicate detection work in real time too.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryStateStore } from '../../adapters/memory-store.ts';
import { createServiceBus } from '../../adapters/service-bus/event-bus.ts';
import { createSimulatedClusters } from '../../adapters/simulated-cluster.ts';
import type { PlatformEvent } from '../../events/catalog.ts';
import { parseEvent } from '../../events/parse.ts';
import { usePorts } from '../../on-event.ts';
import type { Notification, Notifier } from '../../ports/notifier.ts';
import { HISTORY_LIMITS, readSettings } from '../../settings.ts';
import { appDirectory, readFlags, runCommand } from '../../terminal/command.ts';
import { readTextFile } from '../../terminal/flag-files.ts';
import { DEMO } from '../../terminal/usages.ts';
import { ERRORS_QUEUE, topology } from '../../topology.ts';
import { startFunctionsHost } from '../functions-host/functions-host.ts';
import { hostOutput } from '../host-output.ts';
import type { Broker } from '../service-bus/core/broker.ts';
import { startBus } from '../service-bus/start.ts';
import { MissingStepError, playClosedLoop, type Stage } from './closed-loop.ts';
import { DemoOutput } from './output.ts';
import { SpedUpClock } from './sped-up-clock.ts';

/** How many times faster the handlers' clock runs. Waits of a minute or more are skipped. */
const SPEED = 20;
const JUMP_FROM_MS = 60_000;
/** How long the handling of one event may take, in real time, before the scenario continues. */
const HANDLING_TIMEOUT_MS = 5_000;

await runCommand(async () => {
  const { values } = readFlags(DEMO.usage, DEMO.flags);
  const file = values.config === undefined ? 'platform.config.json' : resolve(values.config);
  if (values.config !== undefined) readTextFile('config', file);
  const directory = appDirectory();
  process.chdir(directory);
  const { json: isJson, verbose: isVerbose } = values;
  const output = new DemoOutput({ isJson });
  const clock = new SpedUpClock(Date.now(), SPEED);
  const local = await startBus({ port: 0, adminPort: 0 });
  // The demo must reach this process alone, whatever the environment is set to.
  const settings = { ServiceBus: local.connectionString, StateStore: 'memory', Cluster: 'simulated' };
  const { serviceBus, config } = readSettings({ ...settings, PLATFORM_CONFIG: file });

  const bus = clock.speedUp(await createServiceBus(serviceBus));
  const state = new MemoryStateStore();
  const clusters = createSimulatedClusters({ state, clock, config });
  const notifications: Notification[] = [];
  const notifier = toTimeline(notifications, output, clock);
  // The scenario's checks are pushed; measuring in jumps of days would tell of nothing else.
  const measurements = { count: async () => undefined };
  usePorts({
    portsFor: (log) => ({
      publisher: bus,
      deadLetterQueue: bus,
      state,
      clusters,
      measurements,
      notifier,
      clock,
      config,
      log,
    }),
    options: {},
    historyLimits: HISTORY_LIMITS,
  });
  const events = new Map<string, PlatformEvent>();
  const host = await startFunctionsHost({
    ...{
      directory,
      httpPort: 0,
      settings,
      ...hostOutput({ from: isVerbose ? 'information' : 'warning', isVerbose: false, isJson }),
    },
    onMessage: (_, { body }, run) => {
      const { event } = parseEvent({ body, receivedAt: clock.now() });
      if (!events.has(event.id)) output.event(event, clock.now());
      events.set(event.id, event);
      return run();
    },
  });

  const stage: Stage = {
    ...{ clock, state, clusters, notifications },
    get events() {
      return [...events.values()];
    },
    publish: (event) => bus.publish(event),
    advance: async (ms) => {
      if (ms < JUMP_FROM_MS) return sleep(ms / SPEED);
      await atRest(local.broker);
      clock.jump(ms);
    },
    settled: () => atRest(local.broker),
    chapter: (title) => output.chapter(title, clock.now()),
  };
  const start = performance.now();
  const missingStep = await playClosedLoop(stage).catch((error: unknown) => {
    if (error instanceof MissingStepError) return error.message;
    throw error;
  });
  await atRest(local.broker);
  const isClean = local.broker.getQueue(ERRORS_QUEUE).counts.activeMessageCount === 0;
  const missing = missingStep ?? (isClean ? undefined : 'every event is handled, and none is in the errors queue');
  if (missing === undefined) output.closed(clock.now(), (performance.now() - start) / 1_000);
  else output.missing(missing, clock.now());
  await host.stop(1_000);
  await bus.close();
  await local.close();
  process.exit(missing === undefined ? 0 : 1);
});

/** Waits until every message that is due is handled. */
async function atRest(broker: Broker): Promise<void> {
  const subscriptions = topology.topics.flatMap(({ name, subscriptions }) =>
    subscriptions.map((subscription) => broker.getSubscription(name, subscription.name)),
  );
  const end = performance.now() + HANDLING_TIMEOUT_MS;
  while (subscriptions.some(({ counts }) => counts.activeMessageCount > 0) && performance.now() < end) await sleep(1);
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
