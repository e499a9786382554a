/** What a page does: whom it blames and fails, whom it spares, and what it says. The whole app, on virtual time. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle } from '../../../functions/platform/slo-violation.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { pauseAutomation, resumeAutomation } from '../../../shared/automation.ts';
import { pagesOf } from '../../../shared/blame/pages.ts';
import { TransientError } from '../../../shared/errors.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../../shared/events/deployment.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { ClusterUpdated } from '../../../shared/events/infrastructure.ts';
import { HealthCheck, SLOViolation } from '../../../shared/events/platform.ts';
import type { Notification } from '../../../shared/ports/notifier.ts';
import { contents, expectOneEffect } from '../../support/deaths.ts';
import { openAfter } from '../../support/late-calls.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';
import { singleRollout } from '../../support/rollouts.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The budget is spent soon, and then the service is frozen. */
const OVERRIDE = { override: { reason: 'a test', approvedBy: 'ada' } };

interface Options {
  readonly rollbackOnPage?: 'off' | 'observe' | 'act';
  readonly clusters?: readonly string[];
}

class World {
  readonly notified: Notification[] = [];
  /** Whether no notification can be sent. */
  isAway = false;
  /** The share of requests that fail, by service. */
  readonly failing = new Map<string, number>();
  readonly platform: Platform;

  private constructor(platform: Platform) {
    this.platform = platform;
    Object.assign(platform.ports.notifier, {
      notify: async (notification: Notification) => {
        if (this.isAway) throw new TransientError('the channel is away');
        if (this.notified.some(({ key }) => key === notification.key)) return;
        this.notified.push(notification);
      },
    });
  }

  static async start({ rollbackOnPage = 'act', clusters = ['default'] }: Options = {}): Promise<World> {
    const objectives = [{ target: 0.999, rollbackOnPage }];
    const world = new World(
      await startPlatform({
        clusters: Object.fromEntries(clusters.map((name) => [name, {}])),
        services: [
          { name: 'shop', team: 'shop', workloads: ['*/shop/web', '*/shop/worker'], objectives },
          { name: 'search', objectives },
        ],
      }),
    );
    for (const deployment of ['web', 'worker']) {
      for (const cluster of clusters) await world.release(deployment, '1', { cluster });
    }
    await world.serve(60);
    return world;
  }

  /** Health checks of both services, one a minute. */
  async serve(minutes: number): Promise<void> {
    const { bus, ports } = this.platform;
    for (let n = 0; n < minutes; n++) {
      const time = new Date(ports.clock.now()).toISOString();
      for (const service of ['shop', 'search']) {
        const data = { service, good: 1_000 - 1_000 * (this.failing.get(service) ?? 0), total: 1_000 };
        await bus.publish(newEvent(HealthCheck, { source: '/probe', time, data }));
      }
      await bus.advance('1m');
    }
  }

  /** Asks for a release, and lets its rollout begin. */
  async release(deployment: string, tag: string, data: object = {}): Promise<void> {
    const { bus, ports } = this.platform;
    const image = `ghcr.io/shop/${deployment}:${tag}`;
    const asked = { namespace: 'shop', deployment, image, ...data };
    const time = new Date(ports.clock.now()).toISOString();
    await bus.publish(newEvent(DeploymentRequested, { source: '/ci', time, data: asked }));
    await bus.advance('1s');
  }

  async running(deployment: string, cluster = 'default'): Promise<string> {
    const { image } = await singleRollout(this.platform.ports.clusters.get(cluster), { namespace: 'shop', deployment });
    return image.slice(image.indexOf(':') + 1);
  }

  get page(): Notification {
    return (
      this.notified.find(({ key, severity }) => key.endsWith('/violation') && severity === 'critical') ??
      expect.fail('nobody was paged')
    );
  }

  /** What was notified when somebody was found to blame after the page had opened. */
  get blame(): Notification {
    return this.notified.find(({ key }) => key.endsWith('/blame')) ?? expect.fail('nobody was blamed');
  }

  get violation(): EventOf<typeof SLOViolation> {
    const [event] = this.platform.bus.events({ type: 'SLOViolation' });
    return event?.type === 'SLOViolation' ? (event as EventOf<typeof SLOViolation>) : expect.fail('nobody was paged');
  }

  /** What the handler needs to look once more at some time from now on, and may do what the configuration only observes. */
  portsAfter(ms: number): RecordingPorts {
    const { state, clock, clusters, config } = this.platform.ports;
    const services = config.services.map((service) => ({
      ...service,
      objectives: service.objectives.map((objective) => ({ ...objective, rollbackOnPage: 'act' })),
    }));
    const at = new FixedClock(clock.now() + ms);
    return recordingPorts({ handling: this.violation, state, clock: at, clusters, config: { services } });
  }

  /** The calls that are under way when one more look has ended. */
  openAfterLook(): Promise<string[]> {
    const ports = this.portsAfter(0);
    return openAfter((late) =>
      handle(this.violation, { ...ports, state: late(ports.state), notifier: late(ports.notifier) }),
    );
  }

  get failed(): string[] {
    return this.platform.bus
      .events({ type: 'DeploymentFailed' })
      .flatMap(({ data }) =>
        'reason' in data && data.reason === 'SLOViolation' && 'image' in data ? [data.image] : [],
      );
  }
}

describe('a page that acts', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });

  it('rolls the release back that was made when it began, and says what was weighed', async () => {
    await world.release('web', 'bad');
    world.failing.set('shop', 0.5);
    await world.serve(10);

    expect(world.failed).toEqual(['ghcr.io/shop/web:bad']);
    expect(await world.running('web')).toBe('1');
    expect(world.page.text).toBe('nothing is rolled back: it is too early to tell whether something else burns too');
    expect(world.blame).toMatchObject({
      severity: 'critical',
      team: 'shop',
      text: 'the release of ghcr.io/shop/web:bad on default/shop/web is rolled back: nothing else changed when it began',
      facts: {
        suspects: expect.stringMatching(/^1\. ghcr\.io\/shop\/web:bad on default\/shop\/web, released at 2026/),
      },
    });
  });

  it('leaves an innocent release alone that was made after it began', async () => {
    await world.release('web', 'bad');
    world.failing.set('shop', 0.03);
    await world.serve(13);
    await world.release('worker', 'innocent', OVERRIDE);
    await world.serve(10);

    expect([await world.running('web'), await world.running('worker')]).toEqual(['1', 'innocent']);
  });

  it('blames neither of two releases that were made when it began, and ranks them', async () => {
    await world.release('web', '2');
    await world.serve(2);
    await world.release('worker', '2');
    world.failing.set('shop', 0.5);
    await world.serve(10);

    expect(world.failed).toEqual([]);
    expect(world.page.text).toBe('nothing is rolled back: 2 changes were released when it began');
    expect(world.page.facts?.['suspects']).toMatch(/1\. \S+:2 on .*; 2\. \S+:2 on /);
  });

  it('goes back to before the oldest of several releases of one container', async () => {
    await world.release('web', '2');
    await world.platform.bus.advance('1m');
    await world.release('web', '3');
    world.failing.set('shop', 0.5);
    await world.serve(10);

    expect(world.failed).toEqual(['ghcr.io/shop/web:3']);
    expect(await world.running('web')).toBe('1');
  });

  it('blames nobody while another service begins to burn too', async () => {
    await world.release('web', '2');
    world.failing.set('shop', 0.5);
    world.failing.set('search', 0.3);
    await world.serve(10);

    expect(world.failed).toEqual([]);
    expect(world.page.text).toMatch(/^nothing is rolled back: search \(availability\) began to burn at the same time/);
  });

  it('blames nobody when the cluster was updated then', async () => {
    await world.release('web', '2');
    const { clock } = world.platform.ports;
    const data = { clusterName: 'default', region: 'westeurope', version: '1.34.2' };
    const time = new Date(clock.now()).toISOString();
    await world.platform.bus.publish(newEvent(ClusterUpdated, { source: '/aks', time, data }));
    world.failing.set('shop', 0.5);
    await world.serve(10);

    expect(world.failed).toEqual([]);
    expect(world.page.text).toBe('nothing is rolled back: cluster default was updated at the same time');
  });

  it('blames nobody when somebody else has changed the deployment since', async () => {
    await world.release('web', '2');
    await world.serve(2);
    const theirs = {
      requestId: 'kubectl',
      rank: '9999',
      changeCause: 'by hand',
      containers: [{ image: 'ghcr.io/shop/web:hotfix' }],
    };
    await world.platform.ports.clusters.get('default').apply({ namespace: 'shop', deployment: 'web', ...theirs });
    world.failing.set('shop', 0.5);
    await world.serve(10);

    expect(world.failed).toEqual([]);
    expect(world.page.text).toBe('nothing is rolled back: somebody else changed default/shop/web at the same time');
  });

  it('does not roll a fix back to what burns', async () => {
    await world.release('web', 'bad');
    world.failing.set('shop', 0.012);
    await world.serve(59);
    await world.release('web', 'fix', OVERRIDE);
    await world.serve(15);

    expect(world.page.text).toBe(
      'nothing is rolled back: ghcr.io/shop/web:bad would be to blame, and ghcr.io/shop/web:fix was released to default/shop/web since then',
    );
    expect(await world.running('web')).toBe('fix');
  });

  it('goes back to before both, when what followed is no fix', async () => {
    await world.release('web', 'bad');
    world.failing.set('shop', 0.012);
    await world.serve(59);
    await world.release('web', 'no-fix', OVERRIDE);
    await world.serve(50);

    expect(await world.running('web')).toBe('1');
    expect(world.failed).toEqual(['ghcr.io/shop/web:no-fix']);
    expect(world.blame.text).toContain('the release of ghcr.io/shop/web:no-fix on default/shop/web is rolled back');
  });

  it('says so when the rollback did not help, and rolls nothing else back', async () => {
    await world.release('web', '2');
    world.failing.set('shop', 0.5);
    await world.serve(10);
    await world.release('worker', '2', OVERRIDE);
    await world.serve(20);

    expect(world.failed).toEqual(['ghcr.io/shop/web:2']);
    expect(world.notified.filter(({ title }) => title.includes('did not help'))).toMatchObject([
      { severity: 'critical', text: expect.stringContaining('web:2 on default/shop/web went back 15 minutes ago') },
    ]);
    const keys = world.notified.map(({ key }) => key);
    const page = eventKey(world.violation);
    expect(keys).toEqual(
      expect.arrayContaining(['violation', 'blame', 'did-not-help'].map((what) => `${page}/${what}`)),
    );
    expect(await world.openAfterLook()).toEqual([]);
    const { notifier, ...others } = world.portsAfter(0);
    for (const what of ['violation', 'blame', 'did-not-help']) {
      const notify = async (one: Notification): Promise<void> => {
        if (one.key.endsWith(what)) throw new TransientError(`no ${what}`);
        await notifier.notify(one);
      };
      await expect(handle(world.violation, { ...others, notifier: { notify } })).rejects.toThrow(`no ${what}`);
    }
  });

  it('notifies of the page when the channel is back, and nobody has to replay it', async () => {
    world.failing.set('shop', 0.5);
    world.isAway = true;
    await world.serve(4);
    expect(world.notified.filter(({ severity }) => severity === 'critical')).toEqual([]);

    world.isAway = false;
    await world.serve(10);

    expect(world.page.severity).toBe('critical');
    expect(world.platform.bus.errors()).toEqual([]);
  });

  it('says nothing more when it helped', async () => {
    await world.release('web', '2');
    world.failing.set('shop', 0.5);
    await world.serve(6);
    world.failing.set('shop', 0);
    await world.serve(40);

    expect(world.failed).toEqual(['ghcr.io/shop/web:2']);
    expect(world.notified.filter(({ key }) => key.includes('did-not-help'))).toEqual([]);
  });

  it('judges a change that comes while it is open', async () => {
    world.failing.set('shop', 0.03);
    await world.serve(75);
    expect(world.page.text).toBe('nothing is rolled back: nothing was released when it began');
    const opened = Date.parse(world.violation.time) - world.platform.ports.clock.now();
    const looksAgain = (ms: number) => handle(world.violation, world.portsAfter(opened + ms));
    expect(await looksAgain(8 * HOUR - 1)).toMatchObject({ requeueAfterMs: 5 * MINUTE });
    expect(await looksAgain(8 * HOUR)).toBeUndefined();

    await world.release('web', 'worse', OVERRIDE);
    world.failing.set('shop', 0.95);
    await world.serve(30);

    expect(world.failed).toEqual(['ghcr.io/shop/web:worse']);
    expect(world.notified.filter(({ key }) => key.endsWith('/blame'))).toMatchObject([
      { title: 'shop still burns, and a change is to blame' },
    ]);
  });
});

it('rolls a change back in every cluster that it came to', async () => {
  const world = await World.start({ clusters: ['default', 'west'] });
  await world.release('web', 'bad');
  await world.release('web', 'bad', { cluster: 'west' });
  world.failing.set('shop', 0.5);
  await world.serve(10);

  expect(world.failed).toEqual(['ghcr.io/shop/web:bad', 'ghcr.io/shop/web:bad']);
  expect([await world.running('web'), await world.running('web', 'west')]).toEqual(['1', '1']);
});

it('that observes fails nothing, and says what it would roll back', async () => {
  const world = await World.start({ rollbackOnPage: 'observe' });
  await world.release('web', 'bad');
  world.failing.set('shop', 0.5);
  await world.serve(10);

  expect(world.failed).toEqual([]);
  expect(world.blame.text).toMatch(
    /^nothing is rolled back, since rollbackOnPage only observes; it would be .*web:bad/,
  );
});

it('that opens while automation is paused says what would go back, and makes up for nothing afterwards', async () => {
  const world = await World.start();
  const { state } = world.platform.ports;
  await world.release('web', 'bad');
  await pauseAutomation(state, { by: 'ada', reason: 'audit', since: '2026-03-01T00:00:00Z' });
  world.failing.set('shop', 0.5);
  await world.serve(10);
  await resumeAutomation(state);
  await world.serve(10);

  expect(world.failed).toEqual([]);
  expect(world.blame.text).toMatch(
    /^nothing is rolled back, since automation is paused by ada since .*: audit; it would be .*web:bad/,
  );
  const [page] = await pagesOf(state, 'shop');
  expect(page?.weighed.at(-1)).toMatchObject({
    blamed: [{ image: 'ghcr.io/shop/web:bad' }],
    paused: expect.stringContaining('audit'),
  });
});

it('has done all that it does when a look ends', async () => {
  const world = await World.start({ rollbackOnPage: 'observe' });
  for (const tag of ['2', 'bad']) {
    await world.release('web', tag);
    await world.platform.bus.advance('1m');
  }
  world.failing.set('shop', 0.5);
  await world.serve(6);

  expect(await world.openAfterLook()).toEqual([]);
  const { published } = await look(world);

  expect(published).toMatchObject([
    {
      type: 'DeploymentFailed',
      data: {
        image: 'ghcr.io/shop/web:bad',
        message: expect.stringMatching(/^shop burns its .* since this release \('availability', over 6h and 30m\): /),
      },
    },
  ]);
  const [failed] = published;
  const seconds = failed?.type === 'DeploymentFailed' ? failed.data.durationSeconds : -1;
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(10 * 60);
});

async function look(world: World): Promise<RecordingPorts> {
  const ports = world.portsAfter(0);
  await handle(world.violation, ports);
  return ports;
}

it('that is off blames nobody', async () => {
  const world = await World.start({ rollbackOnPage: 'off' });
  await world.release('web', 'bad');
  world.failing.set('shop', 0.5);
  await world.serve(10);

  expect(world.failed).toEqual([]);
  expect(world.page.text).toBe('nothing is rolled back: rollbackOnPage is off for the objective');
});

describe('a violation', () => {
  const violation = (severity: 'page' | 'ticket', service = 'shop'): EventOf<typeof SLOViolation> =>
    newEvent(SLOViolation, {
      source: '/handlers/health-check',
      time: '2026-03-01T12:00:00Z',
      data: {
        ...{ service, slo: 'availability', severity, burnRate: 20, longWindow: '1h', shortWindow: '5m' },
        ...{ currentValue: 0.98, targetValue: 0.99, errorBudgetRemaining: 0.5, bad: 20, total: 100 },
      },
    });

  it.each([
    ['page', 'critical'],
    ['ticket', 'warning'],
  ] as const)('that is a %s is notified as %s to the team', async (severity, expected) => {
    const event = violation(severity);
    const config = { services: [{ name: 'shop', team: 'shop', objectives: [{ target: 0.99 }] }] };
    const ports = recordingPorts({ handling: event, config });

    await handle(event, ports);

    expect(ports.notifications).toMatchObject([
      {
        ...{ severity: expected, team: 'shop', title: 'shop burns its error budget 20.0 times too fast' },
        text: `nothing is rolled back: ${severity === 'page' ? 'rollbackOnPage is off for the objective' : 'tickets are never rolled back'}`,
        facts: {
          slo: 'availability',
          windows: '1h and 5m',
          events: '20 of 100 bad in 1h',
          'error budget': '50 % left',
        },
      },
    ]);
  });

  it('fails a release once, delivered twice or dying anywhere', async () => {
    const world = await World.start({ rollbackOnPage: 'observe' });
    await world.release('web', 'bad');
    world.failing.set('shop', 0.5);
    await world.serve(6);
    const { ports } = world.platform;
    const partitions = ['services', 'deployments', 'changed-deployments', 'inventory'];
    const before = await contents(ports.state, ...partitions);
    const services = ports.config.services.map((service) => ({
      ...service,
      objectives: service.objectives.map((objective) => ({ ...objective, rollbackOnPage: 'act' })),
    }));

    const ending = await expectOneEffect(
      handle,
      world.violation,
      async () => {
        const state = new MemoryStateStore();
        for (const [path, value] of Object.entries(before)) {
          const slash = path.indexOf('/');
          await state.insert(path.slice(0, slash), path.slice(slash + 1), value as object);
        }
        return { state, clock: new FixedClock(ports.clock.now()), config: { services } };
      },
      ({ state }) => contents(state, 'blamed-releases', 'deployments', 'pages'),
    );

    expect(ending.published).toMatchObject([{ type: 'DeploymentFailed', data: { reason: 'SLOViolation' } }]);
    expect(ending.notified).toHaveLength(1);
    expect(await world.openAfterLook()).toEqual([]);
  });
});
