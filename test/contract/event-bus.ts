/** What every `EventBus` does, whatever carries the messages. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { unjudgedIn } from '../../shared/delivery/automatic-replay.ts';
import { replay } from '../../shared/delivery/replay.ts';
import { EventTooLargeError, MissingSubscriptionError, TransientError } from '../../shared/errors.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentStarted } from '../../shared/events/deployment.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { ClusterUpdated, NamespaceCreated } from '../../shared/events/infrastructure.ts';
import { parseEvent } from '../../shared/events/parse.ts';
import { HealthCheck } from '../../shared/events/platform.ts';
import type { DeadLetter, DeadLetterEntry, EventBus, ReceivedMessage } from '../../shared/ports/bus.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import { sampleData } from '../support/events.ts';
import { RecordingLog } from '../support/ports.ts';

/** A message of the errors queue. */
export interface ErrorsEntry {
  readonly messageId: string;
  readonly body: string;
  readonly type: string | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface EventBusHarness {
  readonly bus: EventBus;
  errors(): Promise<ErrorsEntry[]>;
  deleteSubscription(topic: string, name: string): Promise<void>;
  close(): Promise<void>;
}

const TIMEOUT = { timeout: 8_000, interval: 10 };

/** @param open a bus with the entities of the topology, on real time */
export function eventBusContract(name: string, open: () => Promise<EventBusHarness>): void {
  describe(`${name} as an EventBus`, () => {
    let harness: EventBusHarness;
    let bus: EventBus;
    const stops: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      harness = await open();
      bus = harness.bus;
    });
    beforeEach(async () => {
      // Each test has the subscriptions for itself.
      for (const stop of stops.splice(0)) await stop();
    });
    afterAll(async () => {
      for (const stop of stops.splice(0)) await stop();
      await harness.close();
    });

    let ids = 0;
    const requested = (id = `${name}-${++ids}`): PlatformEvent =>
      newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested });

    /** Receives into a list; what is done with a message can be said. */
    function receive(
      topic: string,
      subscription: string,
      act: (message: ReceivedMessage) => Promise<void> = async () => {},
    ): ReceivedMessage[] {
      const messages: ReceivedMessage[] = [];
      stops.push(
        bus.subscribe(topic, subscription, async (message) => {
          messages.push(message);
          await act(message);
        }),
      );
      return messages;
    }
    const parsed = ({ body }: ReceivedMessage) => parseEvent({ body, receivedAt: 0 });
    const idsOf = (messages: readonly ReceivedMessage[]): string[] => messages.map((one) => parsed(one).event.id);

    it('answers that it is there', async () => {
      await expect(bus.ping()).resolves.toBeUndefined();
    });

    it('carries an event to the subscription of its type, whole', async () => {
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      const event = { ...requested(), traceparent, custom: 'kept' };
      const messages = receive('deployment-requested', 'deployment-requested');
      const others = receive('deployment-started', 'deployment-started');

      await bus.publish(event);

      await vi.waitFor(() => expect(messages).toHaveLength(1), TIMEOUT);
      expect(messages.map(parsed)).toEqual([{ event, redelivery: 0 }]);
      expect(messages[0]).toMatchObject({
        messageId: eventKey(event),
        deliveryCount: 1,
        applicationProperties: { 'Diagnostic-Id': traceparent },
      });
      expect(others).toEqual([]);
    });

    it('carries many events of several topics, more than one batch holds', async () => {
      const events = Array.from({ length: 300 }, (_, n): PlatformEvent[] => [
        { ...requested(), subject: `${n}-${'x'.repeat(1_000)}` },
        newEvent(HealthCheck, { source: '/probe', data: sampleData.HealthCheck }),
      ]).flat();
      const deployments = receive('deployment-requested', 'deployment-requested');
      const checks = receive('health-check', 'health-check');

      await bus.publishAll(events);

      await vi.waitFor(() => expect([deployments.length, checks.length]).toEqual([300, 300]), TIMEOUT);
      expect(new Set(idsOf([...deployments, ...checks]))).toEqual(new Set(events.map(({ id }) => id)));
    });

    it('publishes nothing of a list that holds an event which is too large', async () => {
      const messages = receive('deployment-requested', 'deployment-requested');
      const [before, tooLarge, after] = [requested(), { ...requested(), subject: 'x'.repeat(300_000) }, requested()];

      await expect(bus.publishAll([before, tooLarge, after])).rejects.toThrow(EventTooLargeError);
      await bus.publish(after);

      await vi.waitFor(() => expect(idsOf(messages)).toEqual([after.id]), TIMEOUT);
    });

    it('carries an event of the largest size', async () => {
      const messages = receive('deployment-requested', 'deployment-requested');
      const event = requested();
      const room = 256 * 1024 - JSON.stringify(event).length - 1_024;

      // An extension attribute, as a sender may add any.
      const padded: PlatformEvent & { padding: string } = { ...event, padding: 'x'.repeat(room) };
      await bus.publish(padded);

      await vi.waitFor(() => expect(idsOf(messages)).toEqual([event.id]), TIMEOUT);
    });

    it('takes nothing and does nothing when there is nothing to publish', async () => {
      await expect(bus.publishAll([])).resolves.toBeUndefined();
    });

    it('carries an event once that is published twice', async () => {
      const messages = receive('deployment-requested', 'deployment-requested');
      const [event, last] = [requested(), requested()];

      await bus.publish(event);
      await bus.publishAll([event, event]);
      await bus.publish(last);

      await vi.waitFor(() => expect(idsOf(messages)).toContain(last.id), TIMEOUT);
      expect(idsOf(messages).sort()).toEqual([event.id, last.id].sort());
    });

    it('brings a redelivery later, to one subscription, with its marks', async () => {
      const messages = receive('deployment-requested', 'deployment-requested');
      const event = requested();
      const at = Date.now() + 250;
      const redelivery = {
        event,
        at,
        to: 'deployment-requested',
        redelivery: 3,
        unrecordedAttempts: 1,
        awaitedRunId: 'run',
        messageId: `${event.id}:3`,
      };

      await bus.schedule(redelivery);
      await bus.schedule(redelivery);

      await vi.waitFor(() => expect(messages).toHaveLength(1), TIMEOUT);
      expect(Date.now()).toBeGreaterThanOrEqual(at - 20);
      expect(messages.map(parsed)).toEqual([{ event, redelivery: 3, unrecordedAttempts: 1, awaitedRunId: 'run' }]);
    });

    it('brings a redelivery at once whose time is past', async () => {
      const messages = receive('deployment-requested', 'deployment-requested');
      const event = requested();

      await bus.schedule({
        event,
        at: Date.now() - 60_000,
        to: 'deployment-requested',
        redelivery: 1,
        messageId: `${event.id}:1`,
      });

      await vi.waitFor(() => expect(messages).toHaveLength(1), TIMEOUT);
    });

    it('brings an event of a type that it does not know to the subscription it is addressed to', async () => {
      const messages = receive('deployment-requested', 'deployment-requested');
      const event = { ...requested(), type: 'DeploymentPaused' };

      await bus.schedule({
        event,
        at: 0,
        to: 'deployment-requested',
        redelivery: 0,
        unrecordedAttempts: 1,
        messageId: `${event.id}+1`,
      });

      await vi.waitFor(() => expect(messages).toHaveLength(1), TIMEOUT);
    });

    it('dead-letters a message in the errors queue, saying why', async () => {
      const event = newEvent(DeploymentStarted, { source: '/x', data: sampleData.DeploymentStarted });
      const deadLetter: DeadLetter = {
        messageId: `${event.id}:deployment-started:2`,
        body: event,
        type: event.type,
        correlationId: event.correlationid,
        traceparent: undefined,
        reason: 'NotFound',
        description: 'ü'.repeat(5_000),
        subscription: 'deployment-started',
        attempts: 3,
        redelivery: 2,
      };

      await bus.deadLetter(deadLetter);

      const found = (await harness.errors()).find(({ messageId }) => messageId === deadLetter.messageId);
      expect(found).toMatchObject({
        type: 'DeploymentStarted',
        properties: { DeadLetterReason: 'NotFound', Subscription: 'deployment-started', Attempts: 3, Redelivery: 2 },
      });
      expect(JSON.parse(found?.body ?? '')).toEqual(event);
      expect(Buffer.byteLength(String(found?.properties['DeadLetterErrorDescription']))).toBeLessThanOrEqual(4_096);
    });

    it('dead-letters the largest event with its description', async () => {
      const event = requested();
      const body = { ...event, subject: 'x'.repeat(256 * 1024 - JSON.stringify(event).length - 1_024) };
      const common = {
        type: event.type,
        correlationId: event.correlationid,
        traceparent: undefined,
        attempts: 1,
        redelivery: 0,
      };
      const reason = 'Permanent';

      await bus.deadLetter({
        ...common,
        messageId: `${event.id}:large`,
        body,
        reason,
        description: 'y'.repeat(10_000),
        subscription: 'deployment-requested',
      });

      const found = (await harness.errors()).find(({ messageId }) => messageId === `${event.id}:large`);
      expect(JSON.parse(found?.body ?? '')).toEqual(body);
    });

    describe('the errors queue', () => {
      const deadLetter = async (count: number): Promise<string[]> => {
        const names = Array.from({ length: count }, () => `${name}-deadLetter-${++ids}`);
        for (const messageId of names) {
          await bus.deadLetter({
            messageId,
            body: requested(messageId),
            type: 'DeploymentRequested',
            correlationId: 'c',
            traceparent: undefined,
            reason: 'ClusterError',
            description: 'no such thing',
            subscription: 'deployment-requested',
            attempts: 12,
            redelivery: 3,
          });
        }
        return names;
      };
      const all = async (): Promise<DeadLetterEntry[]> => bus.deadLetters('0', 1_000);
      const numberOf = async (messageId: string | undefined): Promise<string> => {
        const found = (await all()).find((entry) => entry.messageId === messageId);
        return found?.sequenceNumber ?? 'none';
      };

      it('is read from any place on, with all that was said', async () => {
        const names = await deadLetter(3);

        const entries = (await all()).filter(({ messageId }) => names.includes(messageId));
        expect(entries.map(({ messageId }) => messageId)).toEqual(names);
        expect(entries[0]).toMatchObject({
          type: 'DeploymentRequested',
          correlationId: 'c',
          reason: 'ClusterError',
          description: 'no such thing',
          subscription: 'deployment-requested',
          attempts: 12,
          redelivery: 3,
          isCut: false,
        });
        expect(JSON.parse(entries[0]?.body ?? '')).toMatchObject({ id: names[0], type: 'DeploymentRequested' });
        expect(entries[0]?.deadLetteredAt).toBeGreaterThan(Date.now() - 60_000);
        const [second] = await bus.deadLetters(entries[1]?.sequenceNumber ?? '', 1);
        expect(second?.messageId).toBe(names[1]);
      });

      it('says where a message comes from that the broker gave up', async () => {
        const event = requested();
        const stop = bus.subscribe('deployment-requested', 'deployment-requested', async () => {
          throw new Error('never');
        });
        await bus.publish(event);

        await vi.waitFor(async () => {
          const found = (await all()).find(({ messageId }) => messageId === eventKey(event));
          expect(found).toMatchObject({
            reason: 'MaxDeliveryCountExceeded',
            subscription: 'deployment-requested',
            attempts: undefined,
            redelivery: undefined,
          });
        }, TIMEOUT);
        await stop();
      });

      it('gives back what the broker gave up, with the count of its automatic replays', async () => {
        const event = requested();
        const stop = bus.subscribe('deployment-requested', 'deployment-requested', async () => {
          throw new Error('no worker');
        });
        await bus.publish(event);
        const entry = await vi.waitFor(async () => {
          const found = (await all()).find(({ messageId }) => messageId === eventKey(event));
          if (!found) throw new Error('not yet given up');
          return found;
        }, TIMEOUT);
        await stop();
        const messages = receive('deployment-requested', 'deployment-requested');
        const clock = { now: () => Date.now() };
        const state = new MemoryStateStore();
        // A replay needs no more than these.
        const ports = {
          publisher: bus,
          deadLetterQueue: bus,
          state,
          clock,
          log: new RecordingLog(),
        } as unknown as Ports;

        await replay(entry.sequenceNumber, ports, 2);

        expect(unjudgedIn(entry)).toEqual({ automaticReplays: 0, returnsAt: entry.deadLetteredAt + 60_000 });
        await vi.waitFor(
          () =>
            expect(messages.map(parsed)).toEqual([
              { event, redelivery: 0, automaticReplays: 2, replayOf: entry.sequenceNumber },
            ]),
          TIMEOUT,
        );
      });

      it('gives up one entry, wherever it lies, and keeps the others in order', async () => {
        const [, second, third] = await deadLetter(4);
        const before = (await all()).map(({ messageId }) => messageId);
        const done: string[] = [];

        expect(await bus.takeDeadLetter(await numberOf(second), async () => void done.push('second'))).toBe(true);
        expect(await bus.takeDeadLetter(await numberOf(third))).toBe(true);

        expect(done).toEqual(['second']);
        const left = (await all()).map(({ messageId }) => messageId);
        expect(left).toEqual(before.filter((one) => one !== second && one !== third));
      });

      it('keeps an entry whose work fails, however often, and has it for the next attempt', async () => {
        const [messageId] = await deadLetter(1);
        const number = await numberOf(messageId);
        const fails = (): Promise<never> => Promise.reject(new TransientError('away'));

        for (let attempt = 0; attempt < 12; attempt++)
          await expect(bus.takeDeadLetter(number, fails)).rejects.toThrow('away');
        expect(await numberOf(messageId)).toBe(number);

        expect(await bus.takeDeadLetter(number)).toBe(true);
        expect(await numberOf(messageId)).toBe('none');
      });

      it('lets one alone take an entry, and says that it does not exist afterwards', async () => {
        const [messageId] = await deadLetter(1);
        const number = await numberOf(messageId);
        let others: unknown;

        await bus.takeDeadLetter(number, async () => {
          others = await bus.takeDeadLetter(number).catch((error: unknown) => error);
        });

        expect(others).toBeInstanceOf(TransientError);
        expect(String(others)).toContain(`entry ${number} is locked by another receiver`);
        expect(await bus.takeDeadLetter(number)).toBe(false);
        expect(await bus.takeDeadLetter('999999999')).toBe(false);
      });

      it('gives up many at once', async () => {
        const names = await deadLetter(30);
        const numbers = (await all()).flatMap(({ messageId, sequenceNumber }) =>
          names.includes(messageId) ? [sequenceNumber] : [],
        );

        const results = await Promise.all(numbers.map((number) => bus.takeDeadLetter(number)));

        expect(results).toEqual(names.map(() => true));
        expect((await all()).filter(({ messageId }) => names.includes(messageId))).toEqual([]);
      });
    });

    it('brings a message again whose callback rejects, and counts', async () => {
      const event = requested();
      const messages = receive('deployment-requested', 'deployment-requested', async ({ deliveryCount }) => {
        if (deliveryCount < 3) throw new Error('not yet');
      });

      await bus.publish(event);

      await vi.waitFor(() => expect(messages.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 2, 3]), TIMEOUT);
    });

    it('tells how many events wait at a subscription, and since when, without taking any', async () => {
      const before = Date.now();
      const at = (atMost: number) => bus.backlog('namespace-created', atMost);
      const event = () => newEvent(NamespaceCreated, { source: '/x', data: sampleData.NamespaceCreated });
      expect(await at(10)).toEqual({ count: 0, oldestEnqueuedAt: undefined });

      await bus.publish(event());
      await bus.publishAll(Array.from({ length: 300 }, event));

      await vi.waitFor(async () => expect(await at(1_000)).toMatchObject({ count: 301 }), TIMEOUT);
      const { count, oldestEnqueuedAt = 0 } = (await at(260)) ?? {};
      expect(count).toBe(260);
      expect(oldestEnqueuedAt).toBeGreaterThan(before - 20);
      expect(oldestEnqueuedAt).toBeLessThanOrEqual(Date.now());
      const messages = receive('namespace-created', 'namespace-created');
      await vi.waitFor(() => expect(messages).toHaveLength(301), TIMEOUT);
    });

    it('sends nothing to a handler whose subscription does not exist, and says which', async () => {
      const event = newEvent(ClusterUpdated, { source: '/x', data: sampleData.ClusterUpdated });
      const messages = receive('deployment-requested', 'deployment-requested');
      await harness.deleteSubscription('cluster-updated', 'cluster-updated');
      const message = { event, at: 0, to: 'cluster-updated', redelivery: 1, messageId: 'm' };

      for (const sending of [bus.publish(event), bus.publishAll([requested(), event]), bus.schedule(message)]) {
        await expect(sending).rejects.toThrow(MissingSubscriptionError);
        await expect(sending).rejects.toMatchObject({ subscription: 'cluster-updated', isTransient: true });
      }

      expect(await bus.hasSubscription('cluster-updated')).toBe(false);
      expect(await bus.hasSubscription('cluster-created')).toBe(true);
      expect(await bus.backlog('cluster-updated', 1)).toBeUndefined();
      const last = requested();
      await bus.publish(last);
      await vi.waitFor(() => expect(idsOf(messages)).toEqual([last.id]), TIMEOUT);
    });

    it('has ended the last callback when it has stopped, and takes no more', async () => {
      let isEnded = false;
      let end: (() => void) | undefined;
      const held = new Promise<void>((resolve) => {
        end = resolve;
      });
      const messages = receive('deployment-requested', 'deployment-requested', async () => {
        await held;
        isEnded = true;
      });
      await bus.publish(requested());
      await vi.waitFor(() => expect(messages).toHaveLength(1), TIMEOUT);

      const stopped = stops.pop()?.();
      end?.();
      await stopped;
      await bus.publish(requested());

      expect(isEnded).toBe(true);
      expect(messages).toHaveLength(1);
      const rest = receive('deployment-requested', 'deployment-requested');
      await vi.waitFor(() => expect(rest).toHaveLength(1), TIMEOUT);
    });
  });
}
