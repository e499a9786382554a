/** `.github/actions/gate`: fails while releases of a service are refused, because its error budget is spent. */

import { retried } from '../../client/retried.ts';
import { PermanentError } from '../../errors.ts';
import { appOfWorkflow, cell, fail, neededInput, runStep, say, setOutput, summarise } from './workflow.ts';

const TITLE = 'platform-events gate';

await runStep(TITLE, async () => {
  const app = appOfWorkflow();
  const name = neededInput('service');
  const services = await retried(() => app.services());
  const service = services.find((one) => one.service === name);
  // A misspelt name must not open the gate.
  if (!service) {
    const known = services.map((one) => one.service).join(', ');
    throw new PermanentError(`service: '${name}' has no objective here; expected one of ${known}`);
  }
  const { freeze } = service;
  setOutput('frozen', String(freeze !== undefined));
  if (!freeze) {
    say(`${name} is not frozen`);
    return summarise(`${cell(name)} is not frozen.\n`);
  }
  const { since, reason, clusters, namespaces } = freeze;
  setOutput('reason', reason);
  const where = `in the clusters ${clusters.join(', ')} and the namespaces ${namespaces.join(', ')}`;
  fail(TITLE, `${name} is frozen since ${since}, ${where}: ${reason}`);
});
