import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidEventError, UnknownEventError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { sampleData } from '../../support/events.ts';

const receivedAt = '2026-03-01T12:00:05.000Z';
const data = sampleData.DeploymentRequested;
const event = newEvent(DeploymentRequested, { source: '/ci', id: 'id-1', time: '2026-03-01T12:00:00Z', data });
const minimal = { specversion: '1.0', id: 'id-1', source: '/ci', type: 'DeploymentRequested', data };
const completed = {
  ...minimal,
  time: receivedAt,
  subject: 'default/shop/web',
  datacontenttype: 'application/json',
  dataversion: 1,
  correlationid: eventKey({ source: '/ci', id: 'id-1' }),
};

const parse = (body: unknown, applicationProperties?: Record<string, unknown>) =>
  parseEvent({ body, applicationProperties, receivedAt: Date.parse(receivedAt) });

function issuesOf(body: unknown, applicationProperties?: Record<string, unknown>) {
  try {
    parse(body, applicationProperties);
  } catch (error) {
    if (error instanceof InvalidEventError) return error.issues;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('structured mode', () => {
  it.each([
    ['text', JSON.stringify(event)],
    ['text with a byte order mark', `\uFEFF${JSON.stringify(event)}`],
    ['bytes', Buffer.from(JSON.stringify(event))],
    ['bytes with a byte order mark', Buffer.from(`\uFEFF${JSON.stringify(event)}`)],
    ['a value that was parsed already', event],
    ['an array of one, as Event Grid may deliver it', JSON.stringify([event])],
  ])('reads %s', (_, body) => {
    expect(parse(body)).toEqual({ event, redelivery: 0 });
  });

  it('completes what the sender may leave out', () => {
    expect(parse(minimal).event).toEqual(completed);
  });

  it('takes an attribute that is null for absent', () => {
    expect(parse({ ...minimal, time: null, subject: null, dataversion: null, causationid: null }).event).toEqual(
      completed,
    );
  });

  it('keeps attributes and data that this build does not know, at every depth', () => {
    const more = {
      ...event,
      partitionkey: 'p',
      sequence: 7,
      data: {
        ...data,
        labels: { a: [1, { b: null }] },
        override: { reason: 'r', approvedBy: 'me', ticket: { id: 1 } },
      },
    };

    expect(parse(JSON.stringify(more)).event).toEqual(more);
  });

  it('takes nothing from what is named __proto__', () => {
    const withProto = (value: object, proto: object) =>
      `{"__proto__":${JSON.stringify(proto)},${JSON.stringify(value).slice(1)}`;
    const body = withProto({ ...minimal, data: 'DATA' }, { dataversion: 9, subject: 'evil' });

    const found = parse(body.replace('"DATA"', withProto(data, { replicas: 'evil' }))).event as typeof event;

    expect(found).toEqual(completed);
    expect(found.subject).toBe(completed.subject);
    expect('replicas' in found.data).toBe(false);
  });

  it('reads data_base64', () => {
    const { data: _, ...rest } = minimal;
    const encoded = Buffer.from(JSON.stringify(data)).toString('base64');

    expect(parse({ ...rest, data_base64: encoded }).event).toEqual(completed);
    expect(parse({ ...rest, data: null, data_base64: encoded }).event).toEqual(completed);
  });

  it('accepts other JSON content types', () => {
    for (const type of [
      'application/json; charset=utf-8',
      'application/vnd.shop.release+json',
      'text/json',
      'Application/JSON',
    ]) {
      expect(parse({ ...minimal, datacontenttype: type }).event.datacontenttype).toBe('application/json');
    }
  });

  it.each([
    [3, 3],
    [0, 0],
    [-1, 0],
    [1.5, 0],
    ['3', 0],
    [1e300, 0],
    [null, 0],
  ])('reads the redelivery %j as %i and keeps it out of the event', (redelivery, expected) => {
    expect(parse({ ...minimal, redelivery })).toEqual({ event: completed, redelivery: expected });
  });
});

describe('binary mode', () => {
  const attributes = { specversion: '1.0', id: 'id-1', source: '/ci', type: 'DeploymentRequested', time: receivedAt };
  const withPrefix = (prefix: string) =>
    Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`${prefix}${name}`, value]));

  it.each(['cloudEvents:', 'cloudEvents_', 'CloudEvents:', 'cloudevents_'])('reads attributes called %s…', (prefix) => {
    expect(parse(JSON.stringify(data), withPrefix(prefix)).event).toEqual(completed);
    expect(parse(data, { ...withPrefix(prefix), unrelated: 1 }).event).toEqual(completed);
  });

  it('reads typed values, dates among them', () => {
    const properties = {
      ...withPrefix('cloudEvents:'),
      'cloudEvents:time': new Date(receivedAt),
      'cloudEvents:dataversion': 1,
      'cloudEvents:sequence': 7,
      'cloudEvents:expirytime': new Date(receivedAt),
    };

    expect(parse(data, properties).event).toEqual({
      ...completed,
      sequence: 7,
      expirytime: receivedAt,
    });
  });

  it('reads a time that travelled as an AMQP timestamp, of which an SDK makes milliseconds', () => {
    const properties = { ...withPrefix('cloudEvents:'), 'cloudEvents:time': Date.parse(receivedAt) };

    expect(parse(data, properties).event).toEqual(completed);
  });

  it('reads a version that travelled as text', () => {
    expect(parse(data, { ...withPrefix('cloudEvents:'), 'cloudEvents:dataversion': '1' }).event.dataversion).toBe(1);
  });

  it('prefers a whole event in the body', () => {
    expect(parse(event, { ...withPrefix('cloudEvents:'), 'cloudEvents:id': 'other' }).event.id).toBe('id-1');
  });

  it('names what is wrong with the data by its place in the event', () => {
    expect(issuesOf('', withPrefix('cloudEvents:'))).toEqual([{ path: 'data', value: '', expected: 'an object' }]);
    expect(issuesOf(data, { ...withPrefix('cloudEvents:'), 'cloudEvents:time': new Date(Number.NaN) })).toMatchObject([
      { path: 'time' },
    ]);
  });
});

describe('what is refused', () => {
  it.each([
    ['text that is not JSON', '{"specversion":', 'expected JSON, got "{\\"specversion\\":"'],
    ['bytes that are not UTF-8', Buffer.from([0xc3, 0x28]), 'expected UTF-8 text, got "(bytes)"'],
    ['an empty body', '', 'expected a CloudEvent as a JSON object, got "(an empty body)"'],
    ['no body', undefined, 'expected a CloudEvent as a JSON object, got nothing'],
    ['a number', '123', 'expected a CloudEvent as a JSON object, got 123'],
    ['several events', JSON.stringify([1, 2]), 'expected a CloudEvent as a JSON object, got [1,2]'],
    [
      'an object that is no CloudEvent',
      { hello: 'world' },
      "specversion: expected '1.0', got nothing; id: expected a string, got nothing; source: expected a string, got nothing; type: expected a string, got nothing",
    ],
    ['another specversion', { ...minimal, specversion: '0.3' }, 'specversion: expected \'1.0\', got "0.3"'],
    [
      'data of another content type',
      { ...minimal, datacontenttype: 'application/json-seq' },
      'datacontenttype: expected a JSON content type, got "application/json-seq"',
    ],
    ['no data', { ...minimal, data: undefined }, 'data: expected an object, got nothing'],
    [
      'a version that is none',
      { ...minimal, dataversion: 'two' },
      'dataversion: expected an integer from 1, got "two"',
    ],
    [
      'both kinds of data',
      { ...minimal, data_base64: 'e30=' },
      'data_base64: expected either data or data_base64, not both, got "e30="',
    ],
    [
      'Base64 that is none',
      { ...minimal, data: null, data_base64: 'e30*' },
      'data_base64: expected Base64 text, got "e30*"',
    ],
    ['Base64 of no JSON', { ...minimal, data: null, data_base64: 'AAAA' }, 'data_base64: expected JSON, got'],
    [
      'every wrong field at once',
      { ...minimal, data: { namespace: 'Shop_', image: 7, replicas: 1.5, commit: { sha: 'xyz' } } },
      'data.namespace: expected a DNS-1123 label: lower-case letters, digits and \'-\', at most 63 characters, got "Shop_"; ' +
        "data.deployment: expected a DNS-1123 subdomain: lower-case letters, digits, '-' and '.', at most 253 characters, got nothing; " +
        'data.image: expected an OCI image reference, such as registry.example.com/team/app:1.2.3, at most 512 characters, got 7; ' +
        'data.replicas: expected an integer, got 1.5; ' +
        'data.commit.sha: expected a Git commit id in hex, got "xyz"; ' +
        'data.commit.timestamp: expected an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z, got nothing',
    ],
    [
      'infinity, as JSON can spell it',
      JSON.stringify({ ...minimal, data: { ...data, replicas: 0 } }).replace('"replicas":0', '"replicas":1e999'),
      'data.replicas: expected an integer, got Infinity',
    ],
    [
      'a choice that is none',
      { ...minimal, type: 'NamespaceCreated', data: { ...sampleData.NamespaceCreated, environment: 'prod' } },
      "data.environment: expected 'production', 'staging' or 'development', got \"prod\"",
    ],
    [
      'more good checks than checks',
      { ...minimal, type: 'HealthCheck', data: { service: 'web', good: 2, total: 1 } },
      'data.good: expected at most data.total, got 2',
    ],
    [
      'a number out of bounds',
      { ...minimal, type: 'HealthCheck', data: { service: 'web', good: -1, total: 1 } },
      'data.good: expected at least 0, got -1',
    ],
  ])('%s', (_, body, message) => {
    expect(() => parse(body)).toThrow(InvalidEventError);
    expect(() => parse(body)).toThrow(`invalid event: ${message}`);
  });

  it('names one issue once, however many rules the value breaks', () => {
    expect(issuesOf({ ...minimal, data: { ...data, namespace: 'A'.repeat(70) } })).toHaveLength(1);
  });

  it('cuts a long value', () => {
    expect(() => parse({ ...minimal, data: { ...data, image: 'x'.repeat(5000) } })).toThrow(/got "x{116}\.\.\.$/);
  });

  it('carries id and type of what could be read', () => {
    try {
      parse({ ...minimal, data: {} });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        id: 'id-1',
        type: 'DeploymentRequested',
        isTransient: false,
        reason: 'InvalidEvent',
      });
    }
  });

  it('an unknown type is tried again, for this build may be the older one', () => {
    for (const type of ['DeploymentPaused', 'constructor', '__proto__']) {
      const read = () => parse({ ...minimal, type });
      expect(read).toThrow(UnknownEventError);
      expect(read).toThrow(`unknown event type '${type}'`);
    }
  });

  it('so is a version to come', () => {
    const read = () => parse({ ...minimal, dataversion: 2, data: { anything: true } });

    expect(read).toThrow(UnknownEventError);
    expect(read).toThrow('DeploymentRequested version 2 is newer than this build, which reads up to 1');
  });

  it('JSON so deep that it could not be written again', () => {
    const deep = (levels: number) =>
      JSON.stringify({ ...minimal, data: { ...data, deep: 0 } }).replace(
        '"deep":0',
        `"deep":${'['.repeat(levels)}${']'.repeat(levels)}`,
      );

    expect(parse(deep(50)).event.type).toBe('DeploymentRequested');
    expect(() => parse(deep(100_000))).toThrow(
      'invalid event: expected JSON of at most 64 levels, got "(deeper JSON)"',
    );
    expect(() => parse('['.repeat(130_000) + ']'.repeat(130_000))).toThrow(InvalidEventError);
    const hidden = {
      ...minimal,
      data: null,
      data_base64: Buffer.from(`${'['.repeat(9_999)}${']'.repeat(9_999)}`).toString('base64'),
    };
    expect(() => parse(hidden)).toThrow('data_base64: expected JSON of at most 64 levels');
  });
});

describe('hostile input', () => {
  it('takes no field from a prototype that came with the data', () => {
    const body = JSON.stringify(minimal).replace(
      '"data":{',
      '"__proto__":{"causationid":"x","redelivery":5},"data":{"__proto__":{"replicas":-1},"constructor":1,',
    );
    const parsed = parse(body);

    expect(parsed.redelivery).toBe(0);
    expect(parsed.event.causationid).toBeUndefined();
    expect(parsed.event.data).not.toHaveProperty('replicas');
    expect(Object.getPrototypeOf(parsed.event.data)).toBe(Object.prototype);
    expect(parsed.event.data).toMatchObject({ constructor: 1 });
    expect({}).not.toHaveProperty('replicas');
  });

  it('takes no attribute from a prototype in application properties', () => {
    const properties = JSON.parse(
      '{"cloudEvents:__proto__":{"specversion":"1.0","id":"a","source":"/","type":"HealthCheck"}}',
    );

    expect(() => parse(sampleData.HealthCheck, properties)).toThrow("specversion: expected '1.0', got nothing");
  });

  it('judges texts made to be slow to match without delay', () => {
    const started = performance.now();
    for (const image of [
      `${'a.'.repeat(250)}!`,
      `${'a_'.repeat(250)}!`,
      `${'a-'.repeat(250)}`,
      `${'a'.repeat(511)}!`,
      `${'a'.repeat(250_000)}!`,
    ]) {
      issuesOf({ ...minimal, data: { ...data, image, deployment: image, namespace: image } });
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('answers anything at all with an event or with one of its two errors', () => {
    const attribute = fc.constantFrom(
      'specversion',
      'id',
      'source',
      'type',
      'time',
      'data',
      'data_base64',
      'dataversion',
      'redelivery',
      'subject',
    );
    const almost = fc.dictionary(
      attribute,
      fc.oneof(fc.constantFrom<unknown>('1.0', 'DeploymentRequested', '/ci', receivedAt, data), fc.anything()),
    );
    const bodies = fc.oneof(
      fc.anything(),
      almost,
      fc.json(),
      fc.uint8Array(),
      almost.map((value) => ({ ...minimal, ...value })),
    );
    fc.assert(
      fc.property(
        bodies,
        fc.oneof(
          fc.constant(undefined),
          fc.dictionary(
            attribute.map((name) => `cloudEvents:${name}`),
            fc.anything(),
          ),
        ),
        (body, properties) => {
          try {
            const { event: read, redelivery } = parse(body, properties);
            expect(redelivery).toBeGreaterThanOrEqual(0);
            expect(read).toMatchObject({
              specversion: '1.0',
              id: expect.any(String),
              subject: expect.any(String),
              data: expect.any(Object),
            });
          } catch (error) {
            if (!(error instanceof InvalidEventError || error instanceof UnknownEventError)) throw error;
            expect(error.message).not.toMatch(/undefined|\[object/);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
