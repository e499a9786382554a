/**
 * A million messages queued over AMQP with nobody reading, then drained: what the backlog costs in memory and in speed.
 * The bus is a process of its own; client and receiver are bare rhea.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import rhea, { type Connection } from 'rhea';
import { startAmqp } from '../shared/local/service-bus/amqp/server.ts';
import { SystemClock } from '../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../shared/local/service-bus/create-broker.ts';

const COUNT = 1_000_000;
const BATCH = 500;
const BATCH_FORMAT = 0x80013700;
const QUEUE = 'backlog';

/** The bus; tells its memory whenever it is asked. */
async function serve(): Promise<void> {
  const broker = createBroker({ clock: new SystemClock() });
  const queue = broker.createQueue(QUEUE, { maxSizeInMegabytes: 5 * 1024 });
  const { port } = await startAmqp({ broker, port: 0 });
  process.on('message', () => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    process.send?.({ bytes: heapUsed + external, queued: queue.counts.activeMessageCount });
  });
  process.send?.({ port });
}

function send(connection: Connection): Promise<void> {
  const { message } = rhea;
  const single = message.encode({ message_id: '0123456789abcdef', body: message.data_section(Buffer.alloc(100)) });
  const payload = message.encode({ body: message.data_sections(Array.from({ length: BATCH }, () => single)) });
  const sender = connection.open_sender(QUEUE);
  let sent = 0;
  let accepted = 0;
  return new Promise((resolve) => {
    const go = (): void => {
      while (sent < COUNT && sent - accepted < 4 * BATCH && sender.sendable()) {
        // An explicit format tells rhea that the payload is encoded already.
        sender.send(payload as unknown as Parameters<typeof sender.send>[0], undefined, BATCH_FORMAT);
        sent += BATCH;
      }
    };
    sender.on('sendable', go);
    sender.on('accepted', () => {
      accepted += BATCH;
      if (accepted === COUNT) resolve();
      else go();
    });
  });
}

function drain(connection: Connection): Promise<void> {
  let received = 0;
  return new Promise((resolve) => {
    const receiver = connection.open_receiver({ source: QUEUE, credit_window: 500 });
    receiver.on('message', () => {
      if (++received === COUNT) resolve();
    });
  });
}

async function main(): Promise<void> {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), 'serve'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const next = <Answer>(): Promise<Answer> =>
    new Promise((resolve) => child.once('message', (answer) => resolve(answer as Answer)));
  const memory = async (): Promise<number> => {
    child.send('memory');
    return (await next<{ bytes: number }>()).bytes;
  };
  const { port } = await next<{ port: number }>();
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port, username: 'bench', reconnect: false, ...{ tcp_no_delay: true } });
  const empty = await memory();
  const timed = async (what: string, run: Promise<void>): Promise<void> => {
    const start = performance.now();
    await run;
    const rate = Math.round((COUNT / (performance.now() - start)) * 1000);
    console.log(`${what.padEnd(10)} ${rate} msg/s, ${Math.round(((await memory()) - empty) / 1024 / 1024)} MiB`);
  };
  await timed('queued', send(connection));
  await timed('drained', drain(connection));
  child.kill('SIGKILL');
  process.exit(0);
}

if (process.argv[2] === 'serve') await serve();
else await main();
