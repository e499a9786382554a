/** A release that a page blamed and never failed: a newer page, or one of another objective, fails it instead. */
import { beforeEach, expect, it } from 'vitest';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { blameRelease } from '../../../shared/releases/suspects.ts';
import { readTarget } from '../../../shared/releases/target-store.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { singleRollout } from '../../support/rollouts.ts';

const objectives = [{ target: 0.999, rollbackOnPage: 'act' }];
const services = [{ name: 'shop', team: 'shop', workloads: ['*/shop/web'], objectives }];

let platform: Platform;
beforeEach(async () => {
  platform = await startPlatform({ services });
  await platform.deploy('web', '1');
  await serve(60, 1_000);
  const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:bad' };
  await platform.bus.publish(newEvent(DeploymentRequested, { source: '/ci', time: platform.now(), data }));
  await platform.bus.advance('1s');
});

async function serve(minutes: number, good: number): Promise<void> {
  for (let n = 0; n < minutes; n++) {
    const data = { service: 'shop', good, total: 1_000 };
    await platform.bus.publish(newEvent(HealthCheck, { source: '/probe', time: platform.now(), data }));
    await platform.bus.advance('1m');
  }
}

async function blameIt(): Promise<void> {
  const { state, clock } = platform.ports;
  const [release] = (await readTarget(state, 'default/shop/web'))?.releases ?? [];
  await blameRelease(state, release?.key ?? '', 'a violation that came before', clock.now());
}

const running = async (): Promise<string> =>
  (await singleRollout(platform.ports.clusters.get('default'), { namespace: 'shop', deployment: 'web' })).image;

it('is left to that page for a quarter of an hour, and then goes back', async () => {
  await blameIt();
  await serve(10, 500);
  const before = await running();

  await serve(15, 500);

  expect([before, await running()]).toEqual(['ghcr.io/shop/web:bad', 'ghcr.io/shop/web:1']);
  expect(platform.bus.events({ type: 'DeploymentRolledBack' })).toHaveLength(1);
  expect(platform.bus.errors()).toEqual([]);
});
