/**
 * HTML by hono's tagged template: every value that is put in is escaped, and only what the template made is taken as it is.
 * Texts from elsewhere lose what would turn the reading direction.
 */
import { html as template } from 'hono/html';
import { withoutControls } from '../../../shown-text.ts';

/** HTML that is escaped already; nothing else makes one. */
export class Html {
  readonly #escaped: ReturnType<typeof template>;

  private constructor(escaped: ReturnType<typeof template>) {
    this.#escaped = escaped;
  }

  static of(strings: TemplateStringsArray, parts: readonly Part[]): Html {
    return new Html(template(strings, ...parts.map(escapable)));
  }

  /** Of a text that is known to be HTML, by `raw` of the same library. */
  static trusted(text: ReturnType<typeof template>): Html {
    return new Html(text);
  }

  /** For a template around this one. */
  get inner(): unknown {
    return this.#escaped;
  }

  toString(): string {
    // Nothing here is asynchronous, so the template makes no promise.
    return String(this.#escaped);
  }
}

export type Part = Html | string | number | undefined | false | readonly Part[];

function escapable(part: Part): unknown {
  if (part instanceof Html) return part.inner;
  if (typeof part === 'string') return withoutControls(part);
  return Array.isArray(part) ? part.map(escapable) : part;
}

/** @example html`<p>${text}</p>` */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return Html.of(strings, parts);
}

export type Tone = 'good' | 'busy' | 'bad' | 'quiet';

export function badge(text: string, tone: Tone): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

export function note(...parts: readonly Part[]): Html {
  return html`<p class="note">${parts}</p>`;
}

/** A part of a page under a heading, which names it for those who jump from landmark to landmark. */
export function pageSection(id: string, title: string, content: Part, aside?: Part): Html {
  return html`<section aria-labelledby="${id}"><div class="head"><h2 id="${id}">${title}</h2>${aside}</div>${content}</section>`;
}

export interface Column {
  readonly head: string;
  /** `wide` takes what room there is, `middle` some of it; `number` stands to the right. */
  readonly kind?: 'wide' | 'middle' | 'number';
}

/**
 * On a narrow screen each row becomes a card and each cell says which column it is of; the roles keep it a table for screen
 * readers, whom the look would tell otherwise.
 *
 * @param caption for screen readers
 */
export function htmlTable(
  caption: string,
  columns: readonly (string | Column)[],
  rows: readonly (readonly Part[])[],
): Html {
  const all = columns.map((column): Column => (typeof column === 'string' ? { head: column } : column));
  return html`<table role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${all.map(({ head, kind }) => html`<th scope="col" role="columnheader" class="${kind ?? ''}">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">${rows.map((row) => html`<tr role="row">${row.map((cell, n) => html`<td role="cell" class="${all[n]?.kind ?? ''}" data-head="${all[n]?.head ?? ''}"><div>${cell}</div></td>`)}</tr>\n`)}</tbody>
</table>`;
}

/** Names and their values, one under the other. */
export function factList(facts: readonly (readonly [string, Part])[]): Html {
  const known = facts.filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return html`<dl class="facts">${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Numbers at a glance. */
export function tileList(tiles: readonly (readonly [string, Part])[]): Html {
  return html`<dl class="tiles">${tiles.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export function joined(parts: readonly Part[], separator: Part): Part[] {
  return parts.flatMap((part, n) => (n === 0 ? [part] : [separator, part]));
}
