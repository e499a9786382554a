/**
 * JSON that people write by hand: strict, or with comments and trailing commas as the official emulator reads it. An
 * error says where the text goes wrong and shows nothing of it: the file may hold a key, or be another file altogether.
 */

/** Deeper is no configuration, and would exhaust the stack. */
const DEEPEST = 64;

const BLANK = /[ \t\r\n]*/y;
const BLANK_OR_COMMENT = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const SCALAR = /"(?:[^"\\\n]|\\[^\n])*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

/**
 * The value of a text in strict JSON. `JSON.parse` quotes the text in its error, and says on no Node before 22 where.
 *
 * @throws SyntaxError naming line and column
 */
export function parseJson(text: string): unknown {
  const json = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(json);
  } catch {
    new Reader(json, { isStrict: true }).whole();
    throw new SyntaxError('expected JSON'); // the two do not agree
  }
}

/**
 * The value of a text in JSON with comments and trailing commas.
 *
 * @throws SyntaxError naming line and column
 */
export function parseJsonc(text: string): unknown {
  return new Reader(text.replace(/^\uFEFF/, ''), { isStrict: false }).whole();
}

class Reader {
  readonly #text: string;
  readonly #isStrict: boolean;
  #at = 0;

  constructor(text: string, { isStrict }: { isStrict: boolean }) {
    this.#text = text;
    this.#isStrict = isStrict;
    this.#blank();
  }

  whole(): unknown {
    const value = this.value(0);
    this.end();
    return value;
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
      this.#separator('}');
    }
    // Not by assignment: a name may be __proto__.
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown {
    const values: unknown[] = [];
    while (!this.#take(']')) {
      values.push(this.value(depth + 1));
      this.#separator(']');
    }
    return values;
  }

  /** Between two elements; the closing mark may follow, after a comma only where that is allowed. */
  #separator(end: string): void {
    const isComma = this.#take(',');
    if (isComma ? this.#isStrict && this.#text[this.#at] === end : this.#text[this.#at] !== end) {
      throw this.#expected(isComma ? 'another element after the comma' : `',' or '${end}'`);
    }
  }

  #scalar(): unknown {
    const start = this.#at;
    const found = this.#skip(SCALAR);
    if (found === '') return undefined;
    try {
      const value: unknown = JSON.parse(found);
      this.#blank();
      return value;
    } catch {
      this.#at = start; // a wrong escape, a control character or a leading zero
      throw this.#expected('a valid text or number');
    }
  }

  #take(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    this.#blank();
    return true;
  }

  #blank(): void {
    this.#skip(this.#isStrict ? BLANK : BLANK_OR_COMMENT);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #expected(what: string): SyntaxError {
    const before = this.#text.slice(0, this.#at).split('\n');
    return new SyntaxError(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: expected ${what}`);
  }
}
