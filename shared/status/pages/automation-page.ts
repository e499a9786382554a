/** Whether the platform changes clusters by itself; and the switch. */

import { actForm } from './parts/forms.ts';
import { html, pageSection } from './parts/html.ts';
import type { ShownPage } from './parts/layout.ts';
import type { View } from './parts/view.ts';

export function automationPage(view: View): ShownPage {
  const { pause } = view;
  const form = pause
    ? actForm(view, {
        act: 'resume',
        right: 'pause',
        label: 'Resume automation',
        explanation: 'Releases that fail or burn a budget are rolled back again, and quotas are raised.',
      })
    : actForm(view, {
        act: 'pause',
        right: 'pause',
        label: 'Pause automation',
        isDangerous: true,
        explanation:
          'Nothing is rolled back and no quota is raised by itself until somebody resumes it. What people ask for is still done; everything is recorded and told.',
      });
  const state = pause
    ? html`<p>The platform changes nothing in a cluster by itself.</p>`
    : html`<p>The platform acts by itself: it rolls back what fails or burns an error budget, and raises quotas outside production.</p>`;
  const main = html`<h1>Automation</h1>${pageSection('state', pause ? 'Paused' : 'Active', html`${state}${form}`)}`;
  return { title: pause ? 'Automation paused' : 'Automation', tone: pause ? 'busy' : 'good', main };
}
