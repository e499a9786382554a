/** Registration of the event functions, and what the host's input becomes. */
import { expect, it } from 'vitest';
import type { EventDefinition } from '../../shared/events/cloud-event.ts';
import { DeploymentCompleted, DeploymentRequested } from '../../shared/events/deployment.ts';
import { onEvent, registeredHandlers } from '../../shared/on-event.ts';

it('registers a handler under the name of its subscription', () => {
  const handle = async (): Promise<void> => {};

  onEvent(DeploymentRequested, handle);

  expect(registeredHandlers().get('DeploymentRequested')).toEqual({
    definition: DeploymentRequested,
    handle,
    topic: 'deployment-requested',
    subscription: 'deployment-requested',
  });
});

it('refuses a second handler, and an event that the catalog does not know', () => {
  onEvent(DeploymentCompleted, async () => {});
  const stranger = { ...DeploymentCompleted, type: 'Stranger' } as unknown as EventDefinition<'DeploymentFailed'>;

  expect(() => onEvent(DeploymentCompleted, async () => {})).toThrow('DeploymentCompleted has a handler already');
  expect(() => onEvent(stranger, async () => {})).toThrow('Stranger is not in the catalog');
});
