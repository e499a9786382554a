import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../shared/config.ts';
import { catalog } from '../../../shared/events/catalog.ts';
import { eventSchemas, type JsonSchema, jsonSchemaOf } from '../../../shared/events/schemas.ts';

const schemas = eventSchemas();

function* patternsIn(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'pattern' && typeof value === 'string') yield value;
    else yield* patternsIn(value);
  }
}

describe('eventSchemas', () => {
  it('has a schema for every event', () => {
    expect([...schemas.keys()]).toEqual([...catalog.keys()]);
  });

  it.each([...schemas])('describes %s, envelope and data', (type, schema) => {
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:platform-events:${type}:1`,
      title: type,
      description: expect.stringMatching(/.{10}/),
      properties: { type: { const: type }, specversion: { const: '1.0' }, data: { type: 'object' } },
      required: ['specversion', 'id', 'source', 'type', 'data'],
    });
  });

  it('lets a producer add fields, as parsing does', () => {
    expect(schemas.get('DeploymentRequested')).toMatchObject({
      additionalProperties: {},
      properties: { data: { additionalProperties: {} } },
    });
  });

  it('uses only patterns that other languages read the same way', () => {
    // No lookbehind, named groups, unicode classes or flags.
    for (const schema of [...schemas.values(), jsonSchemaOf(configSchema)]) {
      for (const pattern of patternsIn(schema)) expect(pattern).not.toMatch(/\\p\{|\(\?[<i]|\\u/);
    }
  });
});

it('describes the configuration as it is written, defaults included', () => {
  const schema: JsonSchema = jsonSchemaOf(configSchema);

  expect(schema).toMatchObject({
    additionalProperties: false,
    properties: {
      policies: { properties: { deployment: { properties: { deadline: { type: 'string', default: '10m' } } } } },
    },
  });
  expect(schema).not.toHaveProperty('required');
});
