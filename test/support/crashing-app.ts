/** A functions app of one handler, which ends its process where an event says so. */
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { onEvent } from '../../shared/on-event.ts';

onEvent(DeploymentRequested, async ({ data: { image } }) => {
  if (image?.endsWith(':exit')) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
});
