import { describe, expect, it } from 'vitest';
import { type FirstOnset, lookAt } from '../../../shared/blame/looks.ts';
import type { Onset, OnsetInterval } from '../../../shared/slo/onset.ts';

const MINUTE = 60_000;
const NONE = { bad: 0, total: 0 };

function onset(from: number, to: number, isSudden = false): Onset {
  const at = ((from + to) / 2) * MINUTE;
  const interval = { from: from * MINUTE, to: to * MINUTE };
  return { ...interval, at, isSudden, earliest: interval.from, latest: interval.to, before: NONE, after: NONE };
}

const suspect = { key: 'web/2', kind: 'release', target: 'c/shop/web', startedAt: 0, endedAt: MINUTE } as const;
const first: FirstOnset = { at: 20 * MINUTE, onset: { from: -MINUTE, to: 2 * MINUTE }, suspects: [suspect] };
const none = { because: 'no moment stands out at which it began' };

/** Finds one thing at the first look, and one after a known onset. */
function finding(all: Onset | undefined, further: Onset | undefined) {
  return (known?: OnsetInterval) => {
    const found = known ? further : all;
    return found ? { onset: found } : none;
  };
}

describe('a page that is looked at', () => {
  it('is judged by what is found the first time', () => {
    const found = onset(-1, 2);

    expect(lookAt(undefined, finding(found, undefined))).toEqual({ finding: { onset: found } });
    expect(lookAt(undefined, finding(undefined, undefined))).toEqual({ finding: none });
  });

  it('is judged among its first suspects when the same onset is found again', () => {
    const look = lookAt(first, finding(onset(-5, 5), undefined));

    expect(look).toMatchObject({ among: [suspect], finding: { onset: { from: -MINUTE, to: 2 * MINUTE } } });
    expect(look.judgedAt).toBeUndefined();
  });

  it('takes over what is seen more sharply than the first time', () => {
    const look = lookAt(first, finding(onset(0, 1), undefined));

    expect(look.finding.onset).toMatchObject({ from: 0, to: MINUTE });
  });

  it('is judged by a later jump alone, and by nothing that was changed before it was judged', () => {
    const jump = onset(50, 52, true);

    expect(lookAt(first, finding(onset(-1, 2), jump))).toEqual({ finding: { onset: jump }, judgedAt: first.at });
  });

  it('takes what rises on for the same burn', () => {
    const look = lookAt(first, finding(onset(-1, 2), onset(50, 60)));

    expect(look.among).toEqual([suspect]);
  });

  it.each([
    ['another onset is found', onset(10, 12), first],
    ['no onset is found', undefined, first],
    ['there were no suspects', onset(-1, 2), { ...first, suspects: [] }],
  ])('is not judged again when %s', (_, found, known) => {
    const look = lookAt(known, finding(found, undefined));

    expect(look).toEqual({ finding: { because: 'nothing is seen now that was not seen before' } });
  });
});
