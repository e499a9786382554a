import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { formatIssue, InvalidEventError } from '../../../shared/errors.ts';
import { catalog } from '../../../shared/events/catalog.ts';
import { envelope, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { check, describeIssue, issuesOf } from '../../../shared/events/issues.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { sampleData } from '../../support/events.ts';

const schema = z.strictObject({
  text: z.string().check(z.minLength(1), z.maxLength(3)),
  number: z.number().check(z.gt(0), z.lt(10), z.multipleOf(2)),
  integer: z.int(),
  list: z.array(z.boolean()).check(z.minLength(1), z.maxLength(2)),
  choice: z.enum(['a', 'b', 'c']),
  either: z.union([z.int(), z.literal('auto')]),
  names: z.record(z.string().check(z.regex(/^k/, 'a name that starts with k')), z.number()),
  address: z.url(),
});

const good = {
  text: 'a',
  number: 2,
  integer: 1,
  list: [true],
  choice: 'a',
  either: 'auto',
  names: {},
  address: 'http://x',
};

describe('a name that differs in case alone', () => {
  const nested = z.looseObject({ list: z.array(z.looseObject({ commitSha: z.string(), size: z.optional(z.int()) })) });
  const linesOf = (checked: z.ZodMiniType, input: unknown): string[] | undefined => {
    const { error } = checked.safeParse(input, { error: describeIssue });
    return error && issuesOf(error, input).map(formatIssue);
  };

  it('is told, at any depth, as C# writes it by default', () => {
    const input = { list: [{ commitSha: 'a' }, { CommitSha: 'b', Size: 1 }] };

    expect(linesOf(nested, input)).toEqual([
      "list.1.commitSha: expected a string (there is 'CommitSha', which differs in case alone), got nothing",
    ]);
    expect(linesOf(nested, { List: [] })).toEqual([
      "list: expected an array (there is 'List', which differs in case alone), got nothing",
    ]);
  });

  it('is told of the fields of an event', () => {
    const data = { Service: 'web', good: 1, total: 1 };

    expect(() => newEvent(HealthCheck, { source: '/x', data: data as never })).toThrow(
      /^invalid event: data\.service: expected .* \(there is 'Service', which differs in case alone\), got nothing$/,
    );
  });

  it.each([
    [{ Container: 'app' }, 'data.Container: expected the name \'container\', which differs in case alone, got "app"'],
    [
      { commit: { sha: 'abcdef1', timestamp: '2026-01-01T00:00:00Z', SHA: 'b' } },
      'data.commit.SHA: expected the name \'sha\', which differs in case alone, got "b"',
    ],
    [
      {
        image: undefined,
        containers: [
          { name: 'a', image: 'a:1' },
          { name: 'b', image: 'b:1', Name: 1 },
        ],
      },
      "data.containers.1.Name: expected the name 'name', which differs in case alone, got 1",
    ],
    [{ Override: { reason: 'r' } }, /^invalid event: data\.Override: expected the name 'override', .*, got \{/],
  ])('is told of a field that need not be there, %j', (field, why) => {
    const data = { namespace: 'shop', deployment: 'web', image: 'web:1', ...field };

    expect(() => newEvent(DeploymentRequested, { source: '/x', data })).toThrow(
      typeof why === 'string' ? `invalid event: ${why}` : why,
    );
    const sent = { specversion: '1.0', id: '1', source: '/x', type: 'DeploymentRequested', data };
    expect(() => parseEvent({ body: JSON.stringify(sent), receivedAt: 0 })).toThrow(why);
  });

  it('is told of an attribute', () => {
    const sent = { specversion: '1.0', id: '1', source: '/x', type: 'HealthCheck', correlationId: 'c', data: {} };

    expect(() => parseEvent({ body: sent, receivedAt: 0 })).toThrow(
      'correlationId: expected the name \'correlationid\', which differs in case alone, got "c"',
    );
  });

  it('is no fault of a name that the schema does not have', () => {
    const data = { service: 'web', good: 1, total: 1, Build: { Service: 'x' } };

    expect(newEvent(HealthCheck, { source: '/x', data }).data).toEqual(data);
  });

  it.each([{ id: '1' }, { id: 7, source: '/x' }])('of an event is told to callers without types, %j', (fields) => {
    const data = { service: 'web', good: 1, total: 1 };

    expect(() => newEvent(HealthCheck, { data, ...fields } as never)).toThrow(
      /^invalid event: (id|source): expected a string, got (nothing|7)$/,
    );
  });

  it('is told of a value that is one of several', () => {
    expect(
      linesOf(z.object({ environment: z.enum(['production', 'staging']) }), { environment: 'Production' }),
    ).toEqual(["environment: expected 'production' or 'staging' (it differs in case alone), got \"Production\""]);
  });

  it('is nothing when the value itself is there', () => {
    expect(linesOf(schema, { ...good, text: 1, Text: 'a' })?.[0]).toBe('text: expected a string, got 1');
  });
});

describe('describeIssue', () => {
  it.each([
    ['text', '', 'text: expected at least 1 character, got ""'],
    ['text', 'abcd', 'text: expected at most 3 characters, got "abcd"'],
    ['text', undefined, 'text: expected a string, got nothing'],
    ['text', null, 'text: expected a string, got null'],
    ['number', 0, 'number: expected more than 0, got 0'],
    ['number', 10, 'number: expected less than 10, got 10'],
    ['number', 3, 'number: expected a multiple of 2, got 3'],
    ['number', Number.NaN, 'number: expected a finite number, got NaN'],
    ['integer', undefined, 'integer: expected an integer, got nothing'],
    ['integer', 1.5, 'integer: expected an integer, got 1.5'],
    ['list', [], 'list: expected at least 1 element, got []'],
    ['list', [true, 1], 'list.1: expected true or false, got 1'],
    ['list', {}, 'list: expected an array, got {}'],
    ['choice', 'd', "choice: expected 'a', 'b' or 'c', got \"d\""],
    ['either', true, "either: expected an integer or 'auto', got true"],
    ['names', { a: 1 }, 'names.a: expected a name that starts with k, got 1'],
    ['names', [], 'names: expected an object, got []'],
    ['address', 'x', 'address: expected an absolute URL, got "x"'],
    ['address', 10n, 'address: expected a string, got a value that JSON cannot hold'],
    ['surplus', 'x', 'surplus: expected no field of this name, got a string (not shown: it may hold a secret)'],
  ])('says what was expected of %s (%#)', (name, value, expected) => {
    const input = { ...good, [name]: value };
    const { error } = schema.safeParse(input, { error: describeIssue });

    expect(error && issuesOf(error, input).map(formatIssue)).toEqual([expected]);
  });
});

describe('check', () => {
  const envelopeSample = newEvent(HealthCheck, { source: '/x', data: sampleData.HealthCheck });
  const samples = Object.entries({ ...sampleData, envelope: envelopeSample }).map(([of, sample]) => {
    // Every event's data is an object.
    const schema = (catalog.get(of)?.definition.schema ?? envelope) as z.ZodMiniObject;
    return { of, sample, schema };
  });

  it.each(samples)('says of $of what its schema says', ({ schema, sample }) => {
    const odd = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(undefined, '', 'a', 0, -1, 1.5, 1e300, '2026-03-01T12:00:00Z', [], {}),
      fc.record({ sha: fc.constantFrom('abcdef0', 1), timestamp: fc.constant('2026-03-01T12:00:00Z'), more: fc.nat() }),
      fc.record({ reason: fc.string(), approvedBy: fc.string() }),
    );
    const name = fc.oneof(
      fc.constantFrom(...Object.keys(schema.shape)),
      fc.constantFrom('__proto__', 'constructor', 'more'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, odd), { maxLength: 2 }), (changes) => {
        const input = Object.fromEntries([...Object.entries(sample), ...changes]);
        const plain = schema.safeParse(input, { error: describeIssue });
        let checked: unknown;
        try {
          checked = JSON.stringify(check(schema, input, {}));
        } catch (error) {
          checked = error instanceof InvalidEventError ? error.issues : error;
        }
        expect(checked).toEqual(plain.success ? JSON.stringify(plain.data) : issuesOf(plain.error, input));
      }),
    );
  });
});

it('generates code for a schema that is checked again and again, which says the same', async () => {
  const often = z.strictObject({ text: z.string() });
  const messageOf = (): unknown => {
    try {
      return check(often, { text: 1 }, {});
    } catch (error) {
      return String(error);
    }
  };
  const { run } = often._zod;
  let isInterpreted = false;
  often._zod.run = (...given) => {
    isInterpreted = true;
    return run(...given);
  };
  const before = messageOf();

  await expect
    .poll(() => {
      isInterpreted = false;
      check(often, { text: 'a' }, {});
      return isInterpreted;
    })
    .toBe(false);

  expect(messageOf()).toBe(before);
});
