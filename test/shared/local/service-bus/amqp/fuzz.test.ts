/** A broken or hostile peer loses its own connection; nobody else notices, and nothing of it stays in memory. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalBus, startBus } from '../../../../support/bus.ts';
import { seeded } from '../../../../support/seeded.ts';

let bus: LocalBus;
let recorded: Buffer;

/** What the SDK says when it sends, receives, settles, peeks and leaves. */
async function record(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const proxy = createServer((client) => {
    const server = connect(bus.port, '127.0.0.1');
    client.on('data', (chunk) => chunks.push(chunk));
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const client = bus.connect({ port });
  const queue = bus.queue();
  const sender = client.createSender(queue);
  await sender.sendMessages([{ body: 'one' }, { body: { two: 2 } }]);
  await sender.sendMessages({ body: Buffer.alloc(100_000) });
  const receiver = client.createReceiver(queue);
  const [first, second] = await receiver.receiveMessages(2);
  if (first) await receiver.completeMessage(first);
  if (second) await receiver.deadLetterMessage(second);
  await receiver.peekMessages(1);
  await client.close();
  proxy.close();
  return Buffer.concat(chunks);
}

/** A failure can be run again by its seed. */
function random(seed: number): (below: number) => number {
  const draw = seeded(seed);
  return (below) => Math.floor(draw() * below);
}

const mutations: Record<string, (bytes: Buffer, next: (below: number) => number) => Buffer> = {
  'cut off': (bytes, next) => bytes.subarray(0, next(bytes.length)),
  'with flipped bits': (bytes, next) => {
    const copy = Buffer.from(bytes);
    for (let i = 0; i <= next(20); i++) {
      const at = next(copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << next(8));
    }
    return copy;
  },
  'with bits flipped where the frames begin': (bytes, next) => {
    const copy = Buffer.from(bytes);
    const at = next(Math.min(600, copy.length));
    copy[at] = next(256);
    return copy;
  },
  'with a part missing': (bytes, next) => {
    const from = next(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + next(200))]);
  },
  'followed by noise': (bytes, next) => {
    const noise = Buffer.from(Array.from({ length: next(5_000) }, () => next(256)));
    return Buffer.concat([bytes.subarray(0, next(bytes.length)), noise]);
  },
  'replaced by noise': (_, next) => Buffer.from(Array.from({ length: 200 + next(2_000) }, () => next(256))),
};

/** Sends bytes and waits until the bus has read them and, for those it will not bear, hung up. */
async function attack(bytes: Buffer): Promise<void> {
  const socket = connect(bus.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    // Half of them wait to be hung up on, as real peers do; the end of our side settles the rest.
    socket.end(bytes);
  });
}

beforeAll(async () => {
  bus = await startBus();
  recorded = await record();
});
afterAll(() => bus.close());

describe('malformed bytes', () => {
  it('are recorded from a session worth the name', () => {
    expect(recorded.length).toBeGreaterThan(100_000);
  });

  it('affect no client but their sender', async () => {
    const failures: unknown[] = [];
    const onFailure = (error: unknown): void => void failures.push(error);
    process.on('uncaughtException', onFailure);
    process.on('unhandledRejection', onFailure);
    const bystander = bus.connect();
    const queue = bus.queue();
    const sender = bystander.createSender(queue);
    const receiver = bystander.createReceiver(queue);
    let seed = 1;
    const storm = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        await Promise.all(
          Object.values(mutations).map((mutate) => attack(mutate(recorded.subarray(0, 8_000), random(seed++)))),
        );
        await sender.sendMessages({ body: seed });
        const [message] = await receiver.receiveMessages(1);
        expect(message?.body).toBe(seed);
        if (message) await receiver.completeMessage(message);
      }
    };

    await storm(20);
    const before = process.memoryUsage();
    await storm(80);
    const after = process.memoryUsage();

    await bystander.close();
    process.off('uncaughtException', onFailure);
    process.off('unhandledRejection', onFailure);
    expect(failures).toEqual([]);
    expect(bus.connectionCount()).toBe(0);
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(64 * 1024 * 1024);
  });

  it('in the large parts of a session are survived too', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const mutate = mutations['with flipped bits'];
      if (mutate) await attack(mutate(recorded, random(seed)));
    }

    expect(bus.connectionCount()).toBe(0);
  });
});
