/**
 * The core of the in-memory bus: throughput through a topic, cost against backlog, memory per queued message.
 * Human lines, or one JSON object with `--json`. Run with `--expose-gc` for a steadier figure of memory.
 */
import type { Broker } from '../shared/local/service-bus/core/broker.ts';
import { VirtualClock } from '../shared/local/service-bus/core/clock.ts';
import type { OutgoingMessage } from '../shared/local/service-bus/core/message.ts';
import type { MessageQueue } from '../shared/local/service-bus/core/message-queue.ts';
import { createBroker } from '../shared/local/service-bus/create-broker.ts';

const KINDS = ['Requested', 'Started', 'Completed', 'Failed', 'RolledBack'];
const BATCH = 100;
const body = Buffer.alloc(1024);

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** One topic, five filtered subscriptions. `copies` is how many of them take each message. */
function makeTopic(copies: 1 | 5): { broker: Broker; queues: MessageQueue[] } {
  const broker = createBroker({ clock: new VirtualClock(), limits: { maxSizeInMegabytes: 5 * 1024 * 1024 } });
  broker.createTopic('events', { defaultMessageTimeToLiveMs: 14 * 24 * 3_600_000 });
  const queues = KINDS.map((kind) => {
    const label = copies === 1 ? `sys.Label = '${kind}'` : "sys.Label LIKE '%e%'";
    const expression = `${label} AND (sys.To IS NULL OR sys.To = '${kind}')`;
    broker.createSubscription('events', kind, {}, [{ name: 'r', filter: { kind: 'sql', expression } }]);
    return broker.resolve(`events/Subscriptions/${kind}`);
  });
  return { broker, queues };
}

let id = 0;
function message(): OutgoingMessage {
  id++;
  return { messageId: `m-${id}`, subject: KINDS[id % KINDS.length], body, sizeBytes: body.length };
}

/** Published, received under a lock by pushed consumers, completed. @returns messages a second, each counted once */
async function throughput(copies: 1 | 5, messages: number): Promise<number> {
  const { broker, queues } = makeTopic(copies);
  let completed = 0;
  for (const queue of queues) {
    const consumer = queue.openConsumer({
      mode: 'peekLock',
      onMessage: (delivery) => {
        queue.complete(delivery);
        completed++;
        consumer.addCredit(1);
      },
    });
    consumer.addCredit(100);
  }
  const start = process.hrtime.bigint();
  for (let sent = 0; sent < messages; sent += BATCH) {
    broker.send('events', Array.from({ length: BATCH }, message));
    await Promise.resolve();
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (completed !== messages * copies) throw new Error(`expected ${messages * copies} completed, got ${completed}`);
  return messages / seconds;
}

/** Nanoseconds for one send, receive and complete with so many queued, in a steady state. */
function costWith(backlog: number, operations: number): number {
  const broker = createBroker({ clock: new VirtualClock(), limits: { maxSizeInMegabytes: 5 * 1024 * 1024 } });
  broker.createQueue('q', { defaultMessageTimeToLiveMs: 14 * 24 * 3_600_000 });
  const queue = broker.resolve('q');
  for (let n = 0; n < backlog; n++) broker.send('q', [message()]);
  const round = (count: number): void => {
    for (let n = 0; n < count; n++) {
      broker.send('q', [message()]);
      const [delivery] = queue.receive(1);
      if (!delivery) throw new Error('expected a message');
      // One in ten comes again, in its old place.
      if (n % 10 === 0) queue.abandon(delivery);
      else queue.complete(delivery);
    }
  };
  round(operations / 10);
  const start = process.hrtime.bigint();
  round(operations);
  return Number(process.hrtime.bigint() - start) / operations;
}

/** Bytes of heap for each queued message, its body not counted. */
function overhead(backlog: number): number {
  const broker = createBroker({ clock: new VirtualClock(), limits: { maxSizeInMegabytes: 5 * 1024 * 1024 } });
  broker.createQueue('q', { defaultMessageTimeToLiveMs: 14 * 24 * 3_600_000 });
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < backlog; n++) broker.send('q', [message()]);
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / backlog;
  broker.close();
  return bytes;
}

await throughput(1, 100_000); // warm-up
const single = median([await throughput(1, 300_000), await throughput(1, 300_000), await throughput(1, 300_000)]);
const all = median([await throughput(5, 60_000), await throughput(5, 60_000), await throughput(5, 60_000)]);
const bytesPerMessage = overhead(200_000);
const pairs = [1, 2, 3].map(() => [costWith(1_000, 200_000), costWith(1_000_000, 200_000)] as const);
const small = median(pairs.map(([few]) => few));
const large = median(pairs.map(([, many]) => many));
const ratio = median(pairs.map(([few, many]) => many / few));

const results = {
  messagesPerSecond: Math.round(single),
  messagesPerSecondToAllFive: Math.round(all),
  nanosecondsWith1000: Math.round(small),
  nanosecondsWith1000000: Math.round(large),
  backlogRatio: Number(ratio.toFixed(2)),
  bytesPerMessage: Math.round(bytesPerMessage),
};
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(results));
} else {
  console.log(`published, received, completed: ${results.messagesPerSecond} msg/s (goal 300000), each to one of five`);
  console.log(`the same, each to all five:     ${results.messagesPerSecondToAllFive} msg/s`);
  console.log(`send + receive + settle:        ${results.nanosecondsWith1000} ns with 1,000 queued`);
  console.log(
    `                                ${results.nanosecondsWith1000000} ns with 1,000,000: ${results.backlogRatio}x (goal 1.5)`,
  );
  console.log(`overhead of a queued message:   ${results.bytesPerMessage} bytes (goal 1024)`);
}
