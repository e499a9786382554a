/** JSON as people write it by hand: with comments and trailing commas, as the official emulator reads it. */

/** Deeper is no configuration, and would exhaust the stack. */
const DEEPEST = 64;

const BLANK = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const SCALAR = /"(?:[^"\\\n]|\\[^\n])*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

/**
 * The value of a text.
 *
 * @throws SyntaxError naming line and column
 */
export function parseJsonc(text: string): unknown {
  const reader = new Reader(text.replace(/^\uFEFF/, ''));
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skip(BLANK);
  }

  value(depth: number): unknown {
    if (depth > DEEPEST) throw this.#expected(`at most ${DEEPEST} levels`);
    if (this.#take('{')) return this.#object(depth);
    if (this.#take('[')) return this.#array(depth);
    const scalar = this.#scalar();
    if (scalar === undefined) throw this.#expected('a value');
    return scalar;
  }

  end(): void {
    if (this.#at < this.#text.length) throw this.#expected('the end');
  }

  #object(depth: number): unknown {
    const entries: [string, unknown][] = [];
    while (!this.#take('}')) {
      if (this.#text[this.#at] !== '"') throw this.#expected("a name in double quotes or '}'");
      // A text that starts with a quote gives a string.
      const name = String(this.#scalar());
      if (!this.#take(':')) throw this.#expected("':'");
      entries.push([name, this.value(depth + 1)]);
      if (!this.#take(',') && this.#text[this.#at] !== '}') throw this.#expected("',' or '}'");
    }
    // Not by assignment: a name may be __proto__.
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown {
    const values: unknown[] = [];
    while (!this.#take(']')) {
      values.push(this.value(depth + 1));
      if (!this.#take(',') && this.#text[this.#at] !== ']') throw this.#expected("',' or ']'");
    }
    return values;
  }

  #scalar(): unknown {
    const start = this.#at;
    const found = this.#skip(SCALAR);
    if (found === '') return undefined;
    try {
      const value: unknown = JSON.parse(found);
      this.#skip(BLANK);
      return value;
    } catch {
      this.#at = start; // a wrong escape, a control character or a leading zero
      throw this.#expected('a valid text or number');
    }
  }

  #take(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    this.#skip(BLANK);
    return true;
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #expected(what: string): SyntaxError {
    const before = this.#text.slice(0, this.#at).split('\n');
    const found = this.#text.slice(this.#at, this.#at + 20).split('\n')[0];
    const where = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    return new SyntaxError(`${where}: expected ${what}, got ${found ? JSON.stringify(found) : 'the end of the line'}`);
  }
}
