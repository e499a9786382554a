import fc from 'fast-check';
import { v5 } from 'uuid';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod/mini';
import { EventTooLargeError, InvalidEventError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import {
  type CloudEvent,
  childEvent,
  type DataOf,
  defineEvent,
  type EventOf,
  encodeEvent,
  MAX_MESSAGE_BYTES,
  newEvent,
} from '../../../shared/events/cloud-event.ts';
import { DeploymentFailed, DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { sampleData } from '../../support/events.ts';

const UUID = (version: number) =>
  new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);
const data = sampleData.DeploymentRequested;
const requested = (id?: string) =>
  newEvent(DeploymentRequested, { source: '/ci', data, time: '2026-03-01T12:00:00Z', ...(id && { id }) });

describe('newEvent', () => {
  it('fills in what the publisher left out', () => {
    const event = newEvent(DeploymentRequested, { source: '/ci', data });

    expect(event).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(UUID(7)),
      source: '/ci',
      type: 'DeploymentRequested',
      subject: 'default/shop/web',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      datacontenttype: 'application/json',
      dataversion: 1,
      correlationid: eventKey(event),
      data,
    });
  });

  it('makes ids that sort by the time they were made', async () => {
    const first = requested().id;
    await expect.poll(() => Date.now()).toBeGreaterThan(Number.parseInt(first.replace('-', '').slice(0, 12), 16));

    expect(requested().id > first).toBe(true);
  });

  it('keeps fields that it does not know', () => {
    const more = {
      ...data,
      ticket: 'OPS-1',
      commit: { sha: 'abcdef0', timestamp: '2026-03-01T12:00:00Z', branch: 'main' },
    };

    expect(newEvent(DeploymentRequested, { source: '/ci', data: more }).data).toEqual(more);
  });

  it.each([
    ['data', { data: { ...data, image: 'Not An Image' } }, 'data.image: expected an OCI image reference'],
    ['a source', { source: 'my service' }, 'source: expected a URI reference, got "my service"'],
    ['an id', { id: '' }, 'id: expected at least 1 character, got ""'],
    ['a time', { time: 'yesterday' }, 'time: expected an RFC 3339 time with an offset, such as'],
  ])('refuses %s that does not fit', (_, wrong, message) => {
    const make = () => newEvent(DeploymentRequested, { source: '/ci', data, ...wrong });

    expect(make).toThrow(InvalidEventError);
    expect(make).toThrow(message);
  });

  it('accepts only data of the type, at compile time', () => {
    expectTypeOf<DataOf<typeof DeploymentFailed>['reason']>().toEqualTypeOf<
      | ('PolicyViolation' | 'Frozen' | 'Superseded' | 'NotFound' | 'DeadlineExceeded' | 'ClusterError')
      | ('SLOViolation' | 'RollbackRequested')
    >();
    expectTypeOf<EventOf<typeof DeploymentRequested>['type']>().toEqualTypeOf<'DeploymentRequested'>();
    expectTypeOf<EventOf<typeof DeploymentRequested>>().toExtend<PlatformEvent>();
    const incomplete = { namespace: 'shop', image: 'ghcr.io/shop/web:1' };
    // @ts-expect-error the deployment is missing
    expect(() => newEvent(DeploymentRequested, { source: '/ci', data: incomplete })).toThrow();
    // @ts-expect-error a misspelt field is no field
    expect(requested().data.imgae).toBeUndefined();
  });

  it('narrows the union of events by type', () => {
    const replicasOf = (event: PlatformEvent) =>
      event.type === 'DeploymentCompleted' ? event.data.replicas : undefined;

    expectTypeOf(replicasOf).returns.toEqualTypeOf<number | undefined>();
    expect(replicasOf(requested())).toBeUndefined();
  });
});

describe('childEvent', () => {
  const child = (parent: CloudEvent, options: { handler?: string; key?: string } = {}) =>
    childEvent(parent, DeploymentStarted, {
      handler: 'deployment-requested',
      time: '2026-03-01T12:00:01Z',
      data: sampleData.DeploymentStarted,
      ...options,
    });

  it('continues the chain of its parent', () => {
    const parent = { ...requested('parent'), correlationid: 'chain', traceparent: '00-abc-def-01' };

    expect(child(parent)).toMatchObject({
      type: 'DeploymentStarted',
      source: '/handlers/deployment-requested',
      subject: 'default/shop/web',
      time: '2026-03-01T12:00:01Z',
      correlationid: 'chain',
      causationid: '/ci parent',
      traceparent: '00-abc-def-01',
    });
  });

  it('has the id that it has always had', () => {
    // A build that derives other ids publishes again what an earlier build has published.
    expect(child(requested('018f0000-0000-7000-8000-000000000001')).id).toBe('6f31ba7f-4455-57d2-afde-954126823be3');
    expect(child(requested('018f0000-0000-7000-8000-000000000001'), { key: 'shop' }).id).toBe(
      '495e3b02-efd1-5e39-8fb8-e8c7ee12e1c2',
    );
  });

  it('has a UUID v5 that follows from parent, type, handler and key alone', () => {
    const parent = requested('a');
    const ids = [
      child(parent).id,
      child(requested('b')).id,
      child({ ...parent, source: '/elsewhere' }).id,
      child(parent, { handler: 'other' }).id,
      child(parent, { key: '1' }).id,
      childEvent(parent, DeploymentFailed, {
        handler: 'deployment-requested',
        time: parent.time,
        data: sampleData.DeploymentFailed,
      }).id,
    ];

    expect(child({ ...parent, time: '2027-01-01T00:00:00Z', subject: 'else' }).id).toBe(ids[0]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(UUID(5));
  });

  it('has an id as uuid derives it, whatever is in the name', () => {
    const namespace = '5d0f6c39-6f83-5a53-9b3e-0a5c1a1f6d0e';
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '"', 'é', '語', '😀', '\ud800', '\0') }), (key) => {
        const name = JSON.stringify([eventKey(requested('parent')), 'DeploymentStarted', 'deployment-requested', key]);
        return child(requested('parent'), { key }).id === v5(name, namespace);
      }),
    );
  });

  it('never gives two children one id, whatever their parents and keys are called', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', '"', ',', '\\'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.tuple(text, text), fc.tuple(text, text), ([id1, key1], [id2, key2]) => {
        const same = child(requested(id1), { key: key1 }).id === child(requested(id2), { key: key2 }).id;
        return same === (id1 === id2 && key1 === key2);
      }),
    );
  });
});

describe('defineEvent', () => {
  it('refuses a version that nothing leads up to', () => {
    const make = () =>
      defineEvent('Odd', () => z.looseObject({}), { subject: () => 'x', version: 3, upgrades: { 1: (old) => old } });

    expect(make).toThrow(new TypeError('Odd is at version 3 but has no upgrade from 2'));
  });
});

describe('encodeEvent', () => {
  const withNote = (length: number) =>
    newEvent(DeploymentRequested, {
      source: '/ci',
      id: 'big',
      data: { ...data, note: 'x'.repeat(length) } as typeof data,
    });

  it('writes what parseEvent reads', () => {
    const event = { ...requested('a'), team: 'ünïcode ✓' };

    expect(parseEvent({ body: encodeEvent(event), receivedAt: 0 })).toEqual({ event, redelivery: 0 });
  });

  it('refuses what Service Bus would refuse, and says how much it is', () => {
    const fitting = MAX_MESSAGE_BYTES - encodeEvent(withNote(0)).length - 800;

    expect(encodeEvent(withNote(fitting)).length).toBeLessThan(MAX_MESSAGE_BYTES);
    expect(() => encodeEvent(withNote(MAX_MESSAGE_BYTES))).toThrow(EventTooLargeError);
    expect(() => encodeEvent(withNote(MAX_MESSAGE_BYTES))).toThrow(
      /^DeploymentRequested big takes 26\d{4} bytes as sent; Service Bus takes at most 262144$/,
    );
    // Bytes count, not characters.
    expect(() => encodeEvent({ ...requested('a'), subject: '€'.repeat(100_000) })).toThrow(EventTooLargeError);
  });
});
