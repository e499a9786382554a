/** A handler that ends its process stops nobody else. What becomes of itself takes a minute: `worker-crashes.full.test.ts`. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/processes.ts';
import { type SupervisedHost, startSupervisedHost } from '../support/supervised-host.ts';

const NEIGHBOURS = ['a', 'b', 'c'];

let host: SupervisedHost;
beforeAll(async () => {
  host = await startSupervisedHost();
}, 60_000);
afterAll(() => host.close());

it('keeps its event, and the next process handles what comes', { timeout: 60_000 }, async () => {
  await host.ready();
  host.publish('poison', 'poison');
  await eventually(() => (host.crashes() === 1 ? true : undefined), 'the process ends');

  for (const id of NEIGHBOURS) host.publish(id, 'good');
  const statuses = await eventually(async () => {
    const found = await host.statuses();
    return NEIGHBOURS.every((id) => found[id] === 'completed') ? found : undefined;
  }, 'every other event is handled');

  expect(statuses).toEqual({ poison: 'in-progress', a: 'completed', b: 'completed', c: 'completed' });
  expect(host.errors()).toEqual([]);
  expect(host.crashes()).toBe(1);
});
