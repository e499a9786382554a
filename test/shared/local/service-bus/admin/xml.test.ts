import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { element, parseXml, type XmlElement } from '../../../../../shared/local/service-bus/admin/xml.ts';

const leaf = (name: string, text: string, attributes: [string, string][] = []): XmlElement => ({
  name,
  text,
  attributes: new Map(attributes),
  children: [],
});

describe('parseXml', () => {
  it('reads elements, attributes and text under any prefix', () => {
    const text = `\uFEFF<?xml version="1.0"?>
      <!-- a < comment > -->
      <a:entry xmlns:a='http://www.w3.org/2005/Atom' xmlns="x"><content i:type = "application/xml" b='"'/>
      <!-- <not/> --><n>1 &lt; 2 &amp;&#32;&#x1F600;<![CDATA[ <raw> & ]]></n></a:entry  >
      <?end?>`;

    expect(parseXml(text)).toMatchObject({
      name: 'entry',
      attributes: new Map(),
      children: [
        leaf('content', '', [
          ['type', 'application/xml'],
          ['b', '"'],
        ]),
        leaf('n', '1 < 2 & 😀 <raw> & '),
      ],
    });
  });

  it.each([
    ['nothing', '', 'line 1: no element'],
    ['text', 'hello', 'line 1: no element'],
    ['JSON', '{"a":1}', 'line 1: no element'],
    ['an element left open', '<a>\n<b></a>', 'line 2: </a> where </b> belongs'],
    ['an end that never comes', '<a>text', 'line 1: the end of the text where </a> belongs'],
    ['two roots', '<a/>\n<b/>', 'line 2: something after the root element'],
    ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'line 1: no element'],
    ['an unknown entity', '<a>&x;</a>', "line 1: the unknown entity '&x;'"],
    ['a bare ampersand', '<a>1 & 2</a>', "line 1: the unknown entity '&'"],
    ['a character that is none', '<a>&#0;</a>', "line 1: the unknown entity '&#0;'"],
    ['an attribute without quotes', '<a b=c/>', 'line 1: no element'],
    ['depth without end', '<a>'.repeat(100_000), 'more than 32 levels'],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseXml(text)).toThrow(SyntaxError);
    expect(() => parseXml(text)).toThrow(message);
  });

  it('takes time in proportion to any input', () => {
    const started = performance.now();
    for (const text of [
      '<a '.repeat(50_000),
      `<a ${'b="c" '.repeat(50_000)}`,
      '<!--'.repeat(50_000),
      `<a>${'&'.repeat(50_000)}`,
      ' '.repeat(200_000),
    ]) {
      expect(() => parseXml(text)).toThrow(SyntaxError);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('element', () => {
  it('writes what parseXml reads', () => {
    // Control characters apart, which XML 1.0 cannot hold.
    const text = fc.string({
      unit: fc.constantFrom('a', ' ', '<', '>', '&', '"', "'", ']', '\n', '\r', '\t', 'é', '😀', '&amp;', '<![CDATA['),
    });
    fc.assert(
      fc.property(text, text, (inner, value) => {
        const written = element('a', [element('b', inner, { c: value })]).text;
        expect(parseXml(written).children).toEqual([leaf('b', inner, [['c', value]])]);
      }),
    );
  });

  it('replaces what XML cannot hold', () => {
    expect(element('a', 'x\u0000\u001by').text).toBe('<a>x\uFFFD\uFFFDy</a>');
  });
});
