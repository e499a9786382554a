/** What our `platform.config.json` does, tried before it is merged: forty days take a second. */
import { readFileSync } from 'node:fs';
import { DeploymentRequested, HealthCheck } from 'platform-events';
import { type SimulatedPlatform, startPlatform } from 'platform-events/testing';
import { beforeEach, expect, it } from 'vitest';

const config: unknown = JSON.parse(readFileSync('platform.config.json', 'utf8'));
const image = (tag: string): string => `ghcr.io/shop/checkout:${tag}`;
let platform: SimulatedPlatform;

beforeEach(async () => {
  platform = await startPlatform({ config });
});

async function release(tag: string): Promise<void> {
  await platform.publish(DeploymentRequested, { namespace: 'shop', deployment: 'checkout', image: image(tag) });
  await platform.advance('10m');
}

async function serve({ minutes, good }: { minutes: number; good: number }): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    await platform.publish(HealthCheck, { service: 'checkout', good, total: 1_000 });
    await platform.advance('1m');
  }
}

it('runs what we release', async () => {
  await release('1.0.0');

  expect(await platform.running('shop/checkout')).toEqual([image('1.0.0')]);
});

it('refuses an image without a version', async () => {
  await release('latest');

  const [failed] = platform.events('DeploymentFailed');
  expect(failed?.data).toMatchObject({ reason: 'PolicyViolation' });
});

it('rolls a release back that burns the error budget, and tells the team', async () => {
  await release('1.0.0');
  await serve({ minutes: 120, good: 1_000 });
  await release('1.1.0');
  await serve({ minutes: 60, good: 700 });

  expect(await platform.running('shop/checkout')).toEqual([image('1.0.0')]);
  expect(platform.notifications).toContainEqual(expect.objectContaining({ severity: 'critical', team: 'shop' }));
});

it('freezes the service once the budget is spent', async () => {
  await release('1.0.0');
  await serve({ minutes: 120, good: 1_000 });
  await serve({ minutes: 60, good: 0 });

  const [checkout] = await platform.services();
  expect(checkout?.freeze).toMatchObject({ slo: 'availability' });
  await release('1.2.0');
  expect(platform.events('DeploymentFailed').at(-1)?.data).toMatchObject({ reason: 'Frozen' });
});
