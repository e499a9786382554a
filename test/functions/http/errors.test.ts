import { beforeEach, describe, expect, it } from 'vitest';
import { discard, list, sendAgain, show } from '../../../functions/http/errors.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { InMemoryEventBus } from '../../../shared/local/memory.ts';
import { type HttpHandler, type HttpResponse, respond } from '../../../shared/on-http.ts';
import type { ParkedMessage, Ports } from '../../../shared/ports.ts';
import { sampleData } from '../../support/events.ts';
import { httpRequest } from '../../support/http.ts';
import { RecordingLog } from '../../support/ports.ts';

let bus: InMemoryEventBus;
let ports: Ports;

beforeEach(() => {
  bus = new InMemoryEventBus();
  // The functions ask for nothing else.
  ports = { bus, state: new MemoryStateStore(), clock: bus.clock, log: new RecordingLog() } as unknown as Ports;
});

function park(id: string, parts: Partial<ParkedMessage> = {}): Promise<void> {
  return bus.park({
    messageId: id,
    body: newEvent(DeploymentRequested, { id, source: '/ci', data: sampleData.DeploymentRequested }),
    type: 'DeploymentRequested',
    correlationId: 'c',
    traceparent: undefined,
    reason: 'ClusterError',
    description: 'forbidden',
    subscription: 'deployment-requested',
    tries: 12,
    copy: 0,
    ...parts,
  });
}

/** @returns its number */
async function parkOne(id: string, parts?: Partial<ParkedMessage>): Promise<string> {
  await park(id, parts);
  return bus.errors().find(({ messageId }) => messageId === id)?.sequenceNumber ?? '';
}

function call(handler: HttpHandler, sequenceNumber = '', query = ''): Promise<HttpResponse> {
  const request = httpRequest({ path: `/api/errors${query}`, params: { sequenceNumber } });
  return respond('errors', handler, request, ports);
}

async function listed(query = ''): Promise<{ ids: unknown[]; next: string | undefined }> {
  const { json } = await call(list, '', query);
  const { errors, next } = json as { errors: { eventId: unknown }[]; next?: string };
  return { ids: errors.map(({ eventId }) => eventId), next };
}

describe('GET /api/errors', () => {
  it('tells what failed where, and why, oldest first', async () => {
    const sequenceNumber = await parkOne('a');
    await park('b');

    const { json } = await call(list);

    expect(json).toMatchObject({ errors: [{ eventId: 'a' }, { eventId: 'b' }] });
    expect((json as { errors: unknown[] }).errors[0]).toEqual({
      sequenceNumber,
      parkedAt: new Date(bus.clock.now()).toISOString(),
      reason: 'ClusterError',
      description: 'forbidden',
      type: 'DeploymentRequested',
      eventId: 'a',
      subject: 'default/shop/web',
      subscription: 'deployment-requested',
      tries: 12,
      correlationId: 'c',
      messageId: 'a',
    });
  });

  it('narrows by reason, type and age', async () => {
    await park('a');
    await bus.advance('1h');
    const noon = new Date(bus.clock.now()).toISOString();
    await park('b', { reason: 'Transient' });
    await park('c', { type: 'DeploymentStarted' });

    expect((await listed('?reason=clustererror')).ids).toEqual(['a', 'c']);
    expect((await listed('?type=DeploymentStarted')).ids).toEqual(['c']);
    expect((await listed(`?since=${noon}`)).ids).toEqual(['b', 'c']);
    expect((await listed(`?before=${noon}`)).ids).toEqual(['a']);
  });

  it('goes on where a page ended', async () => {
    for (const id of ['a', 'b', 'c']) await park(id);

    const first = await listed('?limit=2');
    const second = await listed(`?limit=2&cursor=${first.next}`);

    expect(first.ids).toEqual(['a', 'b']);
    expect(second).toEqual({ ids: ['c'], next: undefined });
  });

  it('looks at no more than it can in one request, and says where to go on', async () => {
    for (let n = 0; n < 2_600; n++) await park(`n-${n}`, n === 2_550 ? { reason: 'Rare' } : {});

    const first = await listed('?reason=Rare');
    const second = await listed(`?reason=Rare&cursor=${first.next}`);

    expect(first.ids).toEqual([]);
    expect(second.ids).toEqual(['n-2550']);
  });

  it.each(['?reasons=x', '?limit=0', '?since=yesterday', '?cursor=x', '?cursor=9223372036854775808'])(
    'refuses %s, naming the parameter',
    async (query) => {
      const { status, body } = await call(list, '', query);

      expect(status).toBe(400);
      expect(JSON.parse(body ?? '').title).toContain(`${/\w+/.exec(query)?.[0]}: expected`);
    },
  );
});

describe('one entry', () => {
  it('is shown with its event', async () => {
    const { json } = await call(show, await parkOne('a'));

    expect(json).toMatchObject({ eventId: 'a', body: { id: 'a', data: sampleData.DeploymentRequested } });
  });

  it('is shown with its text when that is no event', async () => {
    const { json } = await call(show, await parkOne('a', { body: 'hello' }));

    expect(json).toMatchObject({ body: 'hello' });
    expect(json).toHaveProperty('eventId', undefined);
  });

  it.each([
    ['null', null],
    ['numbers for texts', { id: 1, subject: { a: 1 } }],
    ['a list', [1]],
  ])('is shown and listed when its body is %s', async (_, body) => {
    const number = await parkOne('a', { body: JSON.stringify(body) });

    expect(await call(show, number)).toMatchObject({ json: { body } });
    expect(await listed()).toEqual({ ids: [undefined], next: undefined });
    expect((await call(show, number)).json).toMatchObject({ subject: undefined });
  });

  it('is replayed to its handler', async () => {
    const { status, json } = await call(sendAgain, await parkOne('a'));
    await bus.settled();

    expect(status).toBe(202);
    expect(json).toEqual({ eventId: 'a', type: 'DeploymentRequested', subscription: 'deployment-requested' });
    expect(bus.errors()).toEqual([]);
    const queue = bus.broker.resolve('deployment-events/Subscriptions/deployment-requested');
    expect(queue.peek(0, 9)).toMatchObject([{ content: { to: 'deployment-requested' } }]);
  });

  it('stays when it cannot be replayed, with a 409 that says why', async () => {
    const { status, body } = await call(sendAgain, await parkOne('a', { body: 'hello' }));

    expect(status).toBe(409);
    expect(JSON.parse(body ?? '').title).toMatch(/not replayed: the body is no CloudEvent/);
    expect(bus.errors()).toHaveLength(1);
  });

  it('is discarded', async () => {
    const number = await parkOne('a');
    await park('b');

    expect((await call(discard, number)).status).toBe(204);
    expect((await listed()).ids).toEqual(['b']);
  });

  it.each([
    ['show', show],
    ['replay', sendAgain],
    ['discard', discard],
  ])('cannot be had when it is not there: %s', async (_, handler) => {
    expect((await call(handler, '17')).status).toBe(404);
    expect((await call(handler, 'x')).status).toBe(400);
  });
});
