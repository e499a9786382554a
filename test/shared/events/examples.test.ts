/** Every event has an example that is a valid event. */
import { expect, it } from 'vitest';
import { catalog } from '../../../shared/events/catalog.ts';
import { exampleEvent, exampleOf } from '../../../shared/events/examples.ts';
import { parseEvent } from '../../../shared/events/parse.ts';

it.each([...catalog.keys()])('%s has an example that is read without an issue', (type) => {
  const example = exampleEvent(type);

  const { event } = parseEvent({ body: JSON.stringify(example), receivedAt: Date.parse('2026-03-01T12:00:01Z') });

  expect(event).toMatchObject({ type, data: example.data });
});

it('names a field that has no example and needs one', () => {
  const schema = {
    type: 'object',
    required: ['code'],
    properties: { code: { type: 'string', pattern: '^[A-Z]{3}$' } },
  };

  expect(() => exampleOf(schema, 'Renamed.data')).toThrow(
    'Renamed.data.code needs an example: .meta({ examples: […] })',
  );
});

it('takes the required fields alone, by their examples, values and bounds', () => {
  const schema = {
    type: 'object',
    required: ['name', 'level', 'count', 'text', 'isOn', 'parts'],
    properties: {
      name: { type: 'string', pattern: '^w', examples: ['web'] },
      level: { enum: ['page', 'ticket'] },
      count: { type: 'integer', minimum: 5 },
      text: { type: 'string', minLength: 1 },
      isOn: { type: 'boolean' },
      parts: { type: 'array' },
      other: { type: 'string', pattern: '^x' },
    },
  };

  expect(exampleOf(schema, 'it')).toEqual({
    name: 'web',
    level: 'page',
    count: 5,
    text: 'text',
    isOn: true,
    parts: [],
  });
});
