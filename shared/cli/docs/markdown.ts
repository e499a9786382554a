/** Markdown that reads well on GitHub and in a terminal. */

const WIDTH = 118;
const WIDEST = 70;

/** A page that `npm run docs` writes. */
export function page(title: string, source: string, ...blocks: readonly string[]): string {
  return `${[`<!-- Written by \`npm run docs\` from ${source}; changes belong there. -->`, `# ${title}`, ...blocks].join('\n\n')}\n`;
}

/** A table with aligned columns, except for the last one and for very long cells. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = head.map((_, at) =>
    at === head.length - 1
      ? 3
      : Math.max(3, ...cells.map((row) => row[at]?.length ?? 0).filter((length) => length <= WIDEST)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, at) => text.padEnd(at === row.length - 1 ? 0 : (widths[at] ?? 0))).join(' | ')} |`;
  const [first = [], ...rest] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n');
}

/** A paragraph in lines of at most 118 characters. */
export function prose(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

export function code(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** A link to a heading of the same page, as GitHub makes its anchor. */
export function linkTo(heading: string): string {
  const anchor = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
  return `[${heading}](#${anchor})`;
}

/** A value as JSON, for a cell. */
export function literal(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}
