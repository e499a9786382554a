/** The freezes of a service: the one that holds, with what ends it or passes it; and those that are over. */
import type { Override } from '../../releases/overrides.ts';
import { type Freeze, type PastFreeze, scopeText } from '../../slo/freezes.ts';
import { actForm } from './parts/forms.ts';
import { type Html, html, htmlTable, type Part, pageSection } from './parts/html.ts';
import { ago, clockTime, durationText } from './parts/text.ts';
import { targetLink, type View } from './parts/view.ts';

export function freezeSection(view: View, service: string, freeze: Freeze, overrides: readonly Override[]): Html {
  const text = html`<p>No release is let through${scopeText(freeze)} since ${clockTime(Date.parse(freeze.since), view.now)} (${ago(Date.parse(freeze.since), view.now)}): ${freeze.reason}.</p>
<p>It ends by itself when enough of the budget is back. Going back to an image that is known to be good is let through all the same.</p>`;
  const form = actForm(view, {
    act: 'unfreeze',
    right: 'unfreeze',
    scope: { service },
    label: 'Unfreeze',
    isDangerous: true,
    explanation:
      'Ends the freeze by your word, whatever the budget. When the budget has recovered and is spent again, it is frozen again.',
  });
  const letThrough = actForm(view, {
    act: 'override',
    right: 'override',
    scope: { service },
    label: 'Let one release through',
    isDangerous: true,
    explanation:
      'Lets the next release of any deployment of the service through, within a day; ask for the release again then.',
  });
  const granted = overrides.map(
    ({ by, reason, until, isForOne, target }) =>
      html`<li>${isForOne ? 'one release' : 'every release'}${target !== undefined && html` of ${targetLink(view, target)}`} until ${clockTime(until, view.now)}, by ${by}: ${reason}</li>`,
  );
  return pageSection(
    'freeze',
    'Frozen',
    html`${text}${granted.length > 0 && html`<p>Let through all the same:</p><ul>${granted}</ul>`}${form}${letThrough}`,
  );
}

/** @param past the last one first */
export function pastFreezesTable(view: View, past: readonly PastFreeze[]): Html {
  const rows = past.map((freeze): Part[] => {
    const { slo, since, until, reason } = freeze;
    const [from, to] = [Date.parse(since), Date.parse(until)];
    return [
      clockTime(from, view.now),
      clockTime(to, view.now),
      durationText(to - from),
      slo,
      html`<span class="why">${reason}${scopeText(freeze)}</span>`,
    ];
  });
  return htmlTable(
    'Freezes that are over, newest first',
    ['From', 'To', 'Took', 'Objective', { head: 'Why', kind: 'wide' }],
    rows,
  );
}
