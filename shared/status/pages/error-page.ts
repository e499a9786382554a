/** One entry of the errors queue, whole: why, where, and what was sent. */
import { waitsForPerson } from '../../delivery/automatic-replay.ts';
import { jsonOrText } from '../../delivery/body-bytes.ts';
import { bodyOf, MAX_UNPACKED_BYTES } from '../../delivery/dead-letter-body.ts';
import type { DeadLetterEntry } from '../../ports/bus.ts';
import { formatEntryNumber, parseEntryNumber } from '../../ports/dead-letter-list.ts';
import type { Ports } from '../../ports/handler.ts';
import { errorSummaryOf, returnText } from './errors-page.ts';
import { actForm } from './parts/forms.ts';
import { badge, factList, type Html, html, note, type Part, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import { ago } from './parts/text.ts';
import { breakable, chainLink, pageLink, subjectLink, type View } from './parts/view.ts';

/** Shown of a body; the API has all of it. */
const MAX_SHOWN = 100_000;

/** Undefined when there is no such entry. */
export async function errorPage(view: View, { deadLetterQueue }: Ports, asked: string): Promise<ShownPage | undefined> {
  const parsed = parseEntryNumber(asked);
  const number = parsed && formatEntryNumber(parsed);
  const entry = number === undefined ? undefined : await deadLetterQueue.findDeadLetter(number);
  if (!entry || number === undefined) return undefined;
  const summary = errorSummaryOf(entry);
  const event = Object(jsonOrText(bodyOf(entry) ?? '')) as Record<string, unknown>;
  const text = (name: string): string | undefined => (typeof event[name] === 'string' ? event[name] : undefined);
  const { deadLetteredAt, reason, description, type, subscription, attempts, correlationId, messageId } = summary;
  const [subject, id, source] = [text('subject'), text('id'), text('source')];
  const main = html`<p class="crumbs">${pageLink(view, ['errors'], 'Errors')}</p>
<div class="title"><h1>Entry ${number}</h1>${badge(reason || 'Unknown', waitsForPerson(summary, view.now) ? 'bad' : 'busy')}</div>
${pageSection(
  'why',
  'Why',
  html`<p>${description || 'Nobody said.'}</p>
${factList([
  ['Came', ago(deadLetteredAt, view.now)],
  ['Event', type ?? 'none that can be read'],
  ['Failed in', subscription ?? 'unknown'],
  ['About', subject !== undefined && subjectLink(view, type, subject)],
  ['Attempts', attempts],
  ['Next', returnText(summary, view.now)],
  ['Chain', correlationId !== undefined && chainLink(view, correlationId, breakable(correlationId))],
  ['Event id', id !== undefined && html`<code>${id}</code>`],
  ['From', source !== undefined && html`<code>${source}</code>`],
  ['Message id', html`<code>${messageId}</code>`],
])}`,
)}
${pageSection('act', 'What to do', formsOf(view))}
${pageSection('body', 'What was sent', bodyOfEntry(entry))}`;
  return { title: `${reason || 'Error'} ${number}`, tone: 'bad', main };
}

function formsOf(view: View): Html {
  const replay = actForm(view, {
    act: 'replay',
    right: 'replay',
    label: 'Replay',
    explanation:
      'When the cause is fixed: sends the event to the one handler that it failed in, with all its attempts.',
  });
  const discard = actForm(view, {
    act: 'discard',
    right: 'discard',
    label: 'Discard',
    isDangerous: true,
    explanation: 'When nothing is to come of it: throws the entry away for good.',
  });
  return html`${replay}${discard}`;
}

function bodyOfEntry(entry: DeadLetterEntry): Part {
  const body = bodyOf(entry);
  if (body === undefined)
    return note(`A gzip that unpacks to more than ${MAX_UNPACKED_BYTES} bytes; the API has it as it was sent.`);
  if (body === '') return note('An empty body.');
  const value = jsonOrText(body);
  const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
  const isCut = text.length > MAX_SHOWN;
  return html`<pre tabindex="0" aria-label="What was sent">${isCut ? `${text.slice(0, MAX_SHOWN)}…` : text}</pre>
${(isCut || entry.isCut) && note(isCut ? 'The beginning; the API has all of it.' : 'The message was too large to be kept whole.')}`;
}
