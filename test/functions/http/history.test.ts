import { beforeEach, describe, expect, it } from 'vitest';
import { handle } from '../../../functions/http/history.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import type { EventRecord } from '../../../shared/delivery/event-record.ts';
import { insertRecord } from '../../../shared/delivery/history.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';

const NOON = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

let state: MemoryStateStore;

beforeEach(() => {
  state = new MemoryStateStore();
});

async function enter(id: string, parts: Partial<EventRecord> = {}): Promise<void> {
  const record: EventRecord = {
    status: 'completed',
    handler: 'deployment-requested',
    id,
    type: 'DeploymentRequested',
    source: '/ci',
    subject: 'default/shop/web',
    time: '2026-03-01T12:00:00Z',
    correlationId: id,
    redelivery: 0,
    attempts: 0,
    runs: 1,
    runId: 'o',
    nonce: 'o',
    startedAt: NOON,
    updatedAt: NOON,
    ...parts,
  };
  await insertRecord(state, record);
}

function get(query = ''): Promise<HttpResponse> {
  // The function asks for nothing but the store.
  const ports = { state, clock: new FixedClock(), log: new RecordingLog() } as unknown as Ports;
  return respond('history', handle, httpRequest({ path: `/api/events${query}` }), ports);
}

async function idsOf(query?: string): Promise<string[]> {
  const { json } = await get(query);
  return (json as { events: { id: string }[] }).events.map(({ id }) => id);
}

describe('GET /api/events', () => {
  it('lists what happened over many days, newest first, with the outcome and the attempts', async () => {
    await enter('old', { startedAt: NOON - 50 * HOUR });
    await enter('new', {
      startedAt: NOON,
      status: 'dead-lettered',
      attempts: 12,
      reason: 'ClusterError',
      endedAt: NOON + 1,
    });
    await enter('middle', { startedAt: NOON - HOUR, summary: 'Frozen: until Monday' });

    expect(await idsOf()).toEqual(['new', 'middle', 'old']);
    expect((await get()).json).toMatchObject({
      events: [
        {
          id: 'new',
          status: 'dead-lettered',
          attempts: 12,
          reason: 'ClusterError',
          endedAt: '2026-03-01T12:00:00.001Z',
        },
        { id: 'middle', summary: 'Frozen: until Monday' },
        {},
      ],
    });
  });

  it('names the chain of an event, and what caused it', async () => {
    await enter('a', { correlationId: 'chain', causationId: '/ci cause' });

    expect((await get()).json).toMatchObject({
      events: [{ id: 'a', source: '/ci', correlationId: 'chain', causationId: '/ci cause' }],
    });
  });

  it('is empty before anything happened', async () => {
    expect((await get()).json).toEqual({ events: [] });
  });

  it('narrows by type, subject, chain and time', async () => {
    await enter('a', { correlationId: 'chain', startedAt: NOON });
    await enter('b', { correlationId: 'chain', type: 'DeploymentStarted', startedAt: NOON + 1 });
    await enter('c', { subject: 'default/shop/api', startedAt: NOON + 2 });

    expect(await idsOf('?type=DeploymentStarted')).toEqual(['b']);
    expect(await idsOf('?subject=default/shop/api')).toEqual(['c']);
    expect(await idsOf('?correlationId=chain')).toEqual(['b', 'a']);
    expect(await idsOf('?correlationId=chain&type=DeploymentRequested')).toEqual(['a']);
    expect(await idsOf('?since=2026-03-01T12:00:00.001Z')).toEqual(['c', 'b']);
    expect(await idsOf('?since=2026-03-01T12:00:00.001Z&correlationId=chain')).toEqual(['b']);
    expect(await idsOf('?correlationId=other')).toEqual([]);
  });

  it.each(['0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z'])(
    'lists all since %s, which is before any',
    async (since) => {
      await enter('a');

      expect(await idsOf(`?since=${since}`)).toEqual(['a']);
      expect(await idsOf(`?since=${since}&correlationId=a`)).toEqual(['a']);
    },
  );

  it.each([1, 2, 3, 5])('pages by %i without losing or repeating any', async (limit) => {
    const all = ['a', 'b', 'c', 'd', 'e'];
    for (const [n, id] of all.entries()) await enter(id, { startedAt: NOON - n * 20 * HOUR });
    await enter('f', { startedAt: NOON - 80 * HOUR });

    const seen: string[] = [];
    let cursor = '';
    do {
      const { json } = await get(`?limit=${limit}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      const { events, next } = json as { events: { id: string }[]; next?: string };
      seen.push(...events.map(({ id }) => id));
      cursor = next ?? '';
    } while (cursor);

    expect(seen.slice(0, 4)).toEqual(['a', 'b', 'c', 'd']);
    expect(seen.slice(4).sort()).toEqual(['e', 'f']);
  });

  it.each([
    ['?limit=0', /limit: expected a whole number from 1 to 1000, got '0'/],
    ['?limit=1001', /limit/],
    ['?limit=ten', /limit/],
    ['?since=yesterday', /since: expected an RFC 3339 time .* got 'yesterday'/],
    ['?type=Nope', /type: expected one of DeploymentRequested, .* got .Nope./],
    ['?cursor=x', /cursor/],
    ['?correlationID=x', /correlationID: expected one of type, subject/],
  ])('refuses %s, naming the parameter', async (query, message) => {
    const { status, body } = await get(query);

    expect(status).toBe(400);
    expect(JSON.parse(body ?? '').title).toMatch(message);
  });
});
