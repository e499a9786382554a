/** The characters that events must not hold, on every way in. */
import { describe, expect, it } from 'vitest';
import { formatIssue, InvalidEventError, type Issue } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { parseEvent } from '../../../shared/events/parse.ts';
import { sampleData } from '../../support/events.ts';

const data = sampleData.DeploymentRequested;
const event = { specversion: '1.0', id: 'id-1', source: '/ci', type: 'DeploymentRequested', data };

function issuesOf(body: unknown, applicationProperties?: Record<string, unknown>): readonly Issue[] {
  try {
    parseEvent({ body, applicationProperties, receivedAt: 0 });
  } catch (error) {
    if (error instanceof InvalidEventError) return error.issues;
    throw error;
  }
  return [];
}

const FORBIDDEN: readonly [string, string, string][] = [
  ['NUL', '\0', String.raw`\u0000`],
  ['a carriage return', '\r', String.raw`\r`],
  ['a line feed', '\n', String.raw`\n`],
  ['DEL', '\x7f', String.raw`\u007f`],
  ['a C1 control', '\x9b', String.raw`\u009b`],
  ['half a surrogate pair', '\ud83d', String.raw`\ud83d`],
  ['the other half', '\ude00', String.raw`\ude00`],
  ['a noncharacter', '\ufdd0', String.raw`\ufdd0`],
  ['a noncharacter beyond the first plane', '\u{1ffff}', String.raw`\u{1ffff}`],
];

describe.each(FORBIDDEN)('%s', (_, char, shown) => {
  it.each(['id', 'type', 'subject', 'correlationid', 'causationid', 'traceparent', 'partitionkey'])(
    'is refused in the attribute %s, and shown escaped',
    (name) => {
      const [issue, ...others] = issuesOf({ ...event, [name]: `a${char}b` });

      expect(others).toEqual([]);
      expect(formatIssue(issue as Issue)).toBe(
        `${name}: expected text without control characters, noncharacters, halves of surrogate pairs and U+FFFD (bytes that were not UTF-8), got "a${shown}b"`,
      );
    },
  );

  it.each(['source', 'datacontenttype', 'time'])('is refused in the attribute %s', (name) => {
    expect(issuesOf({ ...event, [name]: `a${char}b` })).toMatchObject([{ path: name }]);
  });

  it('is refused in the name of an attribute, and inside one', () => {
    expect(issuesOf({ ...event, [`a${char}`]: 1 })).toMatchObject([{ value: `a${char}` }]);
    expect(issuesOf({ ...event, labels: { team: [char] } })).toMatchObject([{ path: 'labels.team.0', value: char }]);
  });

  it('is refused in binary mode', () => {
    const { data: body, ...attributes } = { ...event, subject: char };
    const properties = Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value]);

    expect(issuesOf(JSON.stringify(body), Object.fromEntries(properties))).toMatchObject([{ path: 'subject' }]);
  });

  it('is refused of a publisher of ours', () => {
    expect(() => newEvent(DeploymentRequested, { source: '/ci', id: char, data })).toThrow(InvalidEventError);
  });
});

describe('in data', () => {
  it.each([
    ['NUL', '\0'],
    ['half a surrogate pair', '\ud83d'],
  ])('%s is refused, in texts and in names', (_, char) => {
    const hostile = { ...data, notes: ['a', { b: char }], [`c${char}`]: 1 };

    const issues = issuesOf({ ...event, data: hostile });

    expect(issues).toMatchObject([
      {
        path: 'data.notes.1.b',
        value: char,
        expected: 'text without NUL, halves of surrogate pairs and U+FFFD (bytes that were not UTF-8)',
      },
      { path: `data.c${char}`, value: `c${char}` },
    ]);
    expect(
      issuesOf({ ...event, data_base64: Buffer.from(JSON.stringify(hostile)).toString('base64'), data: null }),
    ).toEqual(issues);
  });

  it('lines, tabs and whole characters of every plane are taken', () => {
    expect(issuesOf({ ...event, data: { ...data, notes: 'a\r\n\tb\u{1f600}\u202e' } })).toEqual([]);
  });

  it('names a few of a great many', () => {
    expect(issuesOf({ ...event, data: { ...data, notes: Array.from({ length: 1_000 }, () => '\0') } })).toHaveLength(
      20,
    );
  });
});

it('takes attributes of every script', () => {
  expect(issuesOf({ ...event, id: 'ñ 漢字 \u{1f600} אב', subject: 'a b' })).toEqual([]);
});

it('shows bidirectional controls escaped where they are wrong', () => {
  expect(formatIssue({ path: 'a\u202e', value: '\u2066', expected: 'x' })).toBe(
    String.raw`a\u202e: expected x, got "\u2066"`,
  );
});
