/** The trigger on a real socket: the Service Bus SDK against the bus's AMQP endpoint. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { InvocationRequest, RpcTypedData } from '../../../../shared/local/functions-host/core-module.ts';
import { parseHostJson } from '../../../../shared/local/functions-host/host-json.ts';
import { ServiceBusTrigger } from '../../../../shared/local/functions-host/service-bus-trigger.ts';
import { connectionString } from '../../../../shared/local/service-bus/amqp/server.ts';
import { type LocalBus, startBus } from '../../../../shared/local/service-bus/start.ts';
import { cut, inDataSections } from '../../../support/data-sections.ts';
import { type FaultProxy, startFaultProxy, wait } from '../../../support/fault-proxy.ts';
import { eventually } from '../../../support/processes.ts';

let bus: LocalBus;
const retryOptions = { maxRetries: 0 };
let queue = '';
let count = 0;
let running: ServiceBusTrigger[] = [];

beforeAll(async () => {
  bus = await startBus({ port: 0, adminPort: 0 });
});
afterAll(async () => {
  await bus.close();
});
beforeEach(() => {
  queue = `queue-${++count}`;
  bus.broker.createQueue(queue, { maxDeliveryCount: 3 });
  running = [];
});
afterEach(() => Promise.all(running.map((trigger) => trigger.stop())));

interface Setup {
  readonly connect?: () => ServiceBusClient;
  readonly run: (body: string) => Promise<void>;
  readonly settings?: Record<string, unknown>;
  readonly functionTimeout?: number;
  readonly silenceMs?: number;
  readonly binding?: Record<string, unknown>;
}

const connectToBus = (): ServiceBusClient => new ServiceBusClient(bus.connectionString, { retryOptions });

function start({
  run,
  settings = {},
  functionTimeout = Number.POSITIVE_INFINITY,
  connect = connectToBus,
  silenceMs = 2_000,
  binding = {},
}: Setup) {
  const errors: string[] = [];
  const trigger = new ServiceBusTrigger({
    connect,
    functionTimeout,
    openingMs: 1_000,
    silenceMs,
    source: { queue },
    binding: { name: 'message', type: 'serviceBusTrigger', direction: 'in', ...binding },
    settings: parseHostJson({ version: '2.0', extensions: { serviceBus: settings } }).extensions.serviceBus,
    run: ({ inputData }: InvocationRequest) => run(textOf(inputData[0]?.data)),
    onError: (message) => errors.push(message),
  });
  running.push(trigger);
  return { trigger, errors };
}

const textOf = (data: RpcTypedData | undefined): string => data?.string ?? data?.json ?? '';

/** On a connection of its own, so that cutting the trigger's does not concern it. */
const send = async (...bodies: (string | Buffer)[]): Promise<void> => {
  const own = new ServiceBusClient(bus.connectionString);
  // Bytes are sent as they are; anything else would be wrapped in JSON.
  await own.createSender(queue).sendMessages(bodies.map((body) => ({ body: Buffer.from(body) })));
  await own.close();
};
const left = (): number => bus.broker.resolve(queue).peek(0, 100).length;
const dead = (): number => bus.broker.resolve(`${queue}/$DeadLetterQueue`).peek(0, 100).length;

it('completes a message whose function succeeds, and hands the body over as text', async () => {
  const seen: string[] = [];
  start({ run: async (body) => void seen.push(body) });

  await send('{"a": 1}');

  await eventually(() => (left() === 0 ? true : undefined), 'completed');
  expect(seen).toEqual(['{"a": 1}']);
  expect(dead()).toBe(0);
});

it('abandons at once when the function fails, until the broker gives up', async () => {
  let runs = 0;
  const { errors } = start({
    run: async () => {
      runs++;
      throw new Error('broken');
    },
  });

  await send('x');

  await eventually(() => (dead() === 1 ? true : undefined), 'dead-lettered');
  expect(runs).toBe(3);
  expect(errors.every((error) => error.endsWith('broken'))).toBe(true);
});

it('abandons at once when the function fails, also without auto-complete', async () => {
  let runs = 0;
  start({
    run: async () => {
      runs++;
      throw new Error('broken');
    },
    binding: { autoCompleteMessages: false },
  });

  await send('x');

  await eventually(() => (dead() === 1 ? true : undefined), 'dead-lettered');
  expect(runs).toBe(3);
});

it('abandons what is not text without calling the function', async () => {
  let runs = 0;
  start({ run: async () => void runs++ });

  const own = connectToBus();
  await own.createSender(queue).sendMessages({ bodyType: 'value', body: 7 });
  await own.close();

  await eventually(() => (dead() === 1 ? true : undefined), 'dead-lettered');
  expect(runs).toBe(0);
});

it('gives a message back when its function takes longer than the functionTimeout', async () => {
  const { errors } = start({ run: () => new Promise(() => {}), functionTimeout: 20 });

  await send('x');

  await eventually(() => (dead() === 1 ? true : undefined), 'dead-lettered');
  expect(errors[0]).toContain('the function did not end within the functionTimeout of 20 ms');
});

it('runs maxConcurrentCalls at once and no more, prefetched messages waiting', async () => {
  let [now, most] = [0, 0];
  const release: (() => void)[] = [];
  start({
    settings: { maxConcurrentCalls: 3, prefetchCount: 4 },
    run: async () => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => release.push(resolve));
      now--;
    },
  });

  await send(...Array.from({ length: 12 }, String));

  for (let done = 0; done < 12; done++) (await eventually(() => release.shift(), 'one more runs'))();
  await eventually(() => (left() === 0 ? true : undefined), 'all completed');
  expect(most).toBe(3);
});

it('receives again after every connection was cut', async () => {
  const seen: string[] = [];
  start({ run: async (body) => void seen.push(body) });
  await send('before');
  await eventually(() => (left() === 0 ? true : undefined), 'before');

  bus.cut();
  await send('after');

  await eventually(() => (left() === 0 ? true : undefined), 'after');
  expect(seen).toEqual(['before', 'after']);
});

it('says so when all its calls hang', async () => {
  const finish: (() => void)[] = [];
  const { trigger } = start({
    settings: { maxConcurrentCalls: 1 },
    run: () => new Promise((resolve) => finish.push(resolve)),
  });
  await send('x');
  const end = await eventually(() => finish.shift(), 'it runs');
  const before = trigger.trouble;

  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000);
  const after = trigger.trouble;
  clock.mockRestore();
  end();

  expect([before, after]).toEqual([undefined, 'not receiving: all 1 calls have been running for 61 s']);
});

it('says at once why it cannot connect', async () => {
  const key = connectionString(Number(new URL(bus.url).port), { name: 'RootManageSharedAccessKey', key: 'wrong' });
  const { errors, trigger } = start({
    connect: () => new ServiceBusClient(key, { retryOptions }),
    run: async () => {},
  });

  const error = await eventually(() => errors[0], 'an error');

  expect(error).toBe('receive: UnauthorizedAccess; reconnecting');
  expect(trigger.trouble).toBe('not receiving: UnauthorizedAccess');
});

it('reconnects when the broker does not answer while it connects', async () => {
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  // A TCP server's address is never a pipe's.
  const strings = [connectionString((silent.address() as AddressInfo).port)];
  const { errors } = start({
    connect: () => new ServiceBusClient(strings.shift() ?? bus.connectionString, { retryOptions }),
    run: async () => {},
  });
  await send('x');

  await eventually(() => (left() === 0 ? true : undefined), 'completed');

  expect(errors).toEqual(['receive: no answer while connecting; reconnecting']);
  silent.close();
});

describe('on a connection that stalls', () => {
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await startFaultProxy(Number(new URL(bus.url).port));
  });
  afterEach(() => proxy.close());

  const connect = (): ServiceBusClient => new ServiceBusClient(connectionString(proxy.port), { retryOptions });
  const receiving = (trigger: ServiceBusTrigger): Promise<true> =>
    eventually(() => (trigger.trouble === undefined ? true : undefined), 'receiving');

  it('is replaced when the broker does not answer, and reports that meanwhile', async () => {
    const { trigger, errors } = start({ connect, silenceMs: 200, run: async () => {} });
    expect(trigger.trouble).toBe('not receiving: connecting');
    await receiving(trigger);

    proxy.stall('server');
    await send('x');
    const trouble = await eventually(() => trigger.trouble, 'trouble');
    proxy.resume();

    await eventually(() => (left() === 0 ? true : undefined), 'completed');
    expect(trouble).toBe('not receiving: the broker does not answer');
    expect(errors).toContain('receive: the broker does not answer; reconnecting');
    await receiving(trigger);
  });

  it('does not wait for the answer to a settlement that cannot come', async () => {
    const finish: (() => void)[] = [];
    const { trigger, errors } = start({
      ...{ connect, silenceMs: 200, settings: { maxConcurrentCalls: 1 } },
      run: () => new Promise((resolve) => finish.push(resolve)),
    });
    await send('x');
    const first = await eventually(() => finish.shift(), 'it runs');

    proxy.stall('server');
    first();
    await eventually(() => trigger.trouble, 'the link is given up');
    proxy.resume();

    await eventually(() => (left() === 0 ? true : finish.shift()?.()), 'completed');
    expect(errors).toContainEqual(
      expect.stringMatching(
        /^cannot complete message .*: the link of the message has ended: the broker does not answer$/,
      ),
    );
  });

  it('runs maxConcurrentCalls at once across links', async () => {
    const finish: (() => void)[] = [];
    let [now, most, isOver] = [0, 0, false];
    const { trigger, errors } = start({
      ...{ connect, settings: { maxConcurrentCalls: 2 } },
      run: async () => {
        most = Math.max(most, ++now);
        if (!isOver) await new Promise<void>((resolve) => finish.push(resolve));
        now--;
      },
    });
    await send('1', '2', '3');
    await eventually(() => (finish.length === 2 ? true : undefined), 'two run');

    proxy.cut();
    await eventually(() => (errors.length > 0 ? true : undefined), 'the link is lost');
    await receiving(trigger);
    await wait(100);
    await eventually(() => (left() === 0 ? true : finish.shift()?.()), 'all completed');
    // A message may have come twice, and runs on when it is gone.
    isOver = true;
    for (const end of finish) end();

    expect(most).toBe(2);
  });

  it('leaves a healthy one alone, however idle', async () => {
    const { trigger, errors } = start({ connect, silenceMs: 250, run: async () => {} });
    await receiving(trigger);

    await wait(900);

    expect(trigger.trouble).toBeUndefined();
    expect(errors).toEqual([]);
  });
});

it('stops by waiting for what runs, and begins nothing more', async () => {
  const begun: string[] = [];
  let finish = (): void => {};
  const { trigger } = start({
    settings: { maxConcurrentCalls: 1, prefetchCount: 5 },
    run: async (body) => {
      begun.push(body);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    },
  });
  await send('1', '2', '3');
  await eventually(() => (begun.length === 1 ? true : undefined), 'the first runs');

  let isStopped = false;
  const stopping = trigger.stop().then(() => {
    isStopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isStopped).toBe(false);
  finish();
  await stopping;

  expect(begun).toEqual(['1']);
  expect(left()).toBe(2);
});

it('hands over a body that came in several data sections as one text', async () => {
  const seen: string[] = [];
  start({ run: async (body) => void seen.push(body) });

  bus.broker.send(queue, [inDataSections(cut(Buffer.from('{"who": "Zoë"}'), 1))]);

  await eventually(() => (left() === 0 ? true : undefined), 'completed');
  expect(seen).toEqual(['{"who": "Zoë"}']);
});

it('holds the lock of a message for as long as its function runs, and no longer', async () => {
  bus.broker.createQueue(`${queue}-short`, { lockDurationMs: 1_000 });
  queue = `${queue}-short`;
  let runs = 0;
  const { errors } = start({
    run: async () => {
      if (++runs === 1) await wait(2_000);
    },
    settings: { autoCompleteMessages: false },
  });

  await send('x');

  await eventually(() => (runs === 1 ? true : undefined), 'it runs');
  await wait(1_900);
  expect(runs).toBe(1);
  await eventually(() => (runs >= 2 ? true : undefined), 'the lock has ended');
  expect(errors).toEqual([]);
});

describe('batches', () => {
  const binding = { cardinality: 'many' };

  it('hold what is there, up to the limit, one after another', async () => {
    const seen: string[] = [];
    await send('1', '2', '3', '4', '5');
    start({ binding, settings: { maxMessageBatchSize: 3 }, run: async (body) => void seen.push(body) });

    await eventually(() => (left() === 0 ? true : undefined), 'completed');

    expect(seen).toEqual(['[1,2,3]', '[4,5]']);
  });

  it('come again after every connection was cut', async () => {
    const seen: string[] = [];
    const { trigger } = start({ binding, run: async (body) => void seen.push(body) });
    await eventually(() => (trigger.trouble === undefined ? true : undefined), 'receiving');
    await send('1');
    await eventually(() => (left() === 0 ? true : undefined), 'before');

    bus.cut();
    await send('2');

    await eventually(() => (left() === 0 ? true : undefined), 'after');
    expect(seen).toEqual(['[1]', '[2]']);
  });

  it('are said to hang after a minute', async () => {
    const finish: (() => void)[] = [];
    const { trigger } = start({ binding, run: () => new Promise((resolve) => finish.push(resolve)) });
    await send('1');
    const end = await eventually(() => finish.shift(), 'it runs');

    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 61_000);
    const { trouble } = trigger;
    clock.mockRestore();
    end();

    expect(trouble).toBe('not receiving: all 1 calls have been running for 61 s');
  });

  it('say why they cannot connect', async () => {
    const key = connectionString(Number(new URL(bus.url).port), { name: 'RootManageSharedAccessKey', key: 'wrong' });
    const connect = (): ServiceBusClient => new ServiceBusClient(key, { retryOptions });
    const { trigger, errors } = start({ binding, connect, run: async () => {} });

    expect(await eventually(() => errors[0], 'an error')).toBe('receive: UnauthorizedAccess; reconnecting');
    expect(trigger.trouble).toBe('not receiving: UnauthorizedAccess');
  });
});

describe('sessions', () => {
  const binding = { isSessionsEnabled: true };
  beforeEach(() => {
    queue = `${queue}-sessions`;
    bus.broker.createQueue(queue, { requiresSession: true, lockDurationMs: 1_000, maxDeliveryCount: 3 });
  });
  const sendTo = async (sessionId: string, ...bodies: string[]): Promise<void> => {
    const own = connectToBus();
    await own.createSender(queue).sendMessages(bodies.map((body) => ({ body: Buffer.from(body), sessionId })));
    await own.close();
  };

  it('are held for as long as a function runs, and given up when idle', async () => {
    const seen: string[] = [];
    const settings = { maxConcurrentSessions: 1, sessionIdleTimeout: '00:00:00.3' };
    const { errors } = start({
      ...{ binding, settings },
      run: async (body) => {
        seen.push(body);
        if (body === 'a1') await wait(2_000);
      },
    });

    await sendTo('a', 'a1', 'a2');
    await sendTo('b', 'b1');

    await eventually(() => (left() === 0 ? true : undefined), 'completed');
    expect([seen, errors]).toEqual([['a1', 'a2', 'b1'], []]);
  });

  it('come again after every connection was cut', async () => {
    const seen: string[] = [];
    start({ binding, settings: { maxConcurrentSessions: 1 }, run: async (body) => void seen.push(body) });
    await sendTo('a', '1');
    await eventually(() => (left() === 0 ? true : undefined), 'before');

    bus.cut();
    await sendTo('a', '2');

    await eventually(() => (left() === 0 ? true : undefined), 'after');
    expect(seen).toEqual(['1', '2']);
  });
});
