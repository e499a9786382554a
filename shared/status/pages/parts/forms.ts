/**
 * The forms of what a person can do. Each asks for a reason, which the audit log keeps, and carries the token that shows that
 * it comes from a page of ours. Who may not do it is told so instead.
 */
import type { Right } from '../../../ports/access.ts';
import { type Html, html, note, type Part } from './html.ts';
import { hrefOf, mayDo, type View } from './view.ts';

const MAX_REASON = 500;

/** What a form asks for. */
export const ACTS = ['replay', 'discard', 'unfreeze', 'pause', 'resume', 'override', 'rollback'] as const;
export type ActName = (typeof ACTS)[number];

interface ActForm {
  readonly act: ActName;
  readonly right: Right;
  /** Where; nothing for an act that is for everything. */
  readonly scope?: Parameters<typeof mayDo>[2];
  /** On the button. */
  readonly label: string;
  /** What it does, in a sentence. */
  readonly explanation: Part;
  readonly isDangerous?: boolean;
  /** Further fields, by name. */
  readonly hidden?: Readonly<Record<string, string>>;
}

/** Sent to the page that it is on: what it is about is in the address. */
export function actForm(
  view: View,
  { act, right, scope = {}, label, explanation, isDangerous, hidden = {} }: ActForm,
): Html {
  if (!mayDo(view, right, scope)) {
    return note(
      html`<strong>${label}</strong>: not for you. ${view.caller.name} has no right to <code>${right}</code> here; a rule in platform.config.json gives it.`,
    );
  }
  const id = ['reason', act, ...Object.values(hidden)].join('-');
  const fields = { act, token: view.token, ...hidden };
  return html`<form class="act" method="post" action="${hrefOf(view, view.page.split('/'))}">
<p id="${id}-about">${explanation}</p>
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div><label for="${id}">Reason, for the audit log</label><input type="text" id="${id}" name="reason" required maxlength="${MAX_REASON}" autocomplete="off" aria-describedby="${id}-about"></div>
<button class="${isDangerous ? 'danger' : 'strong'}">${label}</button>
</form>`;
}

const DONE: Readonly<Record<ActName, string>> = {
  replay: 'Replayed: the event is on its way to its handler.',
  discard: 'Discarded.',
  unfreeze: 'The service takes releases again.',
  pause: 'Automation is paused.',
  resume: 'Automation acts again.',
  override: 'Granted: the next release that needs it is let through. Ask for the release again.',
  rollback: 'The rollback is asked for, and appears here in a moment.',
};

/** What was just done, on the page that is shown after it. */
export function doneNotice({ query }: View): Part {
  // Of several at once the page itself tells more.
  if (query.has('count')) return undefined;
  const done = ACTS.find((act) => act === query.get('done'));
  return done && html`<div class="notice good" role="status"><p>${DONE[done]}</p></div>`;
}
