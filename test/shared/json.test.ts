import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, parseJsonc } from '../../shared/json.ts';

describe('parseJsonc', () => {
  it('reads all that JSON.parse reads, and reads it the same', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        expect(parseJsonc(text)).toEqual(JSON.parse(text));
      }),
    );
    expect(parseJsonc(' {"a" : [ 1.5e-3, -0, "\\u00e9\\n", null ] , "__proto__": {} }\r\n')).toEqual(
      JSON.parse('{"a":[0.0015,-0,"é\\n",null],"__proto__":{}}'),
    );
  });

  it('passes over comments and trailing commas, but not over what looks like them in a text', () => {
    const text = `\uFEFF// first
      { /* a "quoted" , } word */ "url": "http://x", // last one, really
        "list": [1, /* two, */ 3,], "slash": "a/*b*/c,}", }
      // the end`;

    expect(parseJsonc(text)).toEqual({ url: 'http://x', list: [1, 3], slash: 'a/*b*/c,}' });
  });

  it.each([
    ['', 'line 1, column 1: expected a value'],
    ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expected ',' or '}'"],
    ['{\n  a: 1 }', "line 2, column 3: expected a name in double quotes or '}'"],
    ['{"a": tru}', 'line 1, column 7: expected a value'],
    ['[1, 2', "line 1, column 6: expected ',' or ']'"],
    ['[,]', 'line 1, column 2: expected a value'],
    ['{"a" 1}', "line 1, column 6: expected ':'"],
    ['["a\nb"]', 'line 1, column 2: expected a value'],
    ['["\\x"]', 'line 1, column 2: expected a valid text or number'],
    ['[01]', 'line 1, column 2: expected a valid text or number'],
    ['{} {}', 'line 1, column 4: expected the end'],
    ['{} /* open', 'line 1, column 4: expected the end'],
    [`${'['.repeat(65)}1${']'.repeat(65)}`, 'line 1, column 66: expected at most 64 levels'],
  ])('says where %j goes wrong, and shows nothing of it', (text, message) => {
    expect(() => parseJsonc(text)).toThrow(new SyntaxError(message));
  });
});

describe('parseJson', () => {
  it('reads all that JSON.parse reads, and reads it the same', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
    expect(parseJson('\uFEFF{"deep": '.concat('['.repeat(1_000), ']'.repeat(1_000), '}'))).toHaveProperty('deep');
  });

  it.each([
    ['{"key": hunter2}', 'line 1, column 9: expected a value'],
    ['{"key": "hunter2}', 'line 1, column 9: expected a value'],
    ['{\n  "key": "hunter2",\n}', 'line 3, column 1: expected another element after the comma'],
    ['[1, // hunter2\n2]', 'line 1, column 5: expected a value'],
    ['hunter2', 'line 1, column 1: expected a value'],
  ])('says where %j goes wrong, and shows nothing of it', (text, message) => {
    expect(() => parseJson(text)).toThrow(new SyntaxError(message));
  });

  it('refuses whatever JSON.parse refuses, and says where', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 5 }),
        fc.nat(),
        fc.constantFrom('', '"', '}', ',', '\\', 'x', '\u0001', '\u00a0'),
        (json, at, put) => {
          const index = at % (json.length + 1);
          const text = json.slice(0, index) + put + json.slice(index + 1);
          let isJson = true;
          try {
            JSON.parse(text);
          } catch {
            isJson = false;
          }

          if (isJson) expect(parseJson(text)).toEqual(JSON.parse(text));
          else expect(() => parseJson(text)).toThrow(/^line \d+, column \d+: expected /);
        },
      ),
    );
  });
});
