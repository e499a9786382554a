/** Who is blamed is what runs, while it burns; the whole app, on virtual time. */
import { expect, it } from 'vitest';
import { handle as admit } from '../../../functions/deployment/requested.ts';
import { pagesOf } from '../../../shared/blame/pages.ts';
import { weigh } from '../../../shared/blame/weigh.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { objectiveOf } from '../../../shared/slo/objectives.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { FixedClock, recordingPorts } from '../../support/ports.ts';

/** `web:bad` was released, and a page is open for it. */
async function pagedPlatform(): Promise<Platform> {
  const services = [{ name: 'web', objectives: [{ target: 0.999, rollbackOnPage: 'observe' }] }];
  const platform = await startPlatform({ services });
  await platform.deploy('web', '1');
  for (let n = 0; n < 60; n++) await platform.check('web', 1_000, 1_000);
  await platform.deploy('web', 'bad');
  for (let n = 0; n < 4; n++) await platform.check('web', 500, 1_000);
  return platform;
}

async function weighed({ ports }: Platform) {
  const objective = objectiveOf(ports.config, 'web', 'availability') ?? expect.fail('it is configured');
  const [page] = await pagesOf(ports.state, 'web');
  if (!page) return expect.fail('nobody was paged');
  const { state, clusters, config } = ports;
  const clock = new FixedClock(ports.clock.now());
  const handling = request(clock.now());
  return weigh(
    { service: 'web', objective, longWindow: '1h' },
    { ...page, weighed: [] },
    { ...recordingPorts({ handling, state, clock, clusters }), config },
  );
}

function request(at: number) {
  const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:next' };
  return newEvent(DeploymentRequested, { source: '/ci', time: new Date(at).toISOString(), data });
}

it('is what runs', async () => {
  expect(await weighed(await pagedPlatform())).toMatchObject({
    blamed: [{ image: 'ghcr.io/shop/web:bad' }],
    because: 'nothing else changed when it began',
  });
});

it('is nobody when a newer request was admitted, which has not begun', async () => {
  const platform = await pagedPlatform();
  const { state, clusters } = platform.ports;
  const clock = new FixedClock(platform.ports.clock.now());
  const event = request(clock.now());
  await admit(event, recordingPorts({ handling: event, state, clock, clusters }));

  expect(await weighed(platform)).toMatchObject({
    ...{ blamed: [], alsoUndone: [], suspects: [{ image: 'ghcr.io/shop/web:bad' }] },
    because: 'the release of ghcr.io/shop/web:bad on default/shop/web would be to blame, and is not what runs',
  });
});

it('is nobody when it burns no more', async () => {
  const platform = await pagedPlatform();
  for (let n = 0; n < 120; n++) await platform.check('web', 1_000, 1_000);

  expect(await weighed(platform)).toEqual({
    ...{ at: platform.ports.clock.now(), blamed: [], alsoUndone: [], suspects: [] },
    because: 'it burns no more',
  });
});
