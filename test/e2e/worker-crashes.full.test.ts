/** A handler that ends its process three times harms nobody but itself: an attempt takes a lease and a restart, so this is long. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { type SupervisedHost, startSupervisedHost } from '../support/supervised-host.ts';

const NEIGHBOURS = 15;

let host: SupervisedHost;
beforeAll(async () => {
  host = await startSupervisedHost();
}, 60_000);
afterAll(() => host.close());

it('is in errors after its third crash, and all its neighbours are handled', { timeout: 120_000 }, async () => {
  await host.ready();
  host.publish('poison', 'poison');
  for (let n = 0; n < NEIGHBOURS; n++) host.publish(`neighbour-${n}`, 'good');
  let sent = 0;
  const traffic = setInterval(() => host.publish(`traffic-${sent++}`, 'good'), 200);

  await eventually(() => (host.errors().length > 0 ? true : undefined), 'the event is in errors', 90_000).finally(() =>
    clearInterval(traffic),
  );
  const completed = async (): Promise<string[]> =>
    Object.entries(await host.statuses()).flatMap(([id, status]) => (status === 'completed' ? [id] : []));
  await eventually(
    async () => ((await completed()).length === NEIGHBOURS + sent ? true : undefined),
    'every other event is handled',
    30_000,
  );

  expect(host.errors()).toEqual([
    expect.stringMatching(/^WorkerCrashed: deployment-requested .* DeploymentRequested poison,/),
  ]);
  expect(await completed()).not.toContain('poison');
  expect(host.crashes()).toBe(3);
  expect(host.waiting()).toBe(0);
});
