import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countIds, oldestIn, remember, seen, without } from '../../../shared/slo/id-set.ts';

const id = fc.oneof(
  fc.uuid(),
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.constantFrom(',', '=', ',,', 'a,b', '__proto__'),
);

describe('recent ids', () => {
  it('are a list of ids, whatever the ids are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id), fc.uniqueArray(id), fc.nat(20), (ids, others, newest) => {
        const list = ids.reduce(remember, '');
        const left = ids.filter((it) => !others.includes(it));

        expect(oldestIn(list)).toEqual(ids);
        expect(oldestIn(list, newest)).toEqual(ids.slice(0, Math.max(0, ids.length - newest)));
        expect(countIds(list)).toBe(ids.length);
        for (const it of ids) expect(seen(list, it)).toBe(true);
        for (const it of others) expect(seen(list, it)).toBe(ids.includes(it));
        expect(oldestIn(without(list, new Set(others)))).toEqual(left);
      }),
    );
  });

  it('take 23 characters for a UUID', () => {
    const ids = ['0197d3d8-8f53-7000-8000-000000000001', '0197d3d8-8f53-7000-8000-000000000002'];

    expect(ids.reduce(remember, '').length).toBe(1 + 2 * 23);
  });
});
