/** On top of every page while automation is paused: who did it, why, and since when. */
import type { AutomationPause } from '../../automation.ts';
import { ago, badge, type Html, html } from './html.ts';

export function pauseNotice(pause: AutomationPause | undefined, now: number): Html {
  if (!pause) return html``;
  const { by, reason, since } = pause;
  return html`<p class="notice">${badge('automation paused', 'bad')} by ${by}, ${ago(Date.parse(since), now)}: ${reason}.
Nothing is rolled back and no quota is raised until <code>npx platform-events automation resume --reason …</code></p>`;
}
