/** The connection that the bus sends on: a broker that is there, and one that says nothing. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ServiceBusConnection, type Wire } from '../../../../shared/adapters/service-bus/connection.ts';
import { TransientError } from '../../../../shared/errors.ts';
import { connectionString } from '../../../../shared/local/service-bus/amqp/server.ts';
import { type LocalBus, startBus } from '../../../support/bus.ts';

let bus: LocalBus;
let silent: Server;
const sockets = new Set<Socket>();

beforeEach(async () => {
  bus = await startBus();
  silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  silent.close();
  await bus.close();
});

/** Connects to nobody so many times, and then to the bus. */
function connectAfter(silences: number): () => ServiceBusClient {
  let left = silences;
  // A TCP server's address is never a pipe's.
  const nowhere = connectionString((silent.address() as AddressInfo).port);
  return () => (left-- > 0 ? new ServiceBusClient(nowhere) : bus.connect());
}

const sendTo =
  (queue: string) =>
  (wire: Wire): Promise<void> =>
    wire.sender(queue).sendMessages({ body: 'x' });

it('asks again on a new connection when nothing is answered', async () => {
  const queue = bus.queue();
  const connection = new ServiceBusConnection(connectAfter(2), [100, 100, 5_000]);

  await connection.ask(sendTo(queue));
  await connection.ask(sendTo(queue));

  expect(bus.count(queue)).toBe(2);
  expect(bus.connectionCount()).toBe(1);
  await connection.close();
});

it('says so when nothing is answered at all', async () => {
  const connection = new ServiceBusConnection(connectAfter(3), [50, 50, 60]);

  const error: unknown = await connection.ask(sendTo('any')).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(TransientError);
  expect(error).toMatchObject({ message: 'service bus: no answer within 60 ms' });
});

it('lets what is on its way on the old connection come to its end', async () => {
  const queue = bus.queue();
  const connection = new ServiceBusConnection(connectAfter(0), [50, 5_000]);
  let go = (): void => {};
  const slow = connection.use(async (wire) => {
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    await sendTo(queue)(wire);
  });
  let calls = 0;

  await connection.ask(async () => (calls++ === 0 ? new Promise<void>(() => {}) : undefined));
  go();
  await slow;

  expect([calls, bus.count(queue)]).toEqual([2, 1]);
  await connection.close();
});

it('answers with the error of the SDK, and asks no second time', async () => {
  const connection = new ServiceBusConnection(connectAfter(0), [5_000, 5_000]);
  let calls = 0;

  const asking = connection.ask((wire) => {
    calls++;
    return sendTo('missing')(wire);
  });

  await expect(asking).rejects.toThrow(/could not be found/);
  expect(calls).toBe(1);
  await connection.close();
});
