/**
 * The broker contract on a real namespace, or on Microsoft's emulator: what the bus promises is what Service Bus does,
 * and what it does differently is what the service does otherwise. `npm run contract` makes a report of it.
 *
 * Needs `SERVICE_BUS_CONNECTION_STRING` with the right to manage; for the emulator, and the bus itself, also
 * `SERVICE_BUS_ADMIN_PORT` unless it is 5300. With `SERVICE_BUS_WAIT=true`, cases that need time to pass wait for it.
 * What it makes it deletes again.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { describe, it, vi } from 'vitest';
import { attachBare, endpointOf, postMessage } from './bare-link.ts';
import { brokerContract } from './broker.ts';
import type { BrokerDriver } from './broker-driver.ts';
import { connectAdministration } from './broker-sdk-administration.ts';
import { sdkDriver } from './broker-sdk-driver.ts';

const { SERVICE_BUS_CONNECTION_STRING: connection, SERVICE_BUS_ADMIN_PORT: adminPort = '5300' } = process.env;
const waits = process.env['SERVICE_BUS_WAIT'] === 'true';
const WAIT_MS = 5_000;
/** The longest that a case waits is a quarter of an hour. */
const MAX_CASE_MS = 20 * 60_000;

if (connection) {
  vi.setConfig({ testTimeout: MAX_CASE_MS, hookTimeout: MAX_CASE_MS });
  brokerContract('the service', {
    makeDriver: () => serviceDriver(connection),
    features: {
      time: waits || 'SERVICE_BUS_WAIT=true waits for it',
      rest: true,
      batchDelete: 'the SDK deletes in batches from 7.10 on',
      bareLinks: true,
      restart: 'nobody can start the service again',
    },
    expects: 'service',
    sharesTime: true,
  });
} else {
  describe('the service', () => {
    it.skip('keeps the broker contract (SERVICE_BUS_CONNECTION_STRING is not set)', () => {});
  });
}

async function serviceDriver(text: string): Promise<BrokerDriver> {
  const endpoint = endpointOf(text);
  const client = new ServiceBusClient(text, { retryOptions: { maxRetries: 0, timeoutInMs: 10_000 } });
  // The emulator is administered on a port of its own.
  const administration = connectAdministration(
    endpoint.tls ? text : text.replace(/(Endpoint=sb:\/\/[^:/;]+)(:\d+)?/i, `$1:${adminPort}`),
  );
  const made = new Map<string, () => Promise<unknown>>();
  const driver = sdkDriver({
    client,
    administration,
    waitMs: WAIT_MS,
    attach: (link) => attachBare(endpoint, link),
    post: (queue) =>
      postMessage(endpoint.tls ? `https://${endpoint.host}` : `http://${endpoint.host}:${adminPort}`, endpoint, queue),
    restart: () => Promise.reject(new Error('nobody can start the service again')),
    now: () => Date.now(),
    advance: async (ms, signal) => void (await sleep(ms, undefined, { signal })),
    close: async () => {
      await client.close();
      await removeAll(made);
    },
  });
  const probe = `probe-${randomUUID()}`;
  try {
    await driver.createQueue(probe);
    await driver.send(probe, [{ body: 'x' }]);
    await driver.peek(probe, 1);
    await driver.deleteQueue(probe);
  } catch (error) {
    await driver.deleteQueue(probe).catch(() => {});
    await client.close();
    throw new Error(`the suite cannot run at ${endpoint.host}:${endpoint.port}: ${messageOf(error)}`, { cause: error });
  }
  return {
    ...driver,
    createQueue: async (name, properties) => {
      await driver.createQueue(name, properties);
      made.set(name, () => driver.deleteQueue(name));
    },
    createTopic: async (name, properties) => {
      await driver.createTopic(name, properties);
      made.set(name, () => driver.deleteTopic(name));
    },
  };
}

/** Deletes a few at a time, so that a namespace that is throttled keeps up. @throws Error that names what is left */
async function removeAll(made: ReadonlyMap<string, () => Promise<unknown>>): Promise<void> {
  const waiting = [...made];
  const left: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [name, remove] = next;
      await remove().catch((error: unknown) => {
        if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'MessagingEntityNotFound') left.push(name);
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  if (left.length > 0) throw new Error(`could not be deleted, and is left in the namespace: ${left.join(', ')}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
