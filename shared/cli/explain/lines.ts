/** Lines of 80 columns: words are wrapped under what they begin with. */
import { oneLine } from '../../shown-text.ts';

const WIDTH = 80;

/** A text behind a label, wrapped; the lines after the first begin where the text does. */
export function labelled(label: string, text: string, width = WIDTH): string {
  const indent = ' '.repeat(label.length);
  const lines: string[] = [];
  let line = '';
  for (const word of oneLine(text).split(' ')) {
    if (line !== '' && label.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one, n) => (n === 0 ? label : indent) + one).join('\n');
}

/** Times (RFC 3339) as a story shows them: the time alone on its first day, with the date on others. In UTC. */
export function clockFrom(first: string): (time: string) => string {
  return (time) => {
    const [date = '', clock = ''] = oneLine(time).split('T');
    const text = clock.slice(0, 8);
    return first.startsWith(date) ? text : `${date} ${text}`;
  };
}
