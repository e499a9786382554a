import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonc } from '../../../shared/local/jsonc.ts';

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
    ['', 'line 1, column 1: expected a value, got the end of the line'],
    ['{\n  "a": 1\n  "b": 2\n}', 'line 3, column 3: expected \',\' or \'}\', got "\\"b\\": 2"'],
    ['{\n  a: 1 }', 'line 2, column 3: expected a name in double quotes or \'}\', got "a: 1 }"'],
    ['{"a": tru}', 'line 1, column 7: expected a value, got "tru}"'],
    ['[1, 2', "line 1, column 6: expected ',' or ']', got the end of the line"],
    ['[,]', 'line 1, column 2: expected a value, got ",]"'],
    ['{"a" 1}', 'line 1, column 6: expected \':\', got "1}"'],
    ['["a\nb"]', 'line 1, column 2: expected a value, got "\\"a"'],
    ['["\\x"]', 'line 1, column 2: expected a valid text or number, got "\\"\\\\x\\"]"'],
    ['[01]', 'line 1, column 2: expected a valid text or number, got "01]"'],
    ['{} {}', 'line 1, column 4: expected the end, got "{}"'],
    ['{} /* open', 'line 1, column 4: expected the end, got "/* open"'],
    ['['.repeat(100_000), 'expected at most 64 levels'],
  ])('says where %j goes wrong', (text, message) => {
    expect(() => parseJsonc(text)).toThrow(SyntaxError);
    expect(() => parseJsonc(text)).toThrow(message);
  });
});
