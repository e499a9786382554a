/** The testing kit: what a team sees of its configuration. The whole loop is in the test of the demo. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, InvalidEventError, NotFoundError } from '../../../../shared/errors.ts';
import { DeploymentRequested } from '../../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../../shared/events/platform.ts';
import { startPlatform } from '../../../../shared/local/testing/platform.ts';

const web = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1.0.0' };

describe('a platform of a test', () => {
  it('makes events as of its own time, and handles what is due at once', async () => {
    const platform = await startPlatform({ start: '2030-01-01T00:00:00Z' });

    const event = await platform.publish(DeploymentRequested, web, { source: '/ci', subject: 'ours' });

    expect(event).toMatchObject({ time: '2030-01-01T00:00:00.000Z', source: '/ci', subject: 'ours' });
    expect(platform.events().map(({ type }) => type)).toEqual(['DeploymentRequested', 'DeploymentStarted']);
    await platform.advance('1m');
    expect(platform.now()).toBe('2030-01-01T00:01:00.000Z');
    expect(platform.events('DeploymentCompleted')).toMatchObject([{ data: { image: web.image } }]);
  });

  it('says what runs, and what was released', async () => {
    const platform = await startPlatform();

    await platform.publish(DeploymentRequested, web);
    await platform.advance('1m');
    await platform.publish(DeploymentRequested, { ...web, image: 'ghcr.io/shop/web:fail-2' });
    await platform.advance('1m');

    expect(await platform.running('shop/web')).toEqual([web.image]);
    expect(await platform.running('default/shop/web')).toEqual([web.image]);
    expect(await platform.running('shop/api')).toEqual([]);
    await expect(platform.running('web')).rejects.toThrow("expected [<cluster>/]<namespace>/<deployment>, got 'web'");
    await expect(platform.running('other/shop/web')).rejects.toThrow("unknown cluster 'other'");
    expect(await platform.deployments()).toMatchObject([
      { target: 'default/shop/web', newest: { reason: 'DeadlineExceeded' } },
    ]);
    expect(platform.notifications.map(({ key }) => key)).toHaveLength(
      new Set(platform.notifications.map(({ key }) => key)).size,
    );
  });

  it('does not know of another one', async () => {
    const [one, other] = await Promise.all([startPlatform(), startPlatform()]);

    await one.publish(DeploymentRequested, web);

    expect(other.events()).toEqual([]);
    expect(await other.running('shop/web')).toEqual([]);
  });

  it('refuses a wrong configuration and wrong data, naming what is wrong', async () => {
    await expect(startPlatform({ config: { policies: 7 } })).rejects.toThrow(ConfigError);
    const platform = await startPlatform();

    const publishing = platform.publish(DeploymentRequested, { ...web, namespace: 'Shop' });

    await expect(publishing).rejects.toThrow(InvalidEventError);
    await expect(platform.advance(-1)).rejects.toThrow('expected a time to advance by, got -1 ms');
    await expect(platform.setImage('shop/nothing', 'x:1')).rejects.toThrow(NotFoundError);
    await expect(platform.setImage('a/b/c/d', 'x:1')).rejects.toThrow("got 'a/b/c/d'");
    expect(platform.events()).toEqual([]);
  });

  it('keeps what could not be handled', async () => {
    const platform = await startPlatform();

    platform.bus.broker.send('health-check', [{ body: 'no event', applicationProperties: {}, sizeBytes: 8 }]);
    await platform.bus.settled();

    expect(platform.errors()).toMatchObject([{ reason: 'InvalidEvent', subscription: 'health-check' }]);
  });

  it('takes published checks for an objective that Prometheus measures in Azure, unless it is to wait for it', async () => {
    const config = JSON.parse(readFileSync('platform.config.json', 'utf8'));
    const budgets = await Promise.all(
      [false, true].map(async (isMeasured) => {
        const platform = await startPlatform({ config, isMeasured });
        await platform.publish(HealthCheck, { service: 'search', good: 1, total: 10 });
        const search = (await platform.services()).find(({ service }) => service === 'search');
        return search?.objectives[0]?.errorBudgetRemaining;
      }),
    );

    expect(budgets).toEqual([expect.any(Number), undefined]);
  });

  it('runs the timers of the app by their schedules, while time passes', async () => {
    const objective = { slo: 'availability', target: 0.999, window: '30d', silentAfter: '15m' };
    const config = { services: [{ name: 'checkout', team: 'shop', objectives: [objective] }] };
    const platform = await startPlatform({ config, start: '2026-03-01T12:00:00Z' });
    await platform.publish(HealthCheck, { service: 'checkout', good: 1, total: 1 });
    await platform.advance('15m');
    const before = platform.notifications.length;

    await platform.advance('2m');

    expect(before).toBe(0);
    expect(platform.notifications).toMatchObject([{ title: expect.stringContaining('checkout') }]);
  });

  it('tells of an image that was rolled back and that somebody puts back', async () => {
    const platform = await startPlatform();
    const bad = 'ghcr.io/shop/web:fail-2';
    await platform.publish(DeploymentRequested, web);
    await platform.advance('1m');
    await platform.publish(DeploymentRequested, { ...web, image: bad });
    await platform.advance('10m');

    await platform.setImage('shop/web', bad);
    expect(await platform.running('shop/web')).toEqual([bad]);
    await platform.advance('5m');

    const told = platform.notifications.filter(({ title }) => title.endsWith('was rolled back, and runs again'));
    expect(told).toMatchObject([{ severity: 'critical' }]);
  });

  it('lets a run of a timer end before time goes on, also over days', async () => {
    const errors: string[] = [];
    const log = { info: () => {}, warn: () => {}, error: (message: string) => void errors.push(message) };
    const platform = await startPlatform({ log });

    await platform.advance('3d');

    expect(platform.now()).toBe('2026-03-04T12:00:00.000Z');
    expect(errors).toEqual([]);
  });
});
