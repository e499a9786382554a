/** PromQL as far as a measured objective goes: a selector of counters, or several with `or` between them. */

/** A quoted text, a comment, a word, or a character of anything else. */
const TOKENS = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#.*|[\w:]+|[\s\S]/g;
/** What is left of a selector when what stands in its braces is taken out. */
const SELECTOR = /^(?:[\w:]+\s*)?(?:\{\})?$/;

/** The selectors of a query; none when it is anything but selectors, such as a sum. */
export function selectorsIn(query: string): readonly string[] {
  const parts = [{ text: '', outline: '' }];
  let isInBraces = false;
  for (const [token] of query.matchAll(TOKENS)) {
    if (token.startsWith('#')) continue;
    if (!isInBraces && token.toLowerCase() === 'or') {
      parts.push({ text: '', outline: '' });
      continue;
    }
    const part = parts.at(-1);
    if (!part) continue;
    part.text += token;
    if (token === '}') isInBraces = false;
    if (!isInBraces) part.outline += token;
    if (token === '{') isInBraces = true;
  }
  const selectors = parts.map(({ text }) => text.trim());
  const areAll = parts.every(({ outline }, n) => selectors[n] !== '' && SELECTOR.test(outline.trim()));
  return areAll && !isInBraces ? selectors : [];
}
