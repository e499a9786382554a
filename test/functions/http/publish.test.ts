import { beforeEach, describe, expect, it } from 'vitest';
import { handle, MAX_REQUEST_BYTES } from '../../../functions/http/publish.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../../shared/config.ts';
import { TransientError } from '../../../shared/errors.ts';
import { catalog, type PlatformEvent } from '../../../shared/events/catalog.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { respond } from '../../support/api-contract.ts';
import { sampleData } from '../../support/events.ts';
import { httpRequest } from '../../support/http.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';

const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const event = { specversion: '1.0', id: 'a', source: '/ci', type: 'DeploymentRequested', data };

let published: PlatformEvent[];
let busIsAway: boolean;

beforeEach(() => {
  published = [];
  busIsAway = false;
});

function post(body: unknown, headers: Record<string, string> = {}): Promise<HttpResponse> {
  const bus = {
    publishAll: async (events: readonly PlatformEvent[]) => {
      if (busIsAway) throw new TransientError('service bus: connection refused');
      published.push(...events);
    },
  };
  // The function asks for nothing but these.
  const ports = {
    publisher: bus,
    deadLetterQueue: bus,
    clock: new FixedClock(),
    log: new RecordingLog(),
    state: new MemoryStateStore(),
    config: parseConfig({}),
  } as unknown as Ports;
  return respond('publish', handle, httpRequest({ method: 'POST', body, headers }), ports);
}

const problemIn = ({ body }: HttpResponse): { title: string; issues?: unknown[] } => JSON.parse(body ?? '');

describe('POST /api/events', () => {
  it('publishes one event and answers with its id and the id of its chain', async () => {
    const answer = await post(event);

    expect(answer).toMatchObject({ status: 202, json: { ids: ['a'], correlationIds: [eventKey(event)] } });
    expect(published).toMatchObject([{ ...event, correlationid: eventKey(event), subject: 'default/shop/web' }]);
  });

  it('takes two events of one id for two, when their sources are', async () => {
    const answer = await post([event, { ...event, source: '/ci/bank' }]);

    const chains = ['/ci', '/ci/bank'].map((source) => eventKey({ source, id: 'a' }));
    expect(answer).toMatchObject({ status: 202, json: { ids: ['a', 'a'], correlationIds: chains } });
    expect(published.map(({ source }) => source)).toEqual(['/ci', '/ci/bank']);
  });

  it.each(
    [...catalog.values()].flatMap(({ definition: { sender, type } }) =>
      sender === 'app' ? { ...event, type, data: sampleData[type as PlatformEvent['type']] } : [],
    ),
  )('refuses the fact $type, which this app alone publishes', async (fact) => {
    const answer = await post([event, fact]);

    expect(answer.status).toBe(400);
    expect(problemIn(answer).issues).toEqual([
      {
        ...{ index: 1, path: 'type', value: fact.type },
        expected: expect.stringMatching(
          /^one of DeploymentRequested, ClusterCreated, .*: a \w+ is a fact, which this app/,
        ),
      },
    ]);
    expect(published).toEqual([]);
  });

  it('publishes an array, in its order', async () => {
    const answer = await post([event, { ...event, id: 'b' }]);

    expect(answer).toMatchObject({ status: 202, json: { ids: ['a', 'b'] } });
    expect(published.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('fills in what a machine can know: specversion, id and time', async () => {
    const answer = await post({ type: 'DeploymentRequested', source: '/me', data });

    expect(answer.status).toBe(202);
    expect(published).toMatchObject([
      { specversion: '1.0', id: expect.stringMatching(/^[0-9a-f-]{36}$/), time: '2026-03-01T12:00:00.000Z' },
    ]);
  });

  it('reads binary mode: attributes from headers, percent-decoded', async () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'a',
      'ce-source': '/c%C3%AF',
      'ce-type': 'DeploymentRequested',
      'ce-team': 'shop',
    };

    const answer = await post(data, headers);

    expect(answer).toMatchObject({ status: 202, json: { ids: ['a'] } });
    expect(published).toMatchObject([{ source: '/cï', team: 'shop', data }]);
  });

  it('refuses control characters that were percent-encoded into a header', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': 'a%00b', 'ce-source': '/ci', 'ce-type': 'DeploymentRequested' };

    const answer = await post(data, headers);

    expect(answer.status).toBe(400);
    expect(problemIn(answer).issues).toMatchObject([{ path: 'id', value: 'a\u0000b' }]);
  });

  it('publishes none when one is bad, and names every issue by event and path', async () => {
    const bad = { ...event, id: 'b', data: { namespace: 'Shop', deployment: 'web' } };

    const answer = await post([event, bad, 7]);

    expect(answer.status).toBe(400);
    expect(problemIn(answer).issues).toMatchObject([
      { index: 1, path: 'data.namespace', value: 'Shop', expected: expect.stringContaining('DNS-1123') },
      { index: 1, path: 'data.image' },
      { index: 2, path: '', value: 7 },
    ]);
    expect(published).toEqual([]);
  });

  it.each([
    ['structured', { ...event, data: { ...data, image: 'ghcr.io/shop/web:\ufffd' } }, {}, 'data.image'],
    ['structured', { ...event, 'team\ufffd': 'shop' }, {}, 'team\ufffd'],
    [
      'binary',
      { ...data, labels: [{ 'a\ufffd': 1 }] },
      { 'ce-specversion': '1.0', 'ce-id': 'a', 'ce-source': '/ci', 'ce-type': 'DeploymentRequested' },
      'data.labels.0.a\ufffd',
    ],
    [
      'binary',
      data,
      { 'ce-specversion': '1.0', 'ce-id': 'a', 'ce-source': '/ci%EF%BF%BD', 'ce-type': 'DeploymentRequested' },
      'source',
    ],
  ])('refuses what was no UTF-8 on its way here, in %s mode: %j', async (_, body, headers, path) => {
    const answer = await post(body, headers);

    expect(answer.status).toBe(400);
    expect(problemIn(answer).issues).toMatchObject([{ path, expected: expect.stringContaining('U+FFFD') }]);
  });

  it.each([
    ['an empty body, saying what may have become of it', '', /empty body; a chunked request .* Content-Length/],
    ['text that is not JSON', '{"type":', /expected a CloudEvent as JSON/],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /expected a CloudEvent as JSON/],
    ['an empty array', [], /expected 1 to 500 events, got 0/],
    ['too many events', Array.from({ length: 501 }, () => 1), /got 501/],
  ])('refuses %s', async (_, body, title) => {
    const answer = await post(body);

    expect(answer.status).toBe(400);
    expect(problemIn(answer).title).toMatch(title);
  });

  it('names the known types when a type is unknown, and the version when that is', async () => {
    const unknown = problemIn(await post({ ...event, type: 'DeploymentPaused' }));
    const newer = problemIn(await post({ ...event, dataversion: 9 }));

    expect(unknown.issues).toMatchObject([{ path: 'type', expected: expect.stringContaining('DeploymentRequested') }]);
    expect(newer.issues).toMatchObject([{ path: 'dataversion', expected: expect.stringContaining('reads up to 1') }]);
  });

  it('refuses an event that Service Bus would refuse, saying how large it is', async () => {
    const answer = await post({ ...event, data: { ...data, notes: 'x'.repeat(300 * 1024) } });

    expect(answer.status).toBe(400);
    expect(problemIn(answer).issues).toMatchObject([{ expected: expect.stringMatching(/takes \d+ bytes/) }]);
    expect(published).toEqual([]);
  });

  it('refuses a body that is too large', async () => {
    const answer = await post(' '.repeat(MAX_REQUEST_BYTES + 1));

    expect(answer.status).toBe(413);
  });

  it('refuses one that says that it is too large without reading it', async () => {
    const arrayBuffer = async (): Promise<ArrayBuffer> => expect.unreachable('it was read');
    const headers = { 'content-length': String(MAX_REQUEST_BYTES + 1) };
    const request = { ...httpRequest({ method: 'POST', headers }), arrayBuffer };

    // It comes to none of the ports.
    const answer = await respond('publish', handle, request, {} as Ports);

    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body ?? '').title).toBe('the body takes 1048577 bytes; one request takes at most 1048576');
  });

  it('says to come back while the bus is unavailable', async () => {
    busIsAway = true;

    const answer = await post([event, { ...event, id: undefined }]);

    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(JSON.parse(answer.body ?? '')).toMatchObject({ ids: ['a', expect.stringMatching(/^[0-9a-f-]{36}$/)] });
  });

  it('refuses an event whose subscription is not there, and says which', async () => {
    const bus = new InMemoryEventBus();
    bus.broker.deleteSubscription('deployment-requested', 'deployment-requested');
    const config = parseConfig({});
    const given = { publisher: bus, clock: bus.clock, log: new RecordingLog(), state: new MemoryStateStore(), config };
    const ports = given as unknown as Ports;
    const check = { ...event, id: 'b', type: 'HealthCheck', data: { service: 'web', good: 1, total: 1 } };
    const request = httpRequest({ method: 'POST', body: [check, event] });

    const answer = await respond('publish', handle, request, ports);

    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(JSON.parse(answer.body ?? '')).toMatchObject({
      title: expect.stringMatching(/^not published: the subscription 'deployment-requested' .* send them again with/),
      ...{ subscription: 'deployment-requested', ids: ['b', 'a'] },
    });
    expect(bus.events()).toEqual([]);
  });

  it("goes on with the caller's trace, unless the event has its own, and begins one where there is none", async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const own = '00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-01';

    await post([event, { ...event, id: 'b', traceparent: own }], { traceparent });
    await post({ ...event, id: 'c' }, { traceparent: 'nonsense' });

    const begun = expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(published.map((one) => one.traceparent)).toEqual([traceparent, own, begun]);
  });
});
