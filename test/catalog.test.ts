import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { registeredHandlers } from '../shared/delivery/registered-handlers.ts';
import { catalog, families } from '../shared/events/catalog.ts';
import { subscriptionOf, topicOf } from '../shared/topology.ts';

const functions = join(import.meta.dirname, '..', 'functions');
const filesOf = (family: string) => readdirSync(join(functions, family)).filter((name) => name.endsWith('.ts'));

describe.each(Object.keys(families))('functions/%s', (family) => {
  const types = [...catalog].filter(([, entry]) => entry.family === family).map(([type]) => type);
  const fileOf = (type: string) => `${subscriptionOf(type).replace(`${family}-`, '')}.ts`;

  it('has one file for each event, and no other', () => {
    expect(filesOf(family).sort()).toEqual(types.map(fileOf).sort());
  });

  it.each(types)('handles %s in its file, and nothing else', async (type) => {
    const before = new Set(registeredHandlers().keys());

    const module: unknown = await import(join(functions, family, fileOf(type)));

    expect([...registeredHandlers().keys()].filter((known) => !before.has(known))).toEqual([type]);
    expect(registeredHandlers().get(type)).toMatchObject({
      subscription: subscriptionOf(type),
      topic: topicOf(type),
    });
    // What the handler's tests call is what the function runs.
    expect({ ...Object(module) }).toEqual({ handle: registeredHandlers().get(type)?.handle });
  });
});
