import { describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { only, World } from '../../support/deployments.ts';

/** A world in which a release was rolled back, and the event that says so. */
async function rollBack(): Promise<{ world: World; event: PlatformEvent }> {
  const world = new World();
  await world.carry(world.request('1'));
  world.clock.advance(1_000);
  const failed = only(await world.runToEnd(only(await world.run(world.request('fail-2')))));
  return { world, event: only(await world.runToEnd(failed)) };
}

describe('deployment/rolled-back', () => {
  it('closes the release and notifies people how long the target was failing', async () => {
    const { world, event } = await rollBack();

    const { published, notifications } = await world.run(event);

    expect(published).toEqual([]);
    expect(notifications).toMatchObject([
      {
        key: `default/shop/web/${eventKey({ source: '/test', id: 'request-2' })}/rolled-back`,
        severity: 'warning',
        title: 'default/shop/web is back on ghcr.io/shop/web:1',
        text: expect.stringMatching(/^ghcr\.io\/shop\/web:fail-2 was rolled back: DeadlineExceeded: /),
        facts: { 'Recovery time': '2 s' },
      },
    ]);
    expect((await world.release('request-2')).steps.at(-1)).toMatchObject({ to: 'closed', by: eventKey(event) });
    expect((await world.record()).doraTotals).toMatchObject({
      deployed: 2,
      completed: 1,
      failed: 1,
      rolledBack: 1,
      recovery: { count: 1, seconds: 2 },
    });
  });

  it('closes it once when it is delivered twice', async () => {
    const { world, event } = await rollBack();
    const first = await world.run(event);
    const before = await world.record();

    const second = await world.run(event);

    expect(second.notifications.map(({ key }) => key)).toEqual(first.notifications.map(({ key }) => key));
    expect(await world.record()).toEqual(before);
  });

  it('changes nothing when the release was not rolled back', async () => {
    const { event } = await rollBack();
    const world = new World();
    await world.carry(world.request('1'));
    await world.carry(world.request('2'));
    const before = await world.record();

    expect(await world.run(event)).toMatchObject({ published: [], notifications: [] });

    expect(await world.record()).toEqual(before);
  });
});
