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
