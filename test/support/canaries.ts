/** Secrets that can be found again in whatever comes out, also when they come out encoded. */
import { inspect } from 'node:util';

const MARK = 'c4naryS3cret';
let count = 0;

/** A secret like no other. */
export function canary(): string {
  return `${MARK}${++count}x`;
}

/** In Base64 the same text looks different by where it begins; what is at its edges depends on its neighbours. */
const ENCODED = [0, 1, 2].map((offset) => {
  const text = Buffer.from(' '.repeat(offset) + MARK).toString('base64');
  return text.replace(/=+$/, '').slice(Math.ceil((offset * 4) / 3), -1);
});
const TRACE = new RegExp([MARK, ...ENCODED].join('|'), 'i');

/** What came out, and where. */
export class Overheard {
  readonly #all: { readonly where: string; readonly text: string }[] = [];

  /** Errors and other values are taken with all that they hold. */
  add(where: string, what: unknown): void {
    const text =
      typeof what === 'string' ? what : inspect(what, { depth: 12, showHidden: true, maxStringLength: null });
    this.#all.push({ where, text });
  }

  /** Takes how the work ended. Never rejects. */
  async take(where: string, work: Promise<unknown>): Promise<void> {
    this.add(where, await work.catch((error: unknown) => error));
  }

  get text(): string {
    return this.#all.map(({ text }) => text).join('\n');
  }

  /** Every place where a secret came out, with what is around it. */
  get leaks(): string[] {
    return this.#all.flatMap(({ where, text }) => {
      const at = text.search(TRACE);
      return at < 0 ? [] : [`${where}: ${text.slice(Math.max(0, at - 150), at + 60)}`];
    });
  }
}
