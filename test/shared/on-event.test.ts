/** Registration of the event functions, and what the callback that the library received makes of the host's input. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { usePorts } from '../../shared/app-ports.ts';
import type { DeliveryOptions } from '../../shared/delivery/deliver.ts';
import { insertRecord } from '../../shared/delivery/history.ts';
import { registeredHandlers } from '../../shared/delivery/registered-handlers.ts';
import { DAY_MS } from '../../shared/duration.ts';
import { TransientError } from '../../shared/errors.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { type EventDefinition, newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentCompleted, DeploymentRequested, DeploymentStarted } from '../../shared/events/deployment.ts';
import { installCoreModule } from '../../shared/local/functions-host/core-module.ts';
import { onEvent } from '../../shared/on-event.ts';
import { type Handler, requeueAfter } from '../../shared/ports/handler.ts';
import { DeliveryWorld } from '../support/delivery-world.ts';
import { sampleData } from '../support/events.ts';
import { type FunctionApp, functionApp } from '../support/function-app.ts';
import type { Gate } from '../support/process.ts';

const REQUESTED = 'deployment-requested';
const COMPLETED = 'deployment-completed';
const event = newEvent(DeploymentRequested, { id: 'request-1', source: '/ci', data: sampleData.DeploymentRequested });
const body = JSON.stringify(event);

let handle: Handler = async () => {};
const handled: PlatformEvent[] = [];
const handleRequested: Handler = async (...args) => {
  handled.push(args[0]);
  return handle(...args);
};

let startFailure: unknown;
let starting: Promise<FunctionApp>;
let app: FunctionApp;

/** Starts with settings that are wrong; then with ports of its own, which need none. */
async function start(): Promise<FunctionApp> {
  const records = vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.stubEnv('Cluster', 'nonsense');
  startFailure = await functionApp(() => onEvent(DeploymentRequested, handleRequested)).catch((error) => error);
  vi.unstubAllEnvs();
  records.mockRestore();
  usePorts({ portsFor: () => new DeliveryWorld([]).ports(), options: {}, historyLimits: { ageMs: 1, events: 1 } });
  return functionApp(() => onEvent(DeploymentCompleted, async () => {}, expectsNothing));
}

beforeAll(() => {
  // The library looks for the host's module at the first registration.
  installCoreModule();
  starting = start();
  // Each test fails for it; a hook that fails skips them.
  starting.catch(() => {});
});

let world: DeliveryWorld;

beforeEach(async () => {
  app = await starting;
  app.logs.length = 0;
  handle = async () => {};
  handled.length = 0;
  world = new DeliveryWorld([]);
});
afterEach(() => {
  usePorts(undefined);
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const expectsNothing = { foundInstead: async () => undefined, sharesReads: false };

/** Serves the app with the world's ports. */
function serve(gate?: Gate, options: DeliveryOptions = {}): void {
  const ports = world.ports(gate);
  usePorts({ portsFor: (log) => ({ ...ports, log }), options, historyLimits: { ageMs: 1, events: 1 } });
}

/** Calls of these names fail. */
const without =
  (...names: string[]): Gate =>
  (call, name) =>
    names.includes(name) ? Promise.reject(new TransientError(`${name} away`)) : call();

const atOnce: DeliveryOptions['timer'] = (_, callback) => {
  callback();
  return () => {};
};

describe('a registration', () => {
  it('has the name, topic and subscription of the event, on the connection that the settings name', () => {
    expect(registeredHandlers().get('DeploymentRequested')).toEqual({
      definition: DeploymentRequested,
      handle: handleRequested,
      expectation: undefined,
      topic: 'deployment-requested',
      subscription: REQUESTED,
    });
    expect(app.names).toEqual([REQUESTED, COMPLETED]);
    expect(app.bindingOf(REQUESTED)).toMatchObject({
      type: 'serviceBusTrigger',
      direction: 'in',
      connection: 'ServiceBus',
      topicName: 'deployment-requested',
      subscriptionName: REQUESTED,
      cardinality: 'one',
    });
  });

  it('is refused for a fact that nobody says when to expect', () => {
    expect(() => onEvent(DeploymentStarted, async () => {})).toThrow(
      new TypeError('DeploymentStarted is a fact: give what the stored state must say of it'),
    );
  });

  it('is refused for a second handler, and for an event that the catalog does not know', () => {
    const stranger = { ...DeploymentCompleted, type: 'Stranger' } as unknown as EventDefinition<'DeploymentFailed'>;

    expect(() => onEvent(DeploymentCompleted, async () => {}, expectsNothing)).toThrow(
      'DeploymentCompleted has a handler already',
    );
    expect(() => onEvent(stranger, async () => {})).toThrow('Stranger is not in the catalog');
  });

  it('has the settings checked when the app starts', () => {
    expect(String(startFailure)).toContain('Cluster: expected');
  });
});

describe('a message', () => {
  it('reaches the handler as the event that its body is, whatever its metadata say', async () => {
    serve();

    await app.deliver(REQUESTED, { body });

    expect(handled).toEqual([event]);
    expect(await world.record(REQUESTED, event)).toMatchObject({ status: 'completed' });
  });

  const { data, ...attributes } = event;
  const binary = Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [[`cloudEvents:${name}`, value as string | number]],
    ),
  );

  it.each([
    ['both of them', {}],
    ['the newer name alone', { UserProperties: undefined }],
    ['the older name alone', { ApplicationProperties: undefined }],
  ])('in binary mode brings its attributes in the application properties: %s', async (_, metadata) => {
    serve();

    await app.deliver(REQUESTED, { body: JSON.stringify(data), applicationProperties: binary, metadata });

    expect(handled).toEqual([event]);
  });

  it.each([
    ['text', { string: 'cloudEvents:id' }],
    ['null', { json: 'null' }],
  ])('is read from its body alone when its properties are %s', async (_, properties) => {
    serve();
    const metadata = { UserProperties: properties, ApplicationProperties: properties, DeliveryCount: undefined };

    await app.deliver(REQUESTED, { body, metadata });

    expect(handled).toEqual([event]);
  });

  it('is not done before the handler is', async () => {
    serve();
    let end = (): void => {};
    handle = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    let isDone = false;

    const invocation = app.deliver(REQUESTED, { body }).then(() => {
      isDone = true;
    });
    await vi.waitFor(() => expect(handled).toHaveLength(1));
    expect(isDone).toBe(false);
    end();
    await invocation;

    expect(await world.record(REQUESTED, event)).toMatchObject({ status: 'completed' });
  });
});

describe('an invocation that fails', () => {
  const deliveries = [
    [0, 500],
    [1, 1_000],
    [3, 4_000],
    [20, 20_000],
  ] as const;

  it.each(deliveries)('after %d deliveries pauses for %d ms, so that an outage does not burn them', async (n, ms) => {
    const pauses: number[] = [];
    const timer = (pause: number, callback: () => void): (() => void) => {
      pauses.push(pause);
      callback();
      return () => {};
    };
    serve(without('transact', 'get', 'schedule'), { timer });

    await expect(app.deliver(REQUESTED, { body, deliveryCount: n })).rejects.toThrow('schedule away');

    expect(pauses).toEqual([ms]);
  });

  it.each(deliveries)('for want of settings after %d deliveries pauses for %d ms as well', async (n, ms) => {
    vi.stubEnv('Cluster', 'nonsense');
    // Loading it for the first time takes real time, and timers that are not faked.
    await import('../../shared/adapters/live.ts');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let end: unknown;
    const invocation = app.deliver(REQUESTED, { body, deliveryCount: n }).catch((error: unknown) => {
      end = error;
    });
    for (const start = performance.now(); vi.getTimerCount() === 0; ) {
      if (performance.now() - start > 10_000) throw new Error('it does not pause');
      await new Promise(setImmediate);
    }

    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await invocation;

    expect(String(end)).toContain('Cluster: expected');
  });

  it('pauses as after the first when the body shadows the delivery count with words', async () => {
    const pauses: number[] = [];
    const timer = (pause: number, callback: () => void): (() => void) => {
      pauses.push(pause);
      callback();
      return () => {};
    };
    serve(without('transact', 'get', 'schedule'), { timer });
    const shadowing = JSON.stringify({ ...event, deliverycount: 'many' });

    await expect(app.deliver(REQUESTED, { body: shadowing, deliveryCount: 5 })).rejects.toThrow('schedule away');

    expect(pauses).toEqual([500]);
  });
});

describe('the log', () => {
  it('goes to the invocation, each line with its own level and as JSON, whatever words it holds', async () => {
    serve();
    handle = async (_, { log }) => {
      log.warn('quota is nearly used');
      log.error("namespace 'warnings' has failed", { error: 'warn\nwarnings' });
    };

    await app.deliver(REQUESTED, { body });

    expect(app.logs.map(({ message, ...line }) => ({ ...line, ...JSON.parse(message) }))).toMatchObject([
      { level: 'warning', message: 'quota is nearly used', handler: REQUESTED, eventId: event.id, attempt: 1 },
      { level: 'error', message: "namespace 'warnings' has failed", error: 'warn\nwarnings' },
      { level: 'information', message: 'event completed' },
    ]);
    for (const line of app.logs) {
      expect(line).toMatchObject({ category: 'user', functionName: REQUESTED, invocationId: app.lastId() });
      expect(line.message, 'one record').not.toMatch(/[\r\n]/);
    }
  });

  it('gives no two invocations one id', async () => {
    serve();
    handle = async (_, { log }) => log.info('here');

    await app.deliver(REQUESTED, { body });
    await app.deliver(REQUESTED, { body: JSON.stringify({ ...event, id: 'request-2' }) });

    expect(new Set(app.logs.map(({ invocationId }) => invocationId)).size).toBe(2);
  });

  it('says at the level of an error what was abandoned, and of a warning what is tried again', async () => {
    handle = async () => Promise.reject(new TransientError('busy'));
    serve();
    await app.deliver(REQUESTED, { body });
    serve(without('transact', 'get', 'schedule'), { timer: atOnce });
    await expect(app.deliver(REQUESTED, { body })).rejects.toThrow('schedule away');

    const levels = new Map(app.logs.map(({ level, message }) => [JSON.parse(message).message, level]));
    expect(levels.get('attempt failed')).toBe('warning');
    expect(levels.get('retry scheduled')).toBe('information');
    expect(levels.get('message abandoned')).toBe('error');
  });

  it('is nothing on the console', async () => {
    const printed = (['log', 'info', 'warn', 'error'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => {}),
    );
    serve(without('transact', 'get', 'schedule'), { timer: atOnce });

    await expect(app.deliver(REQUESTED, { body })).rejects.toThrow('schedule away');

    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
  });
});

it('serves a message with the options that the app was given', async () => {
  handle = async () => requeueAfter(5_000);
  serve(undefined, { random: () => 0.5 });

  await app.deliver(REQUESTED, { body });

  expect((await world.record(REQUESTED, event))?.runId).toBe(`${(2 ** 29).toString(36)}-${(2 ** 29).toString(36)}`);
});

it('forgets old history after a message, and is done when that is', async () => {
  const at = world.clock.now() - 100 * DAY_MS;
  await insertRecord(world.state, {
    ...{ handler: REQUESTED, id: 'old', type: event.type, source: event.source, subject: 'web', correlationId: 'old' },
    ...{
      status: 'completed',
      redelivery: 0,
      attempts: 0,
      runs: 1,
      runId: 'run',
      nonce: 'run',
      time: '',
      startedAt: at,
      updatedAt: at,
    },
  });
  let asked = 0;
  const slow: Gate = async (call) => {
    asked++;
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    return call().finally(() => asked--);
  };
  serve(slow);

  await app.deliver(REQUESTED, { body });

  expect(await world.record(REQUESTED, { source: event.source, id: 'old' })).toBeUndefined();
  expect(asked, 'calls under way').toBe(0);
});
