/**
 * A user's program that signs in with `DefaultAzureCredential`, as in Azure: sends, receives, administers. It finds the
 * identity by its environment alone.
 *
 * Arguments: the fully qualified namespace, and a queue. Prints what each of the three ended in.
 */
import { DefaultAzureCredential } from '@azure/identity';
import { ServiceBusAdministrationClient, ServiceBusClient } from '@azure/service-bus';

const [namespace = '', queue = ''] = process.argv.slice(2);
const credential = new DefaultAzureCredential();
const retryOptions = { maxRetries: 0, timeoutInMs: 5_000 };
const client = new ServiceBusClient(namespace, credential, { retryOptions });
const admin = new ServiceBusAdministrationClient(namespace, credential, { retryOptions });

/** @param {() => Promise<unknown>} act */
const ended = (act) =>
  act().then(
    () => 'ok',
    (/** @type {Error} */ error) => error.message,
  );

const ends = {
  send: await ended(() => client.createSender(queue).sendMessages({ body: 'hello' })),
  receive: await ended(async () => {
    const [message] = await client.createReceiver(queue).receiveMessages(1, { maxWaitTimeInMs: 1_000 });
    if (message?.body !== 'hello') throw new Error('nothing received');
  }),
  manage: await ended(() => admin.getQueue(queue)),
};
console.log(JSON.stringify(ends));
process.exit();
