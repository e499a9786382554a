/** The messages that events, redeliveries and dead letters become. */
import { describe, expect, it } from 'vitest';
import { wholeBody } from '../../../shared/delivery/body-bytes.ts';
import {
  deadLetterEntry,
  deadLetterMessage,
  eventMessage,
  redeliveryMessage,
} from '../../../shared/delivery/bus-message.ts';
import { EventTooLargeError, PermanentError } from '../../../shared/errors.ts';
import { type CloudEvent, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import type { DeadLetter } from '../../../shared/ports/bus.ts';
import { truncate } from '../../../shared/shown-text.ts';

const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.2.3' };
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const event = newEvent(DeploymentRequested, { id: 'e-1', source: '/ci', data, traceparent });
const receivedAt = Date.parse('2026-03-01T12:00:00Z');

describe('the message of an event', () => {
  it('goes to the topic of its type, with the envelope on the message', () => {
    const message = eventMessage(event);

    expect(message).toMatchObject({
      entity: 'deployment-requested',
      messageId: eventKey(event),
      subject: 'DeploymentRequested',
      correlationId: eventKey(event),
      contentType: 'application/cloudevents+json',
      applicationProperties: { 'Diagnostic-Id': traceparent },
    });
    expect(JSON.parse(message.body.toString())).toEqual(event);
  });

  it('has an id of one length, of source and id together', () => {
    const others = [
      { ...event, id: 'x'.repeat(256) },
      { ...event, source: '/other' },
    ];

    const ids = [event, ...others].map((one) => eventMessage(one).messageId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[-0-9a-f]{36}$/);
    expect(eventMessage({ ...event }).messageId).toBe(ids[0]);
  });

  it('has another id when a run publishes it, the same every time for the same run', () => {
    const id = eventMessage(event, 'nonce').messageId;

    expect(id).toMatch(/^[-0-9a-f]{36}$/);
    expect(id).toBe(eventMessage(event, 'nonce').messageId);
    expect(new Set([id, eventMessage(event).messageId, eventMessage(event, 'other').messageId]).size).toBe(3);
  });

  it('refuses a type that no topic carries, and an event that is too large', () => {
    const unheard = { ...event, type: 'Unheard' } as unknown as CloudEvent;
    expect(() => eventMessage(unheard)).toThrow(new PermanentError("no topic carries events of type 'Unheard'"));
    expect(() => eventMessage({ ...event, subject: 'x'.repeat(300_000) })).toThrow(EventTooLargeError);
  });
});

describe('the message of a scheduled redelivery', () => {
  it('is addressed to one subscription and says in its body which redelivery it is', () => {
    const message = redeliveryMessage({
      event,
      at: 1_000,
      to: 'deployment-requested',
      redelivery: 3,
      unrecordedAttempts: 2,
      awaitedRunId: 'run-1',
      messageId: 'e-1:3',
    });

    expect(message).toMatchObject({
      entity: 'deployment-requested',
      subject: 'DeploymentRequested',
      to: 'only:deployment-requested',
      messageId: 'e-1:3',
      scheduledEnqueueTimeMs: 1_000,
    });
    expect(parseEvent({ body: message.body, receivedAt })).toEqual({
      event,
      redelivery: 3,
      unrecordedAttempts: 2,
      awaitedRunId: 'run-1',
    });
  });

  const plain = { event, at: 0, to: 'deployment-requested', redelivery: 0, messageId: 'm' };

  it.each([
    ['nothing of what there is none of', { unrecordedAttempts: 0, automaticReplays: 0 }, {}],
    ['which redelivery it is', { redelivery: 1 }, { redelivery: 1 }],
    ['how often it was tried without a record', { unrecordedAttempts: 1 }, { unrecordedattempts: 1 }],
    ['for whom it waits', { awaitedRunId: 'a' }, { awaitedrun: 'a' }],
    ['which run has ended', { endedRunId: 'b' }, { endedrun: 'b' }],
    ['which may have claimed it unheard', { unheardRunIds: ['c', 'd'] }, { unheardruns: 'c d' }],
    ['how often it was replayed by itself', { automaticReplays: 1 }, { automaticreplays: 1 }],
  ])('says in its body %s', (_, marks, said) => {
    expect(JSON.parse(redeliveryMessage({ ...plain, ...marks }).body.toString())).toEqual({ ...event, ...said });
  });

  it('of an event that this build cannot read has a chain, and no trace that is no text', () => {
    const unread = { ...event, correlationid: undefined, traceparent: 7 } as unknown as CloudEvent;

    const { correlationId, applicationProperties } = redeliveryMessage({ ...plain, event: unread });

    expect(correlationId).toBe(eventKey(event));
    expect(applicationProperties).toEqual({});
  });

  it('refuses a subscription that does not exist', () => {
    const redelivery = { event, at: 0, to: 'nobody', redelivery: 1, messageId: 'x' };

    expect(() => redeliveryMessage(redelivery)).toThrow("no handler has a subscription 'nobody'");
  });
});

describe('the message of a dead-lettered one', () => {
  const deadLetter: DeadLetter = {
    messageId: 'e-1:deployment-requested:0',
    body: event,
    type: event.type,
    correlationId: event.correlationid,
    traceparent,
    reason: 'Permanent',
    description: 'no',
    subscription: 'deployment-requested',
    attempts: 1,
    redelivery: 0,
  };

  it('says why where the broker says it of a dead letter', () => {
    const message = deadLetterMessage(deadLetter);

    expect(message).toMatchObject({ entity: 'errors', subject: 'DeploymentRequested', correlationId: eventKey(event) });
    expect(message.applicationProperties).toEqual({
      DeadLetterReason: 'Permanent',
      DeadLetterErrorDescription: 'no',
      Subscription: 'deployment-requested',
      Attempts: 1,
      Redelivery: 0,
      'Diagnostic-Id': traceparent,
    });
    expect(JSON.parse(message.body.toString())).toEqual(event);
  });

  it.each([
    ['an event', event, 'application/cloudevents+json'],
    ['text', 'nonsense', 'application/octet-stream'],
    ['bytes', Buffer.from('x'), 'application/octet-stream'],
  ])('says what kind of body it has: %s', (_, body, contentType) => {
    expect(deadLetterMessage({ ...deadLetter, body }).contentType).toBe(contentType);
  });

  it('says nothing of what is not known', () => {
    const unknown = { type: undefined, correlationId: undefined, traceparent: undefined };

    const message = deadLetterMessage({ ...deadLetter, ...unknown });

    expect(message.subject).toBe('');
    expect(message).not.toHaveProperty('correlationId');
    expect(message.applicationProperties).not.toHaveProperty('Diagnostic-Id');
  });

  it('keeps 256 bytes of the description beside a body that leaves no room', () => {
    const large = { ...deadLetter, body: 'x'.repeat(262_000), description: 'y'.repeat(10_000) };

    expect(deadLetterMessage(large).applicationProperties['DeadLetterErrorDescription']).toHaveLength(256);
  });

  it('keeps 4 KiB of the description', () => {
    const { applicationProperties } = deadLetterMessage({ ...deadLetter, description: 'ü'.repeat(10_000) });
    const description = String(applicationProperties['DeadLetterErrorDescription']);

    expect(Buffer.byteLength(description)).toBeGreaterThan(4_000);
    expect(Buffer.byteLength(description)).toBeLessThanOrEqual(4_096);
    expect(description).not.toContain('\uFFFD');
  });

  it('shortens the description further beside the largest event, so that both fit', () => {
    const { body, applicationProperties } = deadLetterMessage({
      ...deadLetter,
      body: 'x'.repeat(260_000),
      description: 'y'.repeat(10_000),
    });
    const bytes = Object.entries(applicationProperties).reduce((sum, [k, v]) => sum + k.length + String(v).length, 0);

    expect(body.length).toBe(260_000);
    expect(body.length + bytes + 300).toBeLessThanOrEqual(256 * 1024);
  });

  it.each(['reason', 'subscription', 'type', 'correlationId'] as const)('leaves room for a long %s as well', (name) => {
    const long = { body: 'x'.repeat(258_000), description: 'y'.repeat(10_000), [name]: 'z'.repeat(2_000) };

    const message = deadLetterMessage({ ...deadLetter, ...long });

    const { body, subject, correlationId = '', applicationProperties } = message;
    const texts = [subject, correlationId, ...Object.entries(applicationProperties).flat()].map(String).join('');
    expect(body.length + texts.length + 300).toBeLessThanOrEqual(256 * 1024);
  });

  it.each([
    ['text that is no JSON', 'nonsense', 'nonsense'],
    ['an empty body', '', ''],
    ['bytes', Buffer.from([0xff, 0xfe]), Buffer.from([0xff, 0xfe]).toString()],
    ['a number', 12, '12'],
    ['nothing', undefined, ''],
  ])('keeps %s as it came', (_, body, sent) => {
    expect(deadLetterMessage({ ...deadLetter, body }).body.toString()).toBe(sent);
  });
});

describe('an entry of the errors queue', () => {
  const entryOf = (parts: Partial<Parameters<typeof deadLetterEntry>[0]>) =>
    deadLetterEntry({
      ...{ sequenceNumber: '1', messageId: 'm', deadLetteredAt: 5, applicationProperties: {} },
      ...{ body: Buffer.from('{}'), contentType: undefined, subject: undefined, correlationId: undefined },
      ...{ place: 'queue', deadLetterSource: undefined },
      ...parts,
    });
  const said = {
    ...{ DeadLetterReason: 'Permanent', DeadLetterErrorDescription: 'no', Subscription: 'health-check' },
    ...{ Attempts: 2, Redelivery: 0 },
  };

  it('says what it is when this app has put it there', () => {
    const ours = { applicationProperties: said, subject: 'HealthCheck', correlationId: 'c' };

    expect(entryOf(ours)).toEqual({
      ...{ sequenceNumber: '1', messageId: 'm', deadLetteredAt: 5, body: '{}', gzipped: undefined, isCut: false },
      ...{ type: 'HealthCheck', correlationId: 'c', reason: 'Permanent', description: 'no' },
      ...{ subscription: 'health-check', attempts: 2, redelivery: 0, applicationProperties: said },
    });
  });

  it('says nothing that nobody said', () => {
    expect(entryOf({ subject: '' })).toMatchObject({
      ...{ type: undefined, correlationId: undefined, reason: '', description: '' },
      ...{ subscription: undefined, attempts: undefined, redelivery: undefined },
    });
  });

  it.each([
    ['Deployment-Requested/Subscriptions/Deployment-Requested', 'deployment-requested'],
    ['health-check/Subscriptions/deployment-requested', 'health-check/Subscriptions/deployment-requested'],
    ['health-check/Subscriptions/Somebody', 'health-check/Subscriptions/Somebody'],
    ['Errors', 'Errors'],
  ])('that the broker took from %s is not believed to be from elsewhere', (deadLetterSource, subscription) => {
    for (const place of ['queue', 'dead-letters'] as const) {
      expect(entryOf({ deadLetterSource, place, applicationProperties: said })).toMatchObject({
        ...{ subscription, attempts: undefined, redelivery: undefined, reason: 'Permanent' },
      });
    }
  });

  it('that lost its source is not believed to be from anywhere', () => {
    expect(entryOf({ place: 'dead-letters', applicationProperties: said })).toMatchObject({
      ...{ subscription: undefined, attempts: undefined, redelivery: undefined },
    });
  });

  it.each([-1, 1.5, 'many', Number.MAX_VALUE])('has no count of %s', (count) => {
    const { attempts, redelivery } = entryOf({ applicationProperties: { Attempts: count, Redelivery: count } });

    expect([attempts, redelivery]).toEqual([undefined, undefined]);
  });

  it('is whole unless it was cut, and text unless it is a gzip', () => {
    const body = Buffer.from('x');

    expect(entryOf({ applicationProperties: { BodyWasCutFrom: 9 } }).isCut).toBe(true);
    expect(entryOf({ body, contentType: 'application/gzip' })).toMatchObject({ body: '', gzipped: body });
  });

  it('keeps so much of what its sender wrote that a list stays small', () => {
    const long = 'x'.repeat(5_000);
    const properties = { ...said, DeadLetterReason: long, DeadLetterErrorDescription: long, Subscription: long };

    const entry = entryOf({ subject: long, correlationId: long, applicationProperties: properties });

    const { type, correlationId, reason, subscription, description } = entry;
    for (const text of [type, correlationId, reason, subscription]) expect(text).toHaveLength(256);
    expect(description).toHaveLength(4_096);
  });
});

it.each([
  ['sections of bytes', [Buffer.from('{"a"'), Buffer.from(':1}')], Buffer.from('{"a":1}')],
  ['an empty list', [], []],
  ['a list of other things', [Buffer.from('x'), 1], [Buffer.from('x'), 1]],
  ['text', 'x', 'x'],
  ['bytes', Buffer.from('x'), Buffer.from('x')],
])('the body of a message that came as %s is one piece', (_, body, whole) => {
  expect(wholeBody(body)).toEqual(whole);
});

it.each([
  ['short', 10, 'short'],
  ['exactly-10', 10, 'exactly-10'],
  ['eleven-long', 10, 'eleven-...'],
  ['ééééééé', 10, 'ééé...'],
  ['😀😀😀', 11, '😀😀...'],
])('cuts %j to %i bytes as %j', (text, bytes, expected) => {
  expect(truncate(text, bytes)).toBe(expected);
});
