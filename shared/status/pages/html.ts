/** HTML in which every value is escaped, and the parts that pages are made of. */
import { withoutControls } from '../../shown-text.ts';

/** HTML that is escaped already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Html | string | number | undefined | readonly Part[];

/** Everything that is put in is escaped, unless it is HTML already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, index) => text + htmlText(parts[index - 1]) + string));
}

function htmlText(part: Part): string {
  if (part instanceof Html) return part.text;
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(htmlText).join('');
}

function escaped(text: string): string {
  return withoutControls(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

export type Tone = 'good' | 'busy' | 'bad' | 'quiet';

export function badge(text: string, tone: Tone): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

export function pageSection(title: string, content: Html): Html {
  return html`<section><h2>${title}</h2>${content}</section>`;
}

export function htmlTable(heads: readonly string[], rows: readonly (readonly Part[])[]): Html {
  return html`<div class="wide"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>`;
}

export function note(text: string): Html {
  return html`<p class="note">${text}</p>`;
}

const MAX_WHY = 300;

export function shortened(text: string): string {
  return text.length > MAX_WHY ? `${text.slice(0, MAX_WHY - 1)}…` : text;
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

export function ago(ms: number, now: number): Html {
  return html`<time title="${timeText(ms)} UTC">${spanText(now - ms)} ago</time>`;
}

/** Down, so that 99.99 % is not shown as 100 %. */
export function percent(share: number): string {
  return `${(Math.floor(share * 10_000 + 1e-6) / 100).toLocaleString('en', { maximumFractionDigits: 2 })} %`;
}

/** The largest unit, and the next when it says something: `3 h 20 min`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ];
  const at = units.findIndex(([, length]) => seconds >= length);
  const [[name, length], next] = [units[at] ?? ['min', 60], units[at + 1]];
  const rest = next ? Math.floor((seconds % length) / next[1]) : 0;
  return `${Math.floor(seconds / length)} ${name}${next && rest > 0 ? ` ${rest} ${next[0]}` : ''}`;
}
