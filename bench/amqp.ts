/**
 * The AMQP endpoint against no bus at all: how many messages a second go through it, as a share of what rhea sends
 * straight to rhea, and of what the SDK receives from bare rhea: no bus can be expected to bring them more. Two or three
 * processes each time, 1 KiB bodies, batches of 100. The receivers give the same credit with and without the bus: rhea
 * 1,000, the SDK 32. Five rounds; a share is the median of the rounds' shares, since what else the machine does changes
 * from round to round, and within one hardly.
 *
 *     npx esbuild bench/amqp.ts --bundle --platform=node --format=esm --packages=external --outfile=dist/bench/amqp.js
 *     node dist/bench/amqp.js [messages]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient } from '@azure/service-bus';
import rhea from 'rhea';
import { startAmqp } from '../shared/local/service-bus/amqp/server.ts';
import { SystemClock } from '../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../shared/local/service-bus/create-broker.ts';

const BATCH = 100;
const BATCH_FORMAT = 0x80013700;
const QUEUE = 'bench';
const ROUNDS = 5;
/** What rhea gives by itself, as its sink here does. */
const RHEA_CREDIT = 1_000;
const body = Buffer.alloc(1024, 'x');

function connectionString(port: string): string {
  return `Endpoint=sb://localhost:${port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;`;
}

/** Counts messages and tells the parent how many a second came once the last is there. */
function counter(count: number): () => void {
  let received = 0;
  let start = 0;
  return () => {
    if (received++ === 0) start = performance.now();
    if (received === count) process.send?.({ rate: ((count - 1) / (performance.now() - start)) * 1000 });
  };
}

const roles: Record<string, (port: string, count: number) => Promise<void> | void> = {
  async bus() {
    const broker = createBroker({ clock: new SystemClock() });
    broker.createQueue(QUEUE);
    const { port } = await startAmqp({ broker, port: 0 });
    process.send?.({ port });
  },

  rheaSink(_, count) {
    const container = rhea.create_container();
    container.on('message', counter(count));
    listen(container);
  },

  rheaService: serveByRhea,

  rheaReceive(port, count) {
    const container = rhea.create_container();
    container.on('message', counter(count));
    container.on('receiver_open', () => process.send?.({ port: 0 }));
    const options = {
      host: '127.0.0.1',
      port: Number(port),
      username: 'bench',
      reconnect: false as const,
      tcp_no_delay: true,
    };
    container.connect(options).open_receiver({ source: QUEUE, credit_window: RHEA_CREDIT });
  },

  rheaSend(port, count) {
    sendByRhea(port, count, 1);
  },

  rheaSendBatches(port, count) {
    sendByRhea(port, count, BATCH);
  },

  async sdkReceive(port, count) {
    const client = new ServiceBusClient(connectionString(port));
    const onMessage = counter(count);
    const receiver = client.createReceiver(QUEUE);
    receiver.subscribe(
      {
        processMessage: async () => onMessage(),
        processError: async ({ error }) => console.error(error),
      },
      { maxConcurrentCalls: 32 },
    );
    process.send?.({ port: 0 });
  },

  async sdkSend(port, count) {
    const client = new ServiceBusClient(connectionString(port));
    const sender = client.createSender(QUEUE);
    const payload = { text: 'x'.repeat(1011) };
    const batch = Array.from({ length: BATCH }, (_, i) => ({ messageId: `m-${i}`, body: payload }));
    let left = count / BATCH;
    const send = async (): Promise<void> => {
      while (left-- > 0) await sender.sendMessages(batch);
    };
    await Promise.all([send(), send(), send(), send()]);
  },
};

function listen(container: rhea.Container): void {
  container.on('disconnected', () => {});
  const options = { port: 0, host: '127.0.0.1', tcp_no_delay: true };
  const server = container.listen(options as Parameters<typeof container.listen>[0]);
  server.on('listening', () => {
    const address = server.address();
    if (address && typeof address === 'object') process.send?.({ port: address.port });
  });
}

/** As little of a Service Bus as the SDK receives from: it grants every token, and sends one message again and again. */
function serveByRhea(_: string, count: number): void {
  const container = rhea.create_container();
  const { message } = rhea;
  const now = Date.now();
  const payload = message.encode({
    message_id: '0123456789abcdef',
    message_annotations: {
      'x-opt-sequence-number': 1,
      'x-opt-enqueued-time': new Date(now),
      'x-opt-locked-until': new Date(now + 600_000),
    },
    body: message.data_section(Buffer.from(JSON.stringify({ text: 'x'.repeat(1011) }))),
  });
  // rhea's types leave it out.
  const accepted = (message as unknown as { accepted(): { described(): rhea.Typed } }).accepted().described();
  const isToken = (link: rhea.link | undefined): boolean => link?.source?.address === '$cbs';
  let tokens: rhea.Sender | undefined;
  let sent = 0;
  container.on('sender_open', ({ sender }) => {
    sender?.set_source({ address: sender.source.address });
    if (isToken(sender)) tokens = sender;
  });
  container.on('receiver_open', ({ receiver }) => receiver?.set_target({ address: receiver.target.address }));
  container.on('message', ({ message: request }) => {
    tokens?.send({
      correlation_id: request?.message_id,
      application_properties: { 'status-code': 202, 'status-description': 'Accepted' },
      body: '',
    });
  });
  container.on('sendable', ({ sender }) => {
    if (isToken(sender)) return;
    while (sender && sent < count && sender.sendable()) {
      const lockToken = Buffer.alloc(16);
      lockToken.writeUInt32BE(++sent);
      sender.send(payload as unknown as Parameters<typeof sender.send>[0], lockToken, 0);
    }
  });
  container.on('accepted', ({ sender, delivery }) => {
    if (isToken(sender) || !delivery) return;
    delivery.update(true, accepted);
    // Service Bus has the last word, so the SDK never settles; without this rhea would keep every delivery.
    setImmediate(() => Object.assign(delivery, { remote_settled: true }));
  });
  listen(container);
}

function sendByRhea(port: string, count: number, batch: number): void {
  const container = rhea.create_container();
  const { message } = rhea;
  const single = message.encode({ message_id: '0123456789abcdef', body: message.data_section(body) });
  const payload =
    batch === 1 ? single : message.encode({ body: message.data_sections(Array.from({ length: batch }, () => single)) });
  const options = {
    host: '127.0.0.1',
    port: Number(port),
    username: 'bench',
    reconnect: false as const,
    tcp_no_delay: true,
  };
  const sender = container.connect(options).open_sender(QUEUE);
  let sent = 0;
  let inFlight = 0;
  const send = (): void => {
    while (sent < count && sender.sendable() && inFlight < (batch === 1 ? 1000 : 4)) {
      // An explicit format tells rhea that the payload is encoded already.
      sender.send(payload as unknown as Parameters<typeof sender.send>[0], undefined, batch === 1 ? 0 : BATCH_FORMAT);
      sent += batch;
      inFlight++;
    }
  };
  container.on('sendable', send);
  container.on('accepted', () => {
    inFlight--;
    send();
  });
}

const script = fileURLToPath(import.meta.url);
const children = new Set<ChildProcess>();

function start(role: string, port: number, count: number): { next: () => Promise<{ port?: number; rate?: number }> } {
  const child = spawn(process.execPath, [script, role, String(port), String(count)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.add(child);
  return {
    next: () =>
      new Promise((resolve, reject) => {
        child.once('message', (message) => resolve(message as { port?: number; rate?: number }));
        child.once('exit', (code) => reject(new Error(`${role} ended with ${code}`)));
      }),
  };
}

function stopAll(): void {
  for (const child of children) {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
  children.clear();
}

async function direct(count: number): Promise<number> {
  const sink = start('rheaSink', 0, count);
  const { port = 0 } = await sink.next();
  start('rheaSend', port, count);
  const { rate = 0 } = await sink.next();
  stopAll();
  return rate;
}

async function toSdk(count: number): Promise<number> {
  const { port = 0 } = await start('rheaService', 0, count).next();
  const receiving = start('sdkReceive', port, count);
  await receiving.next();
  const { rate = 0 } = await receiving.next();
  stopAll();
  return rate;
}

async function throughBus(sender: string, receiver: string, count: number): Promise<number> {
  const { port = 0 } = await start('bus', 0, 0).next();
  const receiving = start(receiver, port, count);
  await receiving.next();
  start(sender, port, count);
  const { rate = 0 } = await receiving.next();
  stopAll();
  return rate;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function main(count: number): Promise<void> {
  const rates = { direct: [] as number[], rhea: [] as number[], sdk: [] as number[], toSdk: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.direct.push(await direct(count));
    rates.rhea.push(await throughBus('rheaSendBatches', 'rheaReceive', count));
    rates.toSdk.push(await toSdk(count));
    rates.sdk.push(await throughBus('sdkSend', 'sdkReceive', count));
  }
  const shown = (what: string, rate: number): string =>
    `${what.padEnd(22)} ${Math.round(rate).toString().padStart(7)} msg/s`;
  const line = (what: string, values: readonly number[], reference: readonly number[], goal: number): string => {
    const ratio = median(values.map((value, round) => value / (reference[round] ?? 0)));
    return `${shown(what, median(values))}  ${ratio.toFixed(2)} of that (goal ${goal.toFixed(2)}: ${ratio >= goal ? 'met' : 'MISSED'})`;
  };
  console.log(shown('rhea -> rhea', median(rates.direct)));
  console.log(line('rhea -> bus -> rhea', rates.rhea, rates.direct, 0.85));
  console.log(shown('rhea -> SDK', median(rates.toSdk)));
  console.log(line('SDK -> bus -> SDK', rates.sdk, rates.toSdk, 0.9));
}

const [role, port = '0', count = '0'] = process.argv.slice(2);
const run = role ? roles[role] : undefined;
if (run) await run(port, Number(count));
else await main(Number(role ?? 60_000));
