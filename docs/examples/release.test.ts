import { readFileSync } from 'node:fs';
import { DeploymentRequested } from 'platform-events';
import { startPlatform } from 'platform-events/testing';
import { expect, it } from 'vitest';

it('refuses an image without a version', async () => {
  const platform = await startPlatform({ config: JSON.parse(readFileSync('platform.config.json', 'utf8')) });
  await platform.publish(DeploymentRequested, { namespace: 'shop', deployment: 'web', image: 'shop/web:latest' });
  await platform.advance('10m');
  expect(platform.events('DeploymentFailed')[0]?.data).toMatchObject({ reason: 'PolicyViolation' });
});
