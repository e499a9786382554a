/** Replaying or discarding the errors of one reason and subscription at once; and what came of that. */
import { readAudit } from '../../access/audit.ts';
import { MAX_AT_ONCE } from '../../ports/dead-letter-list.ts';
import type { Ports } from '../../ports/handler.ts';
import type { ErrorGroupLabels } from '../metric-labels.ts';
import { actForm } from './parts/forms.ts';
import { type Html, html, type Part, pageSection } from './parts/html.ts';
import { counted } from './parts/text.ts';
import { pageLink, type View } from './parts/view.ts';

/** So many entries that were refused are named. */
const MAX_NAMED = 20;
/** Why they were is looked for among so many of the newest acts. */
const MAX_ACTS = 1_000;

/** Of the group that is shown. */
export function groupForms(view: View, { reason, subscription }: ErrorGroupLabels): Html {
  const hidden = {
    ...(reason !== undefined && { 'group-reason': reason }),
    ...(subscription !== undefined && { 'group-subscription': subscription }),
  };
  const bound = `At most ${MAX_AT_ONCE} at once, the oldest first; send it again for the rest. Each is in the audit log.`;
  const replay = actForm(view, {
    ...{ act: 'replay', right: 'replay', hidden, label: 'Replay all of these' },
    explanation: `When the cause is fixed: sends each to the handler that it failed in. ${bound}`,
  });
  const discard = actForm(view, {
    ...{ act: 'discard', right: 'discard', hidden, label: 'Discard all of these', isDangerous: true },
    explanation: `When nothing is to come of any of them: throws them away for good. ${bound}`,
  });
  return pageSection('act', 'What to do with all of this kind', html`${replay}${discard}`);
}

/** How many were done, after a form for a group; and which were not, by the word of the audit log. */
export async function groupNotice({ query, ...view }: View, { state }: Ports): Promise<Part> {
  const [act, count] = [query.get('done'), Number(query.get('count') ?? Number.NaN)];
  if ((act !== 'replay' && act !== 'discard') || !Number.isSafeInteger(count) || count < 0) return undefined;
  const names = (query.get('refused') ?? '').split(',').slice(0, MAX_NAMED);
  const refusals = names[0] === '' ? [] : await refusalsOf(names, state);
  const done = act === 'replay' ? 'replayed: the events are on their way to their handlers' : 'discarded';
  const items = refusals.map(
    ({ number, why }) => html`<li>${pageLink({ ...view, query }, ['errors', number], `entry ${number}`)}: ${why}</li>`,
  );
  return html`<div class="notice ${refusals.length > 0 ? '' : 'good'}" role="status"><p>${counted(count, 'entry', 'entries')} ${done}.${query.get('more') === 'yes' && ' More of this kind may be there: send the form again.'}</p>
${items.length > 0 && html`<p>Not ${act === 'replay' ? 'replayed' : 'discarded'}, and still here:</p><ul>${items}</ul>`}</div>`;
}

interface Refusal {
  readonly number: string;
  readonly why: string;
}

async function refusalsOf(numbers: readonly string[], state: Ports['state']): Promise<Refusal[]> {
  const { entries } = await readAudit(state, { limit: MAX_ACTS });
  return numbers.flatMap((number) => {
    const why = entries.find(({ what, failed }) => what === `errors/${number}` && failed !== undefined)?.failed;
    return why === undefined ? [] : [{ number, why }];
  });
}
