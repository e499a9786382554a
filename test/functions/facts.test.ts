/** Facts that this app did not publish: none of them changes anything, and each says so in the errors queue. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as history } from '../../functions/http/history.ts';
import { replay } from '../../shared/delivery/replay.ts';
import { catalog, type EventType, type PlatformEvent } from '../../shared/events/catalog.ts';
import { childEvent, newEvent } from '../../shared/events/cloud-event.ts';
import {
  DeploymentCompleted,
  DeploymentFailed,
  DeploymentRequested,
  DeploymentRolledBack,
  DeploymentStarted,
} from '../../shared/events/deployment.ts';
import { ErrorBudgetDepleted, HealthCheck, SLOViolation } from '../../shared/events/platform.ts';
import { contents } from '../support/deaths.ts';
import { sampleData } from '../support/events.ts';
import { type Platform, startPlatform } from '../support/platform.ts';

let platform: Platform;
beforeEach(async () => {
  platform = await startPlatform({
    services: [{ name: 'web', team: 'shop', objectives: [{ target: 0.99, rollbackOnPage: 'act' }] }],
  });
});

/** Everything but the records and the history of events. */
const STATE = ['deployments', 'releases', 'blamed-releases', 'freezes', 'services', 'simulated-cluster', 'inventory'];
const stateNow = (): Promise<unknown> => contents(platform.ports.state, ...STATE);
const types = (): string[] => platform.bus.events().map(({ type }) => type);

async function historyTypes(): Promise<string[]> {
  const { json } = await platform.get(history);
  return (json as { events: { type: string }[] }).events.map(({ type }) => type);
}

function request(id = 'r'): Extract<PlatformEvent, { type: 'DeploymentRequested' }> {
  const time = new Date(platform.ports.clock.now()).toISOString();
  const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:1' };
  return newEvent(DeploymentRequested, { id, source: '/ci', time, data });
}

const ofRequest = { ...sampleData.DeploymentStarted, deployment: 'web', requestId: 'r', requestSource: '/ci' };
const failed = { ...ofRequest, reason: 'SLOViolation', message: 'burns', durationSeconds: 1 } as const;
const burning = { ...sampleData.SLOViolation, service: 'web', slo: 'availability', severity: 'page' } as const;
const spent = { ...sampleData.ErrorBudgetDepleted, service: 'web', slo: 'availability', window: '999d' };

/** One of each, about the release and the service that there are. */
const forged: Readonly<Record<string, () => PlatformEvent>> = {
  DeploymentStarted: () => newEvent(DeploymentStarted, { source: '/handlers/deployment-requested', data: ofRequest }),
  DeploymentCompleted: () =>
    newEvent(DeploymentCompleted, {
      source: '/handlers/deployment-started',
      data: { ...ofRequest, durationSeconds: 1, replicas: 1 },
    }),
  DeploymentFailed: () =>
    newEvent(DeploymentFailed, { source: '/handlers/slo-violation', time: '2001-01-01T00:00:00Z', data: failed }),
  DeploymentRolledBack: () =>
    newEvent(DeploymentRolledBack, {
      source: '/handlers/deployment-failed',
      data: { ...ofRequest, failedImage: 'ghcr.io/shop/web:1', reason: 'x', durationSeconds: 1 },
    }),
  SLOViolation: () => newEvent(SLOViolation, { source: '/handlers/health-check', data: burning }),
  ErrorBudgetDepleted: () => newEvent(ErrorBudgetDepleted, { source: '/handlers/health-check', data: spent }),
};
const facts = [...catalog.values()].flatMap(({ definition: { sender, type } }) => (sender === 'app' ? type : []));

it('are the six that this app alone can know', () => {
  expect(Object.keys(forged).sort()).toEqual([...facts].sort());
});

describe.each(facts)('a forged %s', (type) => {
  const expectNoEffect = async (act: () => Promise<void>): Promise<void> => {
    const before = [await stateNow(), await historyTypes()];
    await act();

    expect([await stateNow(), await historyTypes()]).toEqual(before);
  };

  it('about what is there changes nothing, is in no history, and says in errors what was found', async () => {
    await platform.deploy('web', '0');
    await platform.bus.publish(request());
    await platform.bus.advance('10m');
    await platform.check('web', 100, 100);

    await expectNoEffect(async () => {
      await platform.bus.publish(forged[type]?.() ?? expect.fail('none'));
      await platform.bus.advance('10m');
    });

    expect(platform.bus.errors()).toMatchObject([
      { reason: 'Unexpected', type, description: expect.stringMatching(/^\w+ \S+ is not expected: .*web/) },
    ]);
  });

  it('about nothing at all does so, too', async () => {
    await expectNoEffect(async () => {
      const definition = catalog.get(type)?.definition ?? expect.fail('none');
      const data = sampleData[type as EventType];
      await platform.bus.publish(newEvent(definition, { source: '/evil', data }) as PlatformEvent);
      await platform.bus.advance('10m');
    });

    expect(platform.bus.errors()).toMatchObject([{ reason: 'Unexpected', type }]);
  });
});

describe('an event whose derived id somebody sent before', () => {
  it('takes effect all the same: the release completes, and the forged one lies in errors', async () => {
    const victim = request('victim');
    const child = childEvent(victim, DeploymentStarted, {
      ...{ handler: 'deployment-requested', time: victim.time },
      data: { ...victim.data, requestId: victim.id, requestSource: victim.source },
    });
    // With its message id, as a sender of `events` makes it.
    await platform.bus.publish(child as unknown as PlatformEvent);
    await platform.bus.advance('1m');
    expect(platform.bus.errors()).toMatchObject([{ reason: 'Unexpected', type: 'DeploymentStarted' }]);

    await platform.bus.publish(victim);
    await platform.bus.advance('10m');

    expect(types().filter((type) => type === 'DeploymentCompleted')).toHaveLength(1);
    expect((await historyTypes()).sort()).toEqual(['DeploymentCompleted', 'DeploymentRequested', 'DeploymentStarted']);
    const { sequenceNumber = '' } = platform.bus.errors()[0] ?? {};
    await expect(replay(sequenceNumber, platform.ports)).rejects.toThrow('has handled the event');
  });

  it('is no violation of another service, severity or moment', async () => {
    await platform.deploy('web', '0');
    await platform.deploy('web', '1');
    await platform.check('web', 0, 100);
    const page = platform.bus.events({ type: 'SLOViolation' })[0] ?? expect.fail('no page');
    const before = await stateNow();

    for (const other of [
      { ...page, id: 'other' },
      { ...page, source: '/ci' },
    ])
      await platform.bus.publish(other);
    await platform.bus.advance('10m');

    expect(await stateNow()).toEqual(before);
    expect(platform.bus.errors().map(({ reason }) => reason)).toEqual(['Unexpected', 'Unexpected']);
  });
});

describe('a fact of ours', () => {
  it('that comes again long after the release has moved on is passed over, and is no error', async () => {
    await platform.bus.publish(request());
    await platform.bus.advance('10m');
    const [started, completed] = ['DeploymentStarted', 'DeploymentCompleted'].map(
      (type) => platform.bus.events({ type: type as EventType })[0] ?? expect.fail(type),
    );

    for (const event of [started, completed, started]) if (event) await platform.bus.publish(event);
    await platform.bus.advance('10m');

    expect(platform.bus.errors()).toEqual([]);
    expect(types().filter((type) => type === 'DeploymentCompleted')).toHaveLength(1);
  });

  it('that waited behind a backlog while its cause went by is believed', async () => {
    const { bus, ports } = platform;
    await platform.deploy('web', '0');
    const time = (): string => new Date(ports.clock.now()).toISOString();
    const check = (good: number, total: number): Promise<void> =>
      bus.publish(newEvent(HealthCheck, { source: '/probe', time: time(), data: { service: 'web', good, total } }));
    bus.faults.add({ on: 'send', path: 'slo-violation', effect: 'delay', delayMs: 3_600_000 });
    await check(0, 100);
    for (let n = 0; n < 200; n++) await check(1_000, 1_000);
    await bus.advance('2h');

    expect(bus.events({ type: 'SLOViolation' }).length).toBeGreaterThan(0);
    expect(bus.errors()).toEqual([]);
    expect(await historyTypes()).toContain('SLOViolation');
  });
});
