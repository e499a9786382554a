/** What stops when somebody pauses the platform, what goes on, and where it says so. */
import { beforeEach, describe, expect, it } from 'vitest';
import { showAutomation, switchAutomation } from '../../../functions/http/automation.ts';
import { handle as health } from '../../../functions/http/health.ts';
import { handle as metrics } from '../../../functions/http/metrics.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { NamespaceCreated, ResourceQuotaExceeded } from '../../../shared/events/infrastructure.ts';
import type { HttpResponse } from '../../../shared/http/on-http.ts';
import type { Notification } from '../../../shared/ports/notifier.ts';
import { respond } from '../../support/api-contract.ts';
import { httpRequest } from '../../support/http.ts';
import { getPage } from '../../support/pages.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const CONFIG = {
  services: [{ name: 'web', objectives: [{ target: 0.99, rollbackOnPage: 'act' }] }],
};

let platform: Platform;
let notifications: Notification[];
beforeEach(async () => {
  platform = await startPlatform(CONFIG);
  notifications = [];
  platform.ports.notifier.notify = async (notification) => void notifications.push(notification);
});

function post(body: unknown): Promise<HttpResponse> {
  const headers = { 'content-type': 'application/json' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return respond('test', switchAutomation, httpRequest({ method: 'POST', headers, body: text }), platform.ports);
}

const pause = (): Promise<HttpResponse> => post({ action: 'pause', by: 'jo', reason: 'an audit' });
const resume = (): Promise<HttpResponse> => post({ action: 'resume', by: 'max', reason: 'done' });

function types(): string[] {
  return platform.bus.events({ limit: 1_000 }).map(({ type }) => type);
}

async function running(): Promise<string | undefined> {
  const workload = { namespace: 'shop', deployment: 'web' };
  return (await platform.ports.clusters.get('default').rollout(workload)).containers[0]?.image;
}

describe('while automation is paused', () => {
  beforeEach(async () => {
    await platform.deploy('web', '1');
    await pause();
  });

  it('a failed release stays where it is, and people are told why', async () => {
    await platform.deploy('web', 'fail-2');

    expect(await running()).toBe('ghcr.io/shop/web:fail-2');
    expect(types()).not.toContain('DeploymentRolledBack');
    expect(notifications.at(-1)).toMatchObject({ severity: 'critical' });
    expect(notifications.at(-1)?.text).toMatch(/not rolled back: automation is paused by jo since .*: an audit$/);
  });

  it('a page rolls nothing back, and says so', async () => {
    await platform.deploy('web', '2');
    await platform.check('web', 500, 1_000);

    expect(await running()).toBe('ghcr.io/shop/web:2');
    expect(types()).toContain('SLOViolation');
    expect(types()).not.toContain('DeploymentFailed');
    expect(notifications.map(({ text }) => text)).toContainEqual(
      expect.stringContaining('nothing is rolled back: automation is paused by jo'),
    );
  });

  it('no quota is raised, but a namespace that somebody asks for is made', async () => {
    const where = { namespace: 'shop-dev', team: 'shop', environment: 'development' } as const;
    const time = new Date(platform.ports.clock.now()).toISOString();
    await platform.bus.publish(newEvent(NamespaceCreated, { source: '/it', time, data: where }));
    await platform.bus.advance('1m');
    const cluster = platform.ports.clusters.get('default');
    const before = await cluster.quotas('shop-dev');
    const used = before[0]?.hard['pods'] ?? '';

    const exceeded = { namespace: 'shop-dev', resource: 'pods', used, hard: used };
    await platform.bus.publish(newEvent(ResourceQuotaExceeded, { source: '/it', time, data: exceeded }));
    await platform.bus.advance('1m');

    expect(before).toHaveLength(1);
    expect(await cluster.quotas('shop-dev')).toEqual(before);
    expect(notifications.at(-1)?.text).toContain('It is not raised: automation is paused by jo');
  });

  it('releases that somebody asks for are carried out', async () => {
    await platform.deploy('web', '2');

    expect(await running()).toBe('ghcr.io/shop/web:2');
  });

  it('the page, health and metrics say so', async () => {
    await platform.bus.advance('1h');

    const { body: page = '' } = await getPage(platform.ports);
    expect(page).toMatch(/<title>.*automation paused · /);
    expect(page.replace(/<[^>]*>/g, '')).toMatch(/Automation is paused by jo, 1 h.* ago: an audit/);
    expect((await platform.get(health)).json).toMatchObject({ paused: { by: 'jo', reason: 'an audit' } });
    expect((await platform.get(metrics)).body).toContain('platform_automation_paused 1\n');
  });

  it('acts again once it is resumed', async () => {
    await resume();
    await platform.deploy('web', 'fail-2');

    expect(await running()).toBe('ghcr.io/shop/web:1');
    expect((await getPage(platform.ports)).body).not.toContain('Automation is paused');
    expect((await platform.get(health)).json).not.toHaveProperty('paused');
    expect((await platform.get(metrics)).body).toContain('platform_automation_paused 0\n');
  });
});

describe('/api/automation', () => {
  it('tells the state, and of two pauses the first', async () => {
    const since = new Date(platform.ports.clock.now()).toISOString();
    expect((await platform.get(showAutomation)).json).toEqual({ state: 'active' });

    const first = await pause();
    await platform.bus.advance('1m');
    const second = await post({ action: 'pause', by: 'max', reason: 'another' });

    const paused = { state: 'paused', by: 'jo', reason: 'an audit', since };
    expect([first.json, second.json, (await platform.get(showAutomation)).json]).toEqual([paused, paused, paused]);
    expect((await resume()).json).toEqual({ state: 'active' });
    expect((await resume()).json).toEqual({ state: 'active' });
  });

  it.each<[string, unknown, number]>([
    ['without a reason', { action: 'pause', by: 'jo' }, 400],
    ['without a name', { action: 'pause', by: ' ', reason: 'x' }, 400],
    ['with control characters', { action: 'pause', by: 'jo\u0007', reason: 'x' }, 400],
    ['with a reason without end', { action: 'pause', by: 'jo', reason: 'x'.repeat(501) }, 400],
    ['with another action', { action: 'stop', by: 'jo', reason: 'x' }, 400],
    ['with a field that is misspelt', { action: 'pause', by: 'jo', reason: 'x', until: 'later' }, 400],
    ['that is no JSON', '{', 400],
    ['that is no object', '[]', 400],
    ['that is too large', `"${'x'.repeat(5_000)}"`, 413],
  ])('refuses a switch %s, and changes nothing', async (_, body, status) => {
    expect(await post(body)).toMatchObject({ status });
    expect((await platform.get(showAutomation)).json).toEqual({ state: 'active' });
  });
});
