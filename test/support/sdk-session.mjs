/**
 * A user's program with the real SDK and no work-around: makes a queue, sends to it, receives, deletes it. It is a
 * process of its own, because Node reads NODE_EXTRA_CA_CERTS when it starts.
 *
 * Arguments: the connection string for messages, `tcp` or `websocket`, and the connection string for the administration.
 * Prints what was received, or the error.
 */
import { ServiceBusAdministrationClient, ServiceBusClient } from '@azure/service-bus';
import WebSocket from 'ws';

const [messages = '', transport, administration = messages] = process.argv.slice(2);
const admin = new ServiceBusAdministrationClient(administration, { retryOptions: { maxRetries: 0 } });
const client = new ServiceBusClient(messages, {
  retryOptions: { maxRetries: 0, timeoutInMs: 5_000 },
  ...(transport === 'websocket' && { webSocketOptions: { webSocket: WebSocket } }),
});
const queue = `queue-${process.pid}`;
try {
  await admin.createQueue(queue, { maxDeliveryCount: 3 });
  // Larger than a frame of AMQP, and than a read of a socket.
  const body = 'x'.repeat(200_000);
  const sender = client.createSender(queue);
  await sender.sendMessages({ body: 'hello' });
  await sender.sendMessages({ body });
  const receiver = client.createReceiver(queue);
  const [first] = await receiver.receiveMessages(1);
  const [second] = await receiver.receiveMessages(1);
  if (first) await receiver.completeMessage(first);
  if (second) await receiver.completeMessage(second);
  const { maxDeliveryCount } = await admin.getQueue(queue);
  const names = [];
  for await (const { name } of admin.listQueues()) names.push(name);
  await admin.deleteQueue(queue);
  await client.close();
  console.log(
    JSON.stringify({
      ...{ first: first?.body, isWhole: second?.body === body, maxDeliveryCount, isListed: names.includes(queue) },
    }),
  );
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
}
// A connection that is being tried again would keep the process alive.
process.exit();
