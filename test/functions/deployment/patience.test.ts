/** What passes is waited out: an API server that refuses, throttles or is away, for a while and for ever. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { type ApiServer, type Fault, startApiServer } from '../../support/api-server.ts';
import { faulty, IMAGE, only, typesOf, World } from '../../support/deployments.ts';
import { given, open, web } from '../../support/kubernetes-cases.ts';

const FORBIDDEN = 'deployments.apps "web" is forbidden: User "system:serviceaccount:ops:app" cannot get resource';
const faults: Readonly<Record<string, Fault>> = {
  '403': { status: 403, body: { kind: 'Status', message: FORBIDDEN } },
  '401': { status: 401, body: { kind: 'Status', message: 'Unauthorized' } },
  '429': { status: 429, body: { kind: 'Status', message: 'too many requests' } },
  '503': { status: 503, body: 'no healthy upstream' },
  'a lost connection': 'reset',
};
const MINUTE = 60_000;

let server: ApiServer;
let world: World;
beforeEach(async () => {
  server = await startApiServer();
  world = new World({ cluster: () => open(server) });
  given(server, web, `${IMAGE}:0`, 2);
});
afterEach(() => server.close());

/** Runs a handler to its end, and the cluster beside it; what is to happen after some time happens then. */
async function runToEnd(event: PlatformEvent, afterMs = Number.POSITIVE_INFINITY, then = (): void => {}) {
  const from = world.clock.now();
  for (let run = await world.run(event); ; run = await world.run(event)) {
    if (run.requeueAfterMs === undefined) return run;
    world.clock.advance(run.requeueAfterMs);
    server.controller.advance(run.requeueAfterMs);
    if (world.clock.now() - from >= afterMs) then();
  }
}

const start = async (tag: string): Promise<PlatformEvent> => only(await world.run(world.request(tag)));
const recover = (): void => server.outage(undefined);

describe('a release', () => {
  it.each(Object.keys(faults))('completes after four minutes of %s, and nobody is notified', async (name) => {
    const started = await start('1');
    server.outage(faults[name], 'GET', 'PATCH');

    const run = await runToEnd(started, 4 * MINUTE, recover);

    expect(only(run)).toMatchObject({ type: 'DeploymentCompleted' });
    expect(world.notified).toEqual([]);
  });

  it('that is refused for ever misses its deadline, says the refusal, and has changed nothing', async () => {
    const started = await start('1');
    server.outage(faults['403'], 'GET', 'PATCH');

    const failed = only(await runToEnd(started));
    const run = await runToEnd(failed);

    expect(failed.data).toMatchObject({ reason: 'DeadlineExceeded', message: expect.stringContaining(FORBIDDEN) });
    expect(run).toMatchObject({ published: [], notifications: [{ severity: 'warning' }] });
    expect(world.notified[0]?.text).toMatch(/403 .*nothing was changed/);
    expect(await world.record()).toMatchObject({ unverified: [], doraTotals: { failed: 0 } });
    expect((await world.record()).failingSince).toBeUndefined();
  });

  it('that may look but not touch has changed nothing, too', async () => {
    const started = await start('1');
    server.outage(faults['403'], 'PATCH');

    const failed = only(await runToEnd(started));

    expect(failed.data).toMatchObject({ reason: 'DeadlineExceeded', message: expect.stringContaining(FORBIDDEN) });
    expect(await world.record()).toMatchObject({ unverified: [], doraTotals: { failed: 0 } });
  });

  it('that got no answer to its change may have changed something', async () => {
    const started = await start('1');
    server.outage('reset', 'PATCH');

    const failed = only(await runToEnd(started));

    expect(failed.data).toMatchObject({ reason: 'DeadlineExceeded' });
    expect((await world.record()).unverified).toHaveLength(1);
  });

  it('waits for a kubeconfig that is being replaced', async () => {
    let fault: Error | undefined = new ConfigError('clusters.default.kubeconfig: "kubeconfig" cannot be read (ENOENT)');
    world = new World({ cluster: faulty({ rollout: () => fault }).cluster });
    const started = await start('1');

    expect(await world.run(started)).toMatchObject({ requeueAfterMs: 2_000 });
    fault = undefined;

    expect(only(await world.runToEnd(started))).toMatchObject({ type: 'DeploymentCompleted' });
  });
});

describe('a rollback', () => {
  it.each(Object.keys(faults))('is made after four minutes of %s', async (name) => {
    const failed = only(await runToEnd(await start('fail-1')));
    server.outage(faults[name], 'GET', 'PATCH');

    const run = await runToEnd(failed, 4 * MINUTE, recover);

    expect(typesOf(run.published)).toEqual(['DeploymentRolledBack']);
    expect((await world.rollout()).image).toBe(`${IMAGE}:0`);
    expect(world.notified.map(({ severity }) => severity)).toEqual(['warning']);
  });

  it('that is refused for ever calls people at its deadline, with the refusal', async () => {
    const failed = only(await runToEnd(await start('fail-1')));
    server.outage(faults['403'], 'GET', 'PATCH');

    const run = await runToEnd(failed);

    expect(run.notifications).toMatchObject([{ severity: 'critical', text: expect.stringContaining(FORBIDDEN) }]);
  });
});
