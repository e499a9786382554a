/** What each process of the benchmark does. */
import { ServiceBusClient } from '@azure/service-bus';
import rhea from 'rhea';
import { startAmqp } from '../../shared/local/service-bus/amqp/server.ts';
import { SystemClock } from '../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';
import { tellRate, tellReady } from './processes.ts';
import { BATCH, connectTo, listen, QUEUE, sendByRhea, serveByRhea } from './rhea.ts';

/** What rhea gives by itself, as its sink here does. */
const RHEA_CREDIT = 1_000;

function connectionString(port: string): string {
  return `Endpoint=sb://localhost:${port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;`;
}

/** Counts messages and tells the parent how many a second came once the last is there. */
function counter(count: number): () => void {
  let received = 0;
  let start = 0;
  return () => {
    if (received++ === 0) start = performance.now();
    if (received === count) tellRate(((count - 1) / (performance.now() - start)) * 1000);
  };
}

export const roles: Record<string, (port: string, count: number) => Promise<void> | void> = {
  async bus() {
    const broker = createBroker({ clock: new SystemClock() });
    broker.createQueue(QUEUE);
    const { port } = await startAmqp({ broker, port: 0 });
    tellReady(port);
  },

  rheaSink(_, count) {
    const container = rhea.create_container();
    container.on('message', counter(count));
    listen(container);
  },

  rheaService(_, count) {
    serveByRhea(count, false);
  },

  rheaServiceFed(_, count) {
    serveByRhea(count, true);
  },

  rheaReceive(port, count) {
    const container = rhea.create_container();
    container.on('message', counter(count));
    container.on('receiver_open', () => tellReady(0));
    connectTo(port, container).open_receiver({ source: QUEUE, credit_window: RHEA_CREDIT });
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
    tellReady(0);
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
