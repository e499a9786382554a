/**
 * Kubernetes quantities (`500m`, `1.5Gi`, `2e3`), exact. As in Kubernetes the finest part is a billionth: what is finer
 * is rounded away from zero, and what is larger than 2^63 - 1 is cut to that.
 *
 * @see https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity
 */
import { formatIssue, PermanentError } from './errors.ts';

/** How a quantity is written: powers of 1000, powers of 1024, or an exponent. */
type QuantityFormat = 'decimal' | 'binary' | 'exponent';

interface Quantity {
  /** Billionths. */
  readonly nanos: bigint;
  /** The notation that it came in, and keeps. */
  readonly format: QuantityFormat;
}

const NANO = 1_000_000_000n;
const LARGEST = (2n ** 63n - 1n) * NANO;

const DECIMAL_SUFFIXES = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 } as const;
const BINARY_SUFFIXES = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n } as const;

const PATTERN = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:([numkMGTPE]?)|([KMGTPE]i)|[eE]([+-]?[0-9]+))$/;

/**
 * Reads a quantity.
 *
 * @param path where it stands, for the message
 * @throws PermanentError when it is none
 */
export function parseQuantity(text: string, path = ''): Quantity {
  const match = PATTERN.exec(text);
  const [, sign, whole = '', fraction = '', suffix, binary, exponent] = match ?? [];
  if (!match || whole + fraction === '') {
    throw new PermanentError(
      formatIssue({ path, value: text, expected: 'a Kubernetes quantity, such as 500m or 1.5Gi' }),
    );
  }
  // The pattern admits just the keys of the two tables.
  const shift = binary ? BINARY_SUFFIXES[binary as keyof typeof BINARY_SUFFIXES] : 0n;
  const power = exponent ?? String(DECIMAL_SUFFIXES[(suffix ?? '') as keyof typeof DECIMAL_SUFFIXES]);
  const magnitude = scaled(BigInt(whole + fraction) << shift, Number(power) - fraction.length + 9);
  return {
    nanos: sign === '-' ? -magnitude : magnitude,
    format: binary ? 'binary' : exponent === undefined ? 'decimal' : 'exponent',
  };
}

/** digits x 10^power, rounded up, at most LARGEST. Powers beyond any use are not computed: they would fill the memory. */
function scaled(digits: bigint, power: number): bigint {
  if (digits === 0n) return 0n;
  if (power > 40) return LARGEST;
  if (power < -100) return 1n;
  const value = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
  return value > LARGEST ? LARGEST : value;
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

/** Negative when a is less than b, 0 when they are equal, whatever their notation. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

/**
 * A quantity times a factor of 0 or more, rounded up to a whole multiple of `unit`.
 *
 * @param factor taken as the decimal number that it is written as: 1.1 is eleven tenths
 */
export function multiplyQuantity({ nanos, format }: Quantity, factor: number, unit: Quantity): Quantity {
  const by = decimal(factor);
  const product = divideUp(nanos * by.digits, by.tenths * unit.nanos) * unit.nanos;
  return { nanos: product > LARGEST ? LARGEST : product, format };
}

/** A number as an exact fraction of a power of ten: 1.5 is 15 / 10. */
function decimal(value: number): { digits: bigint; tenths: bigint } {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^([0-9]+)(?:\.([0-9]+))?(?:e([+-][0-9]+))?$/.exec(String(value)) ?? [];
  if (whole === '') throw new RangeError(`expected a factor of 0 or more, got ${value}`);
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  return power >= 0 ? { digits: digits * 10n ** BigInt(power), tenths: 1n } : { digits, tenths: 10n ** BigInt(-power) };
}

/**
 * Canonical text, as Kubernetes writes it: the largest suffix that leaves a whole number. A binary quantity below 1024 or
 * with a fractional part is written in decimal notation.
 */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const magnitude = nanos < 0n ? -nanos : nanos;
  if (format === 'binary' && magnitude % NANO === 0n && magnitude >= 1024n * NANO) {
    return sign + binaryText(magnitude / NANO);
  }
  let digits = magnitude;
  let power = -9;
  for (; digits % 1000n === 0n && power < 18; power += 3) digits /= 1000n;
  if (format === 'exponent') return `${sign}${digits}${power === 0 ? '' : `e${power}`}`;
  const suffix = Object.entries(DECIMAL_SUFFIXES).find(([, at]) => at === power)?.[0] ?? '';
  return `${sign}${digits}${suffix}`;
}

function binaryText(value: bigint): string {
  const [suffix, shift] =
    Object.entries(BINARY_SUFFIXES).findLast(([, shift]) => value % (1n << shift) === 0n) ?? (['', 0n] as const);
  return `${value >> shift}${suffix}`;
}

/** The smaller of two quantities, as it was written. */
export function smallerQuantity(a: string, b: string): string {
  return isLargerQuantity(a, b) ? b : a;
}

/** The larger of two quantities, as it was written. */
export function largerQuantity(a: string, b: string): string {
  return isLargerQuantity(b, a) ? b : a;
}

export function isLargerQuantity(a: string, b: string): boolean {
  return compareQuantities(parseQuantity(a), parseQuantity(b)) > 0;
}
