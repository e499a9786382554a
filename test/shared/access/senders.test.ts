/** Who sent an event: what is stored of it, until when, and what it is bound to. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KEY_HOLDER } from '../../../shared/access/rights.ts';
import { forgetOldSenders, recordSenders, senderOf } from '../../../shared/access/senders.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../../shared/config.ts';
import { eventMessage } from '../../../shared/delivery/bus-message.ts';
import { DAY_MS } from '../../../shared/duration.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import type { Caller } from '../../../shared/ports/access.ts';
import { REDELIVERABLE_MS } from '../../../shared/topology.ts';
import { FixedClock } from '../../support/ports.ts';

const ADA: Caller = {
  ...{ name: 'people:ada', aliases: ['people:ada', 'ada'] },
  grants: [
    { rights: ['publish', 'override'], types: ['*'], clusters: ['*'], namespaces: ['*'], services: ['web'] },
    { rights: ['replay'], types: [], clusters: ['*'], namespaces: ['*'], services: ['*'] },
  ],
};
const headers = new Headers({ 'x-forwarded-for': '203.0.113.9' });

let clock: FixedClock;
let state: MemoryStateStore;
beforeEach(() => {
  clock = new FixedClock();
  state = new MemoryStateStore();
});

const needs = () => ({
  state,
  clock,
  config: parseConfig({ unlisted: 'refuse', clusters: {}, policies: { deployment: { registries: ['ghcr.io/shop'] } } }),
});
const record = (events: readonly PlatformEvent[], caller = ADA) => recordSenders(events, { caller, headers }, needs());

function eventIn(json: string, type = 'DeploymentRequested', id = 'a'): PlatformEvent {
  const body = `{"specversion":"1.0","type":"${type}","source":"/ci","id":"${id}","data":${json}}`;
  return parseEvent({ body, receivedAt: clock.now() }).event;
}
const DATA = '{"namespace":"shop","deployment":"web","image":"ghcr.io/shop/web:1"}';

it('is who published it, with the rights there, and from where', async () => {
  expect(await record([eventIn(DATA)])).toEqual([]);

  expect(await senderOf(eventIn(DATA), needs())).toMatchObject({
    ...{ who: 'people:ada', from: '203.0.113.9', rights: ['publish', 'override', 'replay'] },
  });
});

it('has no right that its caller has elsewhere', async () => {
  const bank = eventIn(DATA.replace('"web"', '"bank"'));
  await record([bank]);

  expect((await senderOf(bank, needs())).rights).toEqual(['replay']);
});

it('with a function key is whoever has one, with every right', async () => {
  await record([eventIn(DATA)], KEY_HOLDER);

  expect(await senderOf(eventIn(DATA), needs())).toMatchObject({
    ...{ who: 'function-key', aliases: [], rights: expect.arrayContaining(['override', 'rollback']) },
  });
});

describe('the record of an event', () => {
  it.each([
    ['plain data', DATA],
    ['fields in another order', '{"image":"ghcr.io/shop/web:1","deployment":"web","namespace":"shop"}'],
    ['numbers that JavaScript cannot hold', DATA.replace('}', ',"build":4603086877212508601,"x":1e400,"y":1.0}')],
    ['names that objects sort or hide', DATA.replace('}', ',"9":1,"10":2,"__proto__":{"a":1},"constructor":"x"}')],
    [
      'times and text of all scripts',
      DATA.replace('}', ',"at":"2026-01-01T00:00:00+02:00","t":"Übergröße \u{1F600}"}'),
    ],
    ['nothing and lists', DATA.replace('}', ',"n":null,"l":[1,[2,{"b":1,"a":2}],null]}')],
  ])('is found by the handler, as the event comes off the bus: %s', async (_, json) => {
    const event = eventIn(json);
    await record([event]);

    const { body } = eventMessage(event);
    const text = Buffer.from(body).toString();
    const parsed = [text, JSON.parse(text)].map((one) => parseEvent({ body: one, receivedAt: clock.now() }).event);

    // As bytes or text; and as the Functions library parses it, where that changes no number.
    expect((await senderOf(parsed[0] ?? event, needs())).who).toBe('people:ada');
    if (!/\d{16}/.test(text)) expect((await senderOf(parsed[1] ?? event, needs())).who).toBe('people:ada');
  });

  it.each([
    ['another image', DATA.replace(':1"', ':2"')],
    ['one field more', DATA.replace('}', ',"override":{"reason":"x","approvedBy":"ada"}}')],
    ['a text for a number', DATA.replace('}', ',"n":"1"}')],
    ['a field within a list', DATA.replace('}', ',"fields":[["namespace","shop"]]}')],
  ])('gives nothing to another event under its id: %s', async (_, json) => {
    await record([eventIn(DATA)]);

    expect(await senderOf(eventIn(json), needs())).toMatchObject({
      ...{ who: 'somebody with the id of an event of people:ada', rights: [], aliases: [] },
    });
    expect(await record([eventIn(json)], KEY_HOLDER)).toEqual([0]);
    expect((await senderOf(eventIn(DATA), needs())).who).toBe('people:ada');
  });

  it('gives nothing to an event of another type with the same data', async () => {
    const data = '{"namespace":"shop","resource":"pods","used":"1","hard":"1","team":"shop","environment":"staging"}';
    await record([eventIn(data, 'NamespaceCreated')]);

    expect((await senderOf(eventIn(data, 'ResourceQuotaExceeded'), needs())).rights).toEqual([]);
  });

  it('is one when the event is sent again, and the first who sent it stays', async () => {
    await record([eventIn(DATA)]);

    expect(await record([eventIn(DATA)], KEY_HOLDER)).toEqual([]);
    expect((await senderOf(eventIn(DATA), needs())).who).toBe('people:ada');
  });

  it('is not made for health checks', async () => {
    await record([eventIn('{"service":"web","good":1,"total":1}', 'HealthCheck')]);

    expect(await rows()).toBe(0);
  });

  it('is made for each of as many as a request can hold, and names those that are others', async () => {
    const many = Array.from({ length: 500 }, (_, n) => eventIn(DATA, 'DeploymentRequested', `e${n}`));
    await record([many[60] ?? eventIn(DATA)]);
    const changed = eventIn(DATA.replace(':1"', ':2"'), 'DeploymentRequested', 'e70');

    expect(await record(many)).toEqual([]);
    expect(await record([...many.slice(0, 70), changed, ...many.slice(71)])).toEqual([70]);
    expect(await rows()).toBe(1_000);
  });

  it('is forgotten when the event cannot come again, and not before', async () => {
    for (const id of ['a', 'b', 'c']) {
      await record([eventIn(DATA, 'DeploymentRequested', id)]);
      clock.advance(DAY_MS);
    }
    clock.advance(REDELIVERABLE_MS - 3 * DAY_MS - 1);
    expect(await forgetOldSenders(state, clock.now())).toBe(true);
    expect(await rows()).toBe(6);

    clock.advance(1);
    expect(await senderOf(eventIn(DATA), needs())).toMatchObject({ who: 'topic deployment-requested', rights: [] });
    expect(await forgetOldSenders(state, clock.now())).toBe(true);
    expect(await rows()).toBe(4);
    clock.advance(10 * DAY_MS);
    expect(await forgetOldSenders(state, clock.now(), 1)).toBe(false);
    expect(await forgetOldSenders(state, clock.now(), 2)).toBe(true);
    expect(await rows()).toBe(0);
  });

  it('makes room for another event once it is over', async () => {
    await record([eventIn(DATA)]);
    clock.advance(REDELIVERABLE_MS);
    const other = eventIn(DATA.replace(':1"', ':2"'));

    expect(await record([other])).toEqual([]);
    expect((await senderOf(other, needs())).who).toBe('people:ada');
    expect(await rows()).toBe(2);
  });
});

async function rows(): Promise<number> {
  let count = 0;
  for await (const _ of state.query('senders')) count++;
  return count;
}
