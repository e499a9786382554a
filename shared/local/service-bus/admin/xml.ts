/**
 * The part of XML that Atom needs: elements, attributes and text. Names lose their prefixes, which every client chooses
 * for itself. Document types are refused, and with them entity expansion and external entities.
 */

export interface XmlElement {
  /** The local name. */
  readonly name: string;
  /** By local name. Declarations of namespaces are left out. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Its text outside its children. */
  readonly text: string;
}

/** Deeper than any entity description, and safe for the stack. */
const MAX_DEPTH = 32;

const NAME = String.raw`[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?`;
const SKIPPED = /(?:<\?[\s\S]*?\?>|<!--[\s\S]*?-->|\s+)*/y;
const OPENING = new RegExp(String.raw`<(${NAME})((?:\s+${NAME}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>`, 'y');
const ATTRIBUTE = new RegExp(String.raw`(${NAME})\s*=\s*(?:"([^"<]*)"|'([^'<]*)')`, 'g');
const CONTENT = /([^<]+)|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>/y;
const CLOSING = new RegExp(String.raw`</(${NAME})\s*>`, 'y');

/**
 * The root element of a document.
 *
 * @throws SyntaxError that names the line
 */
export function parseXml(text: string): XmlElement {
  const reader = new XmlReader(text.replace(/^\uFEFF/, ''));
  reader.take(SKIPPED);
  const root = reader.element(0);
  reader.take(SKIPPED);
  if (!reader.isAtEnd()) throw reader.wrong('something after the root element');
  return root;
}

class XmlReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    this.#at += found?.[0].length ?? 0;
    return found;
  }

  element(depth: number): XmlElement {
    if (depth > MAX_DEPTH) throw this.wrong(`more than ${MAX_DEPTH} levels`);
    const opening = this.take(OPENING);
    if (!opening) throw this.wrong('no element');
    const [, qualified = '', written = '', isEmpty] = opening;
    const attributes = this.#attributes(written);
    const name = localName(qualified);
    if (isEmpty) return { name, attributes, children: [], text: '' };

    const children: XmlElement[] = [];
    let text = '';
    for (;;) {
      const closing = this.take(CLOSING);
      if (closing?.[1] === qualified) return { name, attributes, children, text };
      if (closing) throw this.wrong(`</${closing[1]}> where </${qualified}> belongs`);
      const content = this.take(CONTENT);
      if (this.isAtEnd() && !content) throw this.wrong(`the end of the text where </${qualified}> belongs`);
      if (content) text += content[1] === undefined ? (content[2] ?? '') : this.#unescape(content[1]);
      else children.push(this.element(depth + 1));
    }
  }

  #attributes(written: string): Map<string, string> {
    const attributes = new Map<string, string>();
    for (const [, name = '', double, single] of written.matchAll(ATTRIBUTE)) {
      if (name !== 'xmlns' && !name.startsWith('xmlns:')) {
        attributes.set(localName(name), this.#unescape(double ?? single ?? ''));
      }
    }
    return attributes;
  }

  #unescape(text: string): string {
    return text.replace(/&([^;\s]*);?/g, (written, entity: string) => {
      const character = ENTITIES.get(entity) ?? characterOf(entity);
      if (character === undefined || !written.endsWith(';')) throw this.wrong(`the unknown entity '${written}'`);
      return character;
    });
  }

  wrong(what: string): SyntaxError {
    return new SyntaxError(`line ${this.#text.slice(0, this.#at).split('\n').length}: ${what}`);
  }
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

function characterOf(entity: string): string | undefined {
  const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(entity);
  if (!match) return undefined;
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function localName(qualified: string): string {
  return qualified.slice(qualified.indexOf(':') + 1);
}

/** XML that is escaped. */
export class Xml {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type XmlContent = string | Xml | readonly Xml[];

/** Renders an element. Text is escaped, XML is not. */
export function element(name: string, content: XmlContent, attributes: Readonly<Record<string, string>> = {}): Xml {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  const inner =
    typeof content === 'string'
      ? escapeXml(content)
      : [content]
          .flat()
          .map((piece) => piece.text)
          .join('');
  return new Xml(inner === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${inner}</${name}>`);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\r\n\t]|[^\P{Cc}]/gu, (character) => {
    const entity = ESCAPES.get(character);
    // XML 1.0 cannot express other control characters.
    return entity ?? (/[\r\n\t]/.test(character) ? `&#${character.charCodeAt(0)};` : '\uFFFD');
  });
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);
