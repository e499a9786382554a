import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  derivedId,
  type EventIdentity,
  eventKey,
  eventReference,
  isDerived,
  parseReference,
} from '../../../shared/events/identity.ts';

/** Few characters, so that the ends of sources and the beginnings of ids meet. */
const source = fc.string({ unit: fc.constantFrom('a', '/', ':', '1', '#'), minLength: 1, maxLength: 6 });
const id = fc.string({ unit: fc.constantFrom('a', '/', ':', '1', ' ', 'é', '😀'), minLength: 1, maxLength: 6 });
const identity: fc.Arbitrary<EventIdentity> = fc.record({ source, id });

describe('the key of an event', () => {
  it('is the same for the same source and id alone', () => {
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        return (eventKey(a) === eventKey(b)) === (a.source === b.source && a.id === b.id);
      }),
    );
  });

  it('is a UUID of version 8, however long the source and the id are', () => {
    const long = eventKey({ source: '/'.repeat(1024), id: '日'.repeat(256) });

    expect(long).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('is the one that it has always had', () => {
    // A build that makes others knows nothing of what an earlier build has handled.
    expect(eventKey({ source: '/ci/shop', id: '42' })).toBe('a3619cfc-5be1-89c2-8b04-5b8b898324e7');
  });
});

describe('the reference to an event', () => {
  it('names one event alone, and is read back', () => {
    fc.assert(
      fc.property(identity, ({ source, id }) => {
        expect(parseReference(eventReference({ source, id }))).toEqual({ source, id });
      }),
    );
  });

  it.each(['', 'alone', ' id', '/source '])('is not %j', (text) => {
    expect(parseReference(text)).toBeUndefined();
  });
});

describe('a derived id', () => {
  const derivation = { parent: eventKey({ source: '/ci', id: '42' }), type: 'DeploymentStarted', handler: 'h' };

  it('is believed of the handler that makes it alone', () => {
    const event = { source: '/handlers/h', id: derivedId(derivation) };

    expect(isDerived(event, derivation)).toBe(true);
    expect(isDerived({ ...event, source: '/handlers/other' }, derivation)).toBe(false);
    expect(isDerived({ ...event, id: derivedId({ ...derivation, key: '' }) }, derivation)).toBe(false);
    expect(isDerived(event, { ...derivation, parent: eventKey({ source: '/ci', id: '43' }) })).toBe(false);
  });
});
