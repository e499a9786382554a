/**
 * What every Functions host does that an app can notice: one suite, run against the local host and, where one is at hand,
 * against a real one. The app is `test/support/probe-app.ts`.
 */
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import type { HostDriver, HostFeature, HostFeatures } from './functions-host-driver.ts';
import { batches } from './functions-host-suite/batches.ts';
import { bodies } from './functions-host-suite/bodies.ts';
import { http } from './functions-host-suite/http.ts';
import { metadata } from './functions-host-suite/metadata.ts';
import { settling } from './functions-host-suite/settling.ts';

/** What a probe function got in one call. */
export interface Call {
  readonly body: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly retry: Readonly<Record<string, unknown>> | null;
}

/** What a section of the suite works with. */
export interface HostBench {
  readonly baseUrl: () => string;
  /** Sends messages together; bodies as they are. */
  send(name: string, ...messages: readonly ServiceBusMessage[]): Promise<void>;
  /** The calls that a function got since the suite began, once there are as many as expected. */
  calls(name: string, count: number): Promise<Call[]>;
  /** The bodies of the messages that were given up, once there are as many as expected. */
  dead(name: string, count: number): Promise<string[]>;
  /** The bodies of messages that wait. */
  waiting(name: string): Promise<string[]>;
  test(title: string, needs: readonly HostFeature[], run: () => Promise<void>): void;
}

export function functionsHostContract(
  title: string,
  makeDriver: () => Promise<HostDriver>,
  features: HostFeatures,
): void {
  describe(title, () => {
    let driver: HostDriver | undefined;
    let client: ServiceBusClient | undefined;
    beforeAll(async () => {
      driver = await makeDriver();
      client = new ServiceBusClient(driver.serviceBus);
    }, 180_000);
    afterAll(async () => {
      await client?.close();
      await driver?.close();
    });
    const connected = (): ServiceBusClient => {
      if (!client) throw new Error('the driver is there once the tests run');
      return client;
    };
    const peek = async (name: string, subQueueType?: 'deadLetter'): Promise<string[]> => {
      const options = { skipParsingBodyAsJson: true, ...(subQueueType && { subQueueType }) };
      const receiver = connected().createReceiver(`probe-${name}`, options);
      const messages = await receiver.peekMessages(100);
      await receiver.close();
      return messages.map(({ body }) => (body instanceof Uint8Array ? Buffer.from(body).toString() : String(body)));
    };
    const bench: HostBench = {
      baseUrl: () => driver?.baseUrl ?? '',
      send: async (name, ...messages) => {
        const sender = connected().createSender(`probe-${name}`);
        await sender.sendMessages([...messages]);
        await sender.close();
      },
      calls: (name, count) =>
        eventually(async () => {
          const answer = await fetch(`${driver?.baseUrl}/api/seen/${name}`);
          // As the probe app makes them.
          const calls = (await answer.json()) as Call[];
          return calls.length >= count ? calls : undefined;
        }, `${count} calls of ${name}`),
      dead: (name, count) =>
        eventually(async () => {
          const found = await peek(name, 'deadLetter');
          return found.length >= count ? found : undefined;
        }, `${count} dead letters of ${name}`),
      waiting: (name) => peek(name),
      test: (name, needs, run) => {
        const reasons = needs.map((need) => features[need]).filter((reason) => reason !== true);
        if (reasons.length === 0) it(name, run, 60_000);
        else it.skip(`${name} (${reasons.join('; ')})`, run);
      },
    };
    for (const section of [bodies, metadata, batches, settling, http]) {
      describe(section.name, () => section(bench));
    }
  });
}
