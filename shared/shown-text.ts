/**
 * Texts from elsewhere as they are shown: on a terminal, on a page, in a chat. What would drive the terminal, turn the
 * reading direction or is no character becomes a space.
 */

/** The text as part of a line: line breaks too, and several spaces, become one space. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cs}\p{Bidi_Control}\p{Noncharacter_Code_Point}]+/gu, ' ').trim();
}

/** The text with its lines. */
export function withoutControls(text: string): string {
  return text.replace(/(?!\n)[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu, ' ');
}

/** A text of at most so many UTF-8 bytes, whole characters only. */
export function truncate(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return encoded.toString();
  let end = bytes - 3;
  // 10xxxxxx continues a character.
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${encoded.toString('utf8', 0, end)}...`;
}
