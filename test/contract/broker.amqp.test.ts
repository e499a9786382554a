/** The broker contract on the bus's endpoints, through the real SDK; the broker's time is virtual, the wire is not. */

import type { AddressInfo } from 'node:net';
import { ServiceBusClient } from '@azure/service-bus';
import { createAdmin } from '../../shared/local/service-bus/admin/server.ts';
import { connectionString, startAmqp } from '../../shared/local/service-bus/amqp/server.ts';
import { SystemClock, VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import { createBroker } from '../../shared/local/service-bus/create-broker.ts';
import { authorityOf } from '../support/bus.ts';
import { attachBare, endpointOf, postMessage } from './bare-link.ts';
import { brokerContract } from './broker.ts';
import type { BrokerDriver } from './broker-driver.ts';
import { connectAdministration } from './broker-sdk-administration.ts';
import { sdkDriver } from './broker-sdk-driver.ts';

/** Long enough for anything on loopback, short enough for a suite that often finds nothing. */
const WAIT_MS = 150;

async function busDriver(): Promise<BrokerDriver> {
  const clock = new VirtualClock();
  const start = async (port = 0) => {
    const broker = createBroker({ clock });
    return { broker, server: await startAmqp({ broker, port }) };
  };
  let bus = await start();
  const { port } = bus.server;
  // Tokens expire by the time of the system.
  const admin = createAdmin({ broker: bus.broker, clock: new SystemClock(), authority: authorityOf(bus.broker) });
  await new Promise<void>((resolve) => void admin.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has such an address.
  const adminPort = (admin.address() as AddressInfo).port;
  const connection = connectionString(port);
  const endpoint = endpointOf(connection);
  const client = new ServiceBusClient(connection, { retryOptions: { maxRetries: 0, timeoutInMs: 2_000 } });
  bus.broker.createQueue('probe');
  const probe = client.createReceiver('probe');
  const end = async (): Promise<void> => {
    await bus.server.close();
    bus.broker.close();
  };
  return sdkDriver({
    client,
    administration: connectAdministration(connectionString(adminPort)),
    waitMs: WAIT_MS,
    attach: (link) => attachBare(endpoint, link),
    post: (queue) => postMessage(`http://localhost:${adminPort}`, endpoint, queue),
    restart: async () => {
      await end();
      bus = await start(port);
    },
    now: () => clock.now(),
    advance: async (ms) => {
      await clock.advance(ms);
      // Answered after all that the broker had to say about the time that passed.
      await probe.peekMessages(1);
    },
    close: async () => {
      await client.close();
      await end();
      admin.closeAllConnections();
      admin.close();
    },
  });
}

brokerContract('the bus', {
  makeDriver: busDriver,
  features: {
    time: true,
    rest: true,
    batchDelete: 'the SDK deletes in batches from 7.10 on',
    bareLinks: true,
    restart: true,
  },
  expects: 'bus',
  sharesTime: false,
});
