/** Who gets what comes on a topic, and where it lies when nobody took it in time: the same on every bus. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { ClusterUpdated } from '../../shared/events/infrastructure.ts';
import { parseEvent } from '../../shared/events/parse.ts';
import type { DeadLetterEntry, EventBus, ReceivedMessage } from '../../shared/ports/bus.ts';
import { cursorAfter } from '../../shared/ports/dead-letter-list.ts';
import { ERRORS_QUEUE } from '../../shared/topology.ts';
import { sampleData } from '../support/events.ts';

/** What another program sends. */
export interface ForeignMessage {
  readonly messageId: string;
  readonly body: Buffer;
  readonly to?: string;
  readonly timeToLiveMs?: number;
}

export interface AddressesHarness {
  readonly bus: EventBus;
  /** As a program that knows nothing of this house. */
  send(entity: string, message: ForeignMessage): Promise<void>;
  /** A subscription that somebody adds, to listen. */
  addSubscription(topic: string, name: string, sqlFilter: string): Promise<void>;
  close(): Promise<void>;
}

const TOPIC = 'cluster-updated';
const TIMEOUT = { timeout: 8_000, interval: 10 };

/** @param open a bus with the entities of the topology, on real time */
export function addressesContract(name: string, open: () => Promise<AddressesHarness>): void {
  describe(`the topics and the errors queue of ${name}`, () => {
    let harness: AddressesHarness;
    let bus: EventBus;
    beforeAll(async () => {
      harness = await open();
      bus = harness.bus;
    });
    afterAll(() => harness.close());

    const updated = (): PlatformEvent =>
      newEvent(ClusterUpdated, { id: randomUUID(), source: '/infra', data: sampleData.ClusterUpdated });
    const foreign = (event: object, more: Partial<ForeignMessage> = {}): ForeignMessage => ({
      messageId: randomUUID(),
      body: Buffer.from(JSON.stringify(event)),
      ...more,
    });
    const idsOf = (messages: readonly ReceivedMessage[]): string[] =>
      messages.map(({ body }) => parseEvent({ body, receivedAt: 0 }).event.id);
    const receive = (subscription: string): { messages: ReceivedMessage[]; stop: () => Promise<void> } => {
      const messages: ReceivedMessage[] = [];
      return { messages, stop: bus.subscribe(TOPIC, subscription, async (one) => void messages.push(one)) };
    };

    it.each([
      ['the name of the topic', TOPIC],
      ['an address of its own', 'queue://elsewhere'],
      ['nothing', undefined],
    ])('brings a message without a subject whose sender wrote %s into `to`, as JMS clients do', async (_, to) => {
      const { messages, stop } = receive(TOPIC);
      const event = updated();

      await harness.send(TOPIC, foreign(event, to === undefined ? {} : { to }));

      await vi.waitFor(() => expect(idsOf(messages)).toEqual([event.id]), TIMEOUT);
      await stop();
    });

    it('brings a listener every event once, and no redelivery', async () => {
      await harness.addSubscription(TOPIC, 'audit', "sys.To IS NULL OR sys.To NOT LIKE 'only:%'");
      const [handler, listener] = [receive(TOPIC), receive('audit')];
      const [first, fromJms, last] = [updated(), updated(), updated()];

      await bus.publish(first);
      await bus.schedule({ event: first, at: 0, to: TOPIC, redelivery: 1, messageId: `${first.id}:1` });
      await harness.send(TOPIC, foreign(fromJms, { to: TOPIC }));
      await bus.publish(last);

      await vi.waitFor(() => expect(idsOf(listener.messages)).toContain(last.id), TIMEOUT);
      await vi.waitFor(() => expect(handler.messages).toHaveLength(4), TIMEOUT);
      expect(idsOf(listener.messages).sort()).toEqual([first.id, fromJms.id, last.id].sort());
      expect(idsOf(handler.messages).sort()).toEqual([first.id, first.id, fromJms.id, last.id].sort());
      await Promise.all([handler.stop(), listener.stop()]);
    });

    /** Sends messages that nobody takes in the time that they have; resolves when they lie where they stay. */
    async function expired(count: number): Promise<DeadLetterEntry[]> {
      const messages = Array.from({ length: count }, () => foreign(updated(), { timeToLiveMs: 50 }));
      for (const message of messages) await harness.send(TOPIC, message);
      const ids = messages.map(({ messageId }) => messageId);
      return vi.waitFor(async () => {
        const found = (await bus.deadLetters('0', 1_000)).filter(({ messageId }) => ids.includes(messageId));
        expect(found.map(({ sequenceNumber }) => sequenceNumber)).toEqual(ids.map(() => expect.stringMatching(/^d/)));
        return found;
      }, TIMEOUT);
    }

    it('keeps what expired on its way and in the errors queue, and says where it comes from', async () => {
      const [entry] = await expired(1);

      expect(entry).toMatchObject({ reason: 'TTLExpiredException', subscription: TOPIC, attempts: undefined });
      expect(await bus.findDeadLetter(entry?.sequenceNumber ?? '')).toEqual(entry);
    });

    it('lists both places as one, each entry once, however it is paged', async () => {
      await expired(2);
      for (const messageId of ['a', 'b', 'c']) await harness.send(ERRORS_QUEUE, foreign({}, { messageId }));
      await expired(2);
      const all = await bus.deadLetters('0', 1_000);

      const paged: DeadLetterEntry[] = [];
      let cursor = '0';
      for (;;) {
        const page = await bus.deadLetters(cursor, 2);
        if (page.length === 0) break;
        for (const entry of page) cursor = cursorAfter(cursor, entry);
        paged.push(...page);
      }

      expect(paged).toEqual(all);
      expect(new Set(all.map(({ sequenceNumber }) => sequenceNumber)).size).toBe(all.length);
      const times = all.map(({ deadLetteredAt }) => deadLetteredAt);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    it('gives up an entry by its number, in whichever place it lies, and no other', async () => {
      await harness.send(ERRORS_QUEUE, foreign({}));
      const entries = await expired(3);
      const before = (await bus.deadLetters('0', 1_000)).map(({ sequenceNumber }) => sequenceNumber);
      const number = entries[1]?.sequenceNumber ?? '';

      await expect(bus.takeDeadLetter(number, () => Promise.reject(new Error('not now')))).rejects.toThrow();
      expect(await bus.findDeadLetter(number)).toBeDefined();
      expect(await bus.takeDeadLetter(number)).toBe(true);
      expect(await bus.takeDeadLetter(number)).toBe(false);

      const left = (await bus.deadLetters('0', 1_000)).map(({ sequenceNumber }) => sequenceNumber);
      expect(left).toEqual(before.filter((one) => one !== number));
      expect(await bus.findDeadLetter(number)).toBeUndefined();
      expect(await bus.takeDeadLetter('d999999')).toBe(false);
    });

    it('says that an entry is gone which expired after it was set aside', async () => {
      const [brief, behind] = [foreign({}, { timeToLiveMs: 1_500 }), foreign({})];
      await harness.send(ERRORS_QUEUE, brief);
      await harness.send(ERRORS_QUEUE, behind);
      const entries = await bus.deadLetters('0', 1_000);
      const numberOf = (messageId: string): string =>
        entries.find((entry) => entry.messageId === messageId)?.sequenceNumber ?? 'none';

      // What lies before it is set aside on the way, and does not leave by itself any more.
      await bus.takeDeadLetter(numberOf(behind.messageId));
      const expiry = entries.find(({ messageId }) => messageId === brief.messageId)?.deadLetteredAt ?? 0;
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(expiry + 1_600), TIMEOUT);

      expect(await bus.takeDeadLetter(numberOf(brief.messageId))).toBe(false);
      const moved = (await bus.deadLetters('0', 1_000)).find(({ messageId }) => messageId === brief.messageId);
      expect(moved?.sequenceNumber).toMatch(/^d/);
    });
  });
}
