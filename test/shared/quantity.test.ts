import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PermanentError } from '../../shared/errors.ts';
import { quantity as quantityField } from '../../shared/events/fields.ts';
import { compareQuantities, formatQuantity, multiplyQuantity, parseQuantity } from '../../shared/quantity.ts';

const compare = (a: string, b: string): number => compareQuantities(parseQuantity(a), parseQuantity(b));
const canonical = (text: string): string => formatQuantity(parseQuantity(text));

describe('a quantity', () => {
  it.each([
    ['500m', '0.5'],
    ['1.5Gi', '1536Mi'],
    ['2e3', '2k'],
    ['2E3', '2000'],
    ['1E', '1e18'],
    ['1Ki', '1024'],
    ['1k', '1000'],
    ['-1.5', '-1500m'],
    ['+1', '1'],
    ['1.', '1'],
    ['.5', '500m'],
    ['100n', '0.1u'],
    ['1e-3', '1m'],
    ['0', '-0'],
    ['1000000u', '1'],
    ['0.1Ki', '102400m'],
  ])('%s equals %s', (a, b) => {
    expect(compare(a, b)).toBe(0);
  });

  it.each([
    ['1k', '1Ki'],
    ['999m', '1'],
    ['-1Gi', '1n'],
    ['1M', '1Mi'],
    ['1e3', '1025'],
    ['9007199254740992', '9007199254740993'],
    ['0.999999999', '1'],
  ])('%s is less than %s', (a, b) => {
    expect(compare(a, b)).toBe(-1);
    expect(compare(b, a)).toBe(1);
  });

  // The table of apimachinery's resource documentation and tests.
  it.each([
    ['1.5', '1500m'],
    ['1.5Gi', '1536Mi'],
    ['1Gi', '1Gi'],
    ['1024Mi', '1Gi'],
    ['1000', '1k'],
    ['1024', '1024'],
    ['0.5Ki', '512'],
    ['512Ki', '512Ki'],
    ['1500Ki', '1500Ki'],
    ['1.1Ki', '1126400m'],
    ['2e3', '2e3'],
    ['12e2', '1200'],
    ['1e-3', '1e-3'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['0', '0'],
    ['0Gi', '0'],
    ['-1024Ki', '-1Mi'],
    ['1E', '1E'],
    ['1000P', '1E'],
  ])('%s is written %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it('rounds what is finer than a billionth away from zero', () => {
    expect(canonical('0.1n')).toBe('1n');
    expect(canonical('-0.1n')).toBe('-1n');
    expect(canonical('1e-99999999')).toBe('1e-9');
  });

  it('is cut to the largest that Kubernetes knows, at once', () => {
    expect(canonical('9e99999999')).toBe('9223372036854775807');
    expect(canonical('100E')).toBe('9223372036854775807');
    expect(compare('16Ei', '8Ei')).toBe(0);
  });

  it.each(['', '.', '-', 'abc', '1.5.2', '1 Gi', '1gi', '1KI', '1e', '1e1.5', '0x10', '1K', 'Gi', '１', '1mm', '--1'])(
    'is not %j, and the error says where',
    (text) => {
      expect(() => parseQuantity(text, 'data.used')).toThrow(PermanentError);
      expect(() => parseQuantity(text, 'data.used')).toThrow(`data.used: expected a Kubernetes quantity`);
      expect(() => parseQuantity(text, 'data.used')).toThrow(JSON.stringify(text));
    },
  );
});

const text = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.bigInt({ min: 0n, max: 10n ** 6n }),
    fc.option(fc.stringMatching(/^[0-9]{0,4}$/), { nil: undefined }),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e2', 'E-1', 'e+3'),
  )
  .map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === undefined ? '' : `.${fraction}`}${suffix}`);

const SCALE = 10n ** 20n;
const FACTORS: Readonly<Record<string, [bigint, bigint]>> = {
  '': [1n, 1n],
  n: [1n, 10n ** 9n],
  u: [1n, 10n ** 6n],
  m: [1n, 1000n],
  k: [1000n, 1n],
  M: [10n ** 6n, 1n],
  Ki: [1024n, 1n],
  Mi: [1024n ** 2n, 1n],
  Gi: [1024n ** 3n, 1n],
  e2: [100n, 1n],
  'E-1': [1n, 10n],
  'e+3': [1000n, 1n],
};

/** An independent reading: the value times SCALE, exact. */
function exact(value: string): bigint {
  const [, sign, whole = '0', fraction = '', suffix = ''] = /^([+-]?)([0-9]*)\.?([0-9]*)(.*)$/.exec(value) ?? [];
  const [times, by] = FACTORS[suffix] ?? [0n, 1n];
  const magnitude = (BigInt(whole + fraction) * times * SCALE) / by / 10n ** BigInt(fraction.length);
  return sign === '-' ? -magnitude : magnitude;
}

/** Rounded away from zero to a billionth. */
function nanos(value: string): bigint {
  const unit = SCALE / 10n ** 9n;
  const found = exact(value);
  return found < 0n ? -((-found + unit - 1n) / unit) : (found + unit - 1n) / unit;
}

describe('quantities, for any text of the grammar', () => {
  it('have their exact value', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(parseQuantity(value).nanos).toBe(nanos(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are what the events accept', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(quantityField.safeParse(value).success).toBe(true);
      }),
    );
  });

  it('keep their value and notation when written, and are written the same ever after', () => {
    fc.assert(
      fc.property(text, (value) => {
        const written = canonical(value);
        expect(compare(written, value)).toBe(0);
        // A binary one that is no multiple of 1024 is written without a suffix, as Kubernetes does, and is then decimal.
        const again = canonical(written);
        if (!/i$/.test(value)) expect(again).toBe(written);
        expect(compare(again, written)).toBe(0);
        expect(canonical(again)).toBe(again);
      }),
      { numRuns: 2_000, examples: [['551062.5Ki']] },
    );
  });

  it('times a factor are the least whole multiple of the unit that is not below the product', () => {
    const positive = text.filter((value) => exact(value) > 0n);
    const factor = fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.constantFrom(1, 10, 100, 1000));
    const unit = fc.constantFrom('1', '1m', '1Mi');
    fc.assert(
      fc.property(positive, factor, unit, (value, [over, under], unitText) => {
        const step = parseQuantity(unitText).nanos;
        const product = multiplyQuantity(parseQuantity(value), over / under, parseQuantity(unitText));
        const wanted = parseQuantity(value).nanos * BigInt(over);
        expect(product.nanos % step).toBe(0n);
        expect(product.nanos * BigInt(under)).toBeGreaterThanOrEqual(wanted);
        expect((product.nanos - step) * BigInt(under)).toBeLessThan(wanted);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuse a factor that is no number', () => {
    const one = parseQuantity('1');
    for (const factor of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => multiplyQuantity(one, factor, one)).toThrow(RangeError);
    }
  });
});
