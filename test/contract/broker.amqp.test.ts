/** The broker contract on the AMQP endpoint, through the real SDK; the broker's time is virtual, the wire is not. */

import { ServiceBusClient } from '@azure/service-bus';
import { connectionString, startAmqp } from '../../shared/local/service-bus/amqp/server.ts';
import { VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';
import { brokerContract } from './broker.ts';
import { asSdk } from './broker-driver.ts';
import { sdkDriver } from './broker-sdk-driver.ts';

/** Long enough for anything on loopback, short enough for a suite that often finds nothing. */
const WAIT_MS = 150;

brokerContract(
  'the AMQP endpoint',
  async () => {
    const clock = new VirtualClock();
    const broker = createBroker({ clock });
    const server = await startAmqp({ broker, port: 0 });
    const retryOptions = { maxRetries: 0, timeoutInMs: 2_000 };
    const client = new ServiceBusClient(connectionString(server.port), { retryOptions });
    broker.createQueue('probe');
    const probe = client.createReceiver('probe');
    return sdkDriver({
      client,
      waitMs: WAIT_MS,
      createQueue: async (name, properties) => void asSdk(() => broker.createQueue(name, properties)),
      createTopic: async (name, properties) => void asSdk(() => broker.createTopic(name, properties)),
      createSubscription: async (topic, name, properties, rules) =>
        void asSdk(() => broker.createSubscription(topic, name, properties, rules)),
      deleteQueue: async (name) => broker.deleteQueue(name),
      counts: async (path) => {
        const { counts } = broker.resolveEntity(path).entity;
        return {
          active: counts.activeMessageCount,
          deadLetter: counts.deadLetterMessageCount,
          scheduled: counts.scheduledMessageCount,
        };
      },
      now: () => clock.now(),
      advance: async (ms) => {
        await clock.advance(ms);
        // Answered after all that the broker had to say about the time that passed.
        await probe.peekMessages(1);
      },
      close: async () => {
        await client.close();
        await server.close();
        broker.close();
      },
    });
  },
  { virtualTime: true, administration: true, runtimeCounts: true, listRules: true },
);
