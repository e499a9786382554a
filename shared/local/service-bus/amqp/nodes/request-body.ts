/** Reads the body of a management request. A missing value, or one of the wrong type, gets an error that names it. */
import { AmqpError, type AmqpMap, type AmqpValue, Uuid } from '../codec/types.ts';

export class RequestBody {
  readonly #map: AmqpMap;

  /** @throws AmqpError when the body is not a map */
  constructor(body: AmqpValue) {
    if (!(body instanceof Map)) throw new AmqpError('com.microsoft:argument-error', 'the request body must be a map');
    this.#map = body;
  }

  get(name: string): AmqpValue {
    return this.#map.get(name);
  }

  text(name: string): string {
    const value = this.#map.get(name);
    if (typeof value !== 'string') throw missing(name, 'a string', value);
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.#map.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  number(name: string): number {
    const value = this.#map.get(name);
    if (typeof value !== 'number' && typeof value !== 'bigint') throw missing(name, 'a number', value);
    // Rounding only affects numbers beyond those that this broker assigns.
    return Number(value);
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#map.get(name);
    return typeof value === 'number' ? value : undefined;
  }

  /** An array or list of sequence numbers. */
  numbers(name: string): number[] {
    return this.list(name).map((item) => {
      if (typeof item !== 'number' && typeof item !== 'bigint') throw missing(name, 'sequence numbers', item);
      return Number(item);
    });
  }

  /** An array or list of lock tokens, as text. */
  tokens(name: string): string[] {
    return this.list(name).map((item) => {
      if (!(item instanceof Uuid)) throw missing(name, 'uuids', item);
      return item.toString();
    });
  }

  list(name: string): readonly AmqpValue[] {
    const value = this.#map.get(name);
    if (!Array.isArray(value)) throw missing(name, 'a list', value);
    return value;
  }

  map(name: string): AmqpMap | undefined {
    const value = this.#map.get(name);
    return value instanceof Map ? value : undefined;
  }

  bytes(name: string): Buffer | undefined {
    const value = this.#map.get(name);
    return Buffer.isBuffer(value) ? Buffer.from(value) : undefined;
  }
}

function missing(name: string, expected: string, value: AmqpValue): AmqpError {
  return new AmqpError(
    'com.microsoft:argument-error',
    `${name}: expected ${expected}, got ${value === undefined ? 'nothing' : String(value)}`,
  );
}
