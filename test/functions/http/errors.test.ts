import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { discardError, listErrors, replayError, showError } from '../../../functions/http/errors.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { MAX_UNPACKED_BYTES } from '../../../shared/delivery/dead-letter-body.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import type { HttpHandler, HttpResponse } from '../../../shared/http/on-http.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { DeadLetter } from '../../../shared/ports/bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { respond } from '../../support/api-contract.ts';
import { sampleData } from '../../support/events.ts';
import { httpRequest } from '../../support/http.ts';
import { RecordingLog } from '../../support/ports.ts';

let bus: InMemoryEventBus;
let ports: Ports;

beforeEach(() => {
  bus = new InMemoryEventBus();
  // The functions ask for nothing else.
  ports = {
    publisher: bus,
    deadLetterQueue: bus,
    state: new MemoryStateStore(),
    clock: bus.clock,
    log: new RecordingLog(),
  } as unknown as Ports;
});

function deadLetter(id: string, parts: Partial<DeadLetter> = {}): Promise<void> {
  return bus.deadLetter({
    messageId: id,
    body: newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested }),
    type: 'DeploymentRequested',
    correlationId: 'c',
    traceparent: undefined,
    reason: 'ClusterError',
    description: 'forbidden',
    subscription: 'deployment-requested',
    attempts: 12,
    redelivery: 0,
    ...parts,
  });
}

/** @returns its number */
async function deadLetterOne(id: string, parts?: Partial<DeadLetter>): Promise<string> {
  await deadLetter(id, parts);
  return bus.errors().find(({ messageId }) => messageId === id)?.sequenceNumber ?? '';
}

function call(handler: HttpHandler, sequenceNumber = '', query = ''): Promise<HttpResponse> {
  const request = httpRequest({ path: `/api/errors${query}`, params: { sequenceNumber } });
  return respond('errors', handler, request, ports);
}

async function listed(query = ''): Promise<{ ids: unknown[]; next: string | undefined }> {
  const { json } = await call(listErrors, '', query);
  const { errors, next } = json as { errors: { eventId: unknown }[]; next?: string };
  return { ids: errors.map(({ eventId }) => eventId), next };
}

describe('GET /api/errors', () => {
  it('lists what failed where, and why, oldest first', async () => {
    const sequenceNumber = await deadLetterOne('a');
    await deadLetter('b');

    const { json } = await call(listErrors);

    expect(json).toMatchObject({ errors: [{ eventId: 'a' }, { eventId: 'b' }] });
    expect((json as { errors: unknown[] }).errors[0]).toEqual({
      sequenceNumber,
      deadLetteredAt: new Date(bus.clock.now()).toISOString(),
      reason: 'ClusterError',
      description: 'forbidden',
      type: 'DeploymentRequested',
      eventId: 'a',
      eventSource: '/ci',
      subject: 'default/shop/web',
      subscription: 'deployment-requested',
      attempts: 12,
      correlationId: 'c',
      messageId: 'a',
    });
  });

  it('narrows by reason, type and age', async () => {
    await deadLetter('a');
    await bus.advance('1h');
    const noon = new Date(bus.clock.now()).toISOString();
    await deadLetter('b', { reason: 'Transient' });
    await deadLetter('c', { type: 'DeploymentStarted' });

    expect((await listed('?reason=clustererror')).ids).toEqual(['a', 'c']);
    expect((await listed('?type=DeploymentStarted')).ids).toEqual(['c']);
    expect((await listed(`?since=${noon}`)).ids).toEqual(['b', 'c']);
    expect((await listed(`?before=${noon}`)).ids).toEqual(['a']);
  });

  it('cuts what whoever sent it wrote beside the body', async () => {
    const long = 'x'.repeat(60_000);
    const names = ['DeadLetterReason', 'DeadLetterErrorDescription', 'Subscription'];
    const applicationProperties = Object.fromEntries(names.map((name) => [name, long]));
    const content = { messageId: 'm', subject: long, correlationId: long, body: 'x', sizeBytes: 1 };
    bus.broker.send('errors', [{ ...content, applicationProperties }]);

    const { json } = await call(listErrors);

    const [entry] = (json as { errors: Record<string, string>[] }).errors;
    const lengths = ['reason', 'description', 'subscription', 'type', 'correlationId'].map((it) => entry?.[it]?.length);
    expect(lengths).toEqual([256, 4_096, 256, 256, 256]);
  });

  it('goes on where a page ended', async () => {
    for (const id of ['a', 'b', 'c']) await deadLetter(id);

    const first = await listed('?limit=2');
    const second = await listed(`?limit=2&cursor=${first.next}`);

    expect(first.ids).toEqual(['a', 'b']);
    expect(second).toEqual({ ids: ['c'], next: undefined });
  });

  it('looks at no more than it can in one request, and says where to go on', async () => {
    for (let n = 0; n < 2_600; n++) await deadLetter(`n-${n}`, n === 2_550 ? { reason: 'Rare' } : {});

    const first = await listed('?reason=Rare');
    const second = await listed(`?reason=Rare&cursor=${first.next}`);

    expect(first.ids).toEqual([]);
    expect(second.ids).toEqual(['n-2550']);
  });

  it.each(['?reasons=x', '?limit=0', '?since=yesterday', '?cursor=x', '?cursor=9223372036854775808'])(
    'refuses %s, naming the parameter',
    async (query) => {
      const { status, body } = await call(listErrors, '', query);

      expect(status).toBe(400);
      expect(JSON.parse(body ?? '').title).toContain(`${/\w+/.exec(query)?.[0]}: expected`);
    },
  );
});

describe('one entry', () => {
  it('is shown with its event', async () => {
    const { json } = await call(showError, await deadLetterOne('a'));

    expect(json).toMatchObject({ eventId: 'a', body: { id: 'a', data: sampleData.DeploymentRequested } });
  });

  it('is shown with its text when that is no event', async () => {
    const { json } = await call(showError, await deadLetterOne('a', { body: 'hello' }));

    expect(json).toMatchObject({ body: 'hello' });
    expect(json).toHaveProperty('eventId', undefined);
  });

  it.each([
    ['null', null],
    ['numbers for texts', { id: 1, subject: { a: 1 } }],
    ['a list', [1]],
  ])('is shown and listed when its body is %s', async (_, body) => {
    const number = await deadLetterOne('a', { body: JSON.stringify(body) });

    expect(await call(showError, number)).toMatchObject({ json: { body } });
    expect(await listed()).toEqual({ ids: [undefined], next: undefined });
    expect((await call(showError, number)).json).toMatchObject({ subject: undefined });
  });

  describe('that is a gzip', () => {
    const sendGzip = (unpacked: string): string => {
      const body = gzipSync(unpacked);
      const applicationProperties = {
        DeadLetterReason: 'MaxDeliveryCountExceeded',
        Subscription: 'deployment-requested',
      };
      bus.broker.send('errors', [
        { messageId: 'z', contentType: 'application/gzip', body, sizeBytes: body.length, applicationProperties },
      ]);
      return bus.errors()[0]?.sequenceNumber ?? '';
    };
    const event = newEvent(DeploymentRequested, { id: 'z', source: '/ci', data: sampleData.DeploymentRequested });
    const bomb = 'x'.repeat(MAX_UNPACKED_BYTES + 1);

    it('is unpacked where it is shown, and in no list', async () => {
      const number = sendGzip(JSON.stringify(event));

      expect((await call(showError, number)).json).toMatchObject({ eventId: 'z', body: { id: 'z' } });
      expect((await call(listErrors)).json).toMatchObject({ errors: [{ messageId: 'z', eventId: undefined }] });
    });

    it('is shown up to a limit, and as it was sent beyond that', async () => {
      const largest = sendGzip('x'.repeat(MAX_UNPACKED_BYTES));
      expect((await call(showError, largest)).json).toMatchObject({ body: 'x'.repeat(MAX_UNPACKED_BYTES) });
      await call(discardError, largest);

      const { json } = await call(showError, sendGzip(bomb));

      const { body, bodyNote } = json as { body: string; bodyNote: string };
      expect(bodyNote).toBe('it unpacks to more than 1048576 bytes, and is shown as it was sent');
      expect(body.startsWith('data:application/gzip;base64,')).toBe(true);
      expect(gunzipSync(Buffer.from(body.slice(body.indexOf(',') + 1), 'base64')).toString()).toBe(bomb);
    });

    it('is shown as its bytes when it is none', async () => {
      bus.broker.send('errors', [{ messageId: 'z', contentType: 'application/gzip', body: 'plain', sizeBytes: 5 }]);

      expect((await call(showError, bus.errors()[0]?.sequenceNumber)).json).toMatchObject({ body: 'plain' });
    });

    it('is replayed when it unpacks to an event', async () => {
      const { status, json } = await call(replayError, sendGzip(JSON.stringify(event)));

      expect([status, json]).toEqual([202, expect.objectContaining({ eventId: 'z' })]);
      expect(bus.errors()).toEqual([]);
    });

    it('stays when it unpacks to too much, with a 409 that says so', async () => {
      const { status, body } = await call(replayError, sendGzip(bomb));

      expect(status).toBe(409);
      expect(JSON.parse(body ?? '').title).toMatch(/not replayed: .*unpacks to more than 1048576 bytes; publish/);
      expect(bus.errors()).toHaveLength(1);
    });

    it('costs a few MB to list and to look at, however many and however large', { timeout: 30_000 }, async () => {
      const body = gzipSync(Buffer.alloc(240 * 1024 * 1024));
      for (let n = 0; n < 8; n++) {
        bus.broker.send('errors', [
          { messageId: `z-${n}`, contentType: 'application/gzip', body, sizeBytes: body.length },
        ]);
      }
      const before = process.memoryUsage.rss();

      await call(listErrors);
      for (const { sequenceNumber } of bus.errors()) await call(showError, sequenceNumber);

      expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    });
  });

  it('is replayed to its handler', async () => {
    const { status, json } = await call(replayError, await deadLetterOne('a'));
    await bus.settled();

    expect(status).toBe(202);
    expect(json).toEqual({ eventId: 'a', type: 'DeploymentRequested', subscription: 'deployment-requested' });
    expect(bus.errors()).toEqual([]);
    const queue = bus.broker.resolve('deployment-requested/Subscriptions/deployment-requested');
    expect(queue.peek(0, 9)).toMatchObject([{ content: { to: 'only:deployment-requested' } }]);
  });

  it('stays when it cannot be replayed, with a 409 that says why', async () => {
    const { status, body } = await call(replayError, await deadLetterOne('a', { body: 'hello' }));

    expect(status).toBe(409);
    expect(JSON.parse(body ?? '').title).toMatch(/not replayed: the body is no CloudEvent/);
    expect(bus.errors()).toHaveLength(1);
  });

  it('is discarded', async () => {
    const number = await deadLetterOne('a');
    await deadLetter('b');

    expect((await call(discardError, number)).status).toBe(204);
    expect((await listed()).ids).toEqual(['b']);
  });

  it('is listed, shown and discarded also when its time to live has ended in the queue', async () => {
    const body = Buffer.from(JSON.stringify({ id: 'brief', source: '/ci', type: 'DeploymentRequested' }));
    bus.broker.send('health-check', [{ messageId: 'brief', body, sizeBytes: 1, timeToLiveMs: 6_000 }]);
    await deadLetter('a');
    await bus.advance('1m');
    await deadLetter('b');

    const first = await listed('?limit=2');
    const rest = await listed(`?cursor=${first.next}`);
    expect([first, rest.ids]).toEqual([{ ids: ['a', 'brief'], next: '2d2' }, ['b']]);
    expect((await call(showError, 'd1')).json).toMatchObject({ sequenceNumber: 'd1', eventId: 'brief' });
    const { status, body: refusal } = await call(replayError, 'd1');
    expect([status, JSON.parse(refusal ?? '').title]).toEqual([
      409,
      expect.stringMatching(/^not replayed: .* came on the topic 'health-check', which carries HealthCheck alone/),
    ]);
    expect((await call(discardError, 'd1')).status).toBe(204);
    expect((await listed()).ids).toEqual(['a', 'b']);
  });

  it.each([
    ['show', showError],
    ['replay', replayError],
    ['discard', discardError],
  ])('cannot be had when it is not there: %s', async (_, handler) => {
    expect((await call(handler, '17')).status).toBe(404);
    expect((await call(handler, 'x')).status).toBe(400);
  });
});
