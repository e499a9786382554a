/** Two sources may use one id: what they send are two events, from the message to the end of the chain. */
import { beforeEach, describe, expect, it } from 'vitest';
import { handle as publish } from '../../functions/http/publish.ts';
import { eventMessage } from '../../shared/delivery/bus-message.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { type EventOf, newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { respond } from '../support/api-contract.ts';
import { httpRequest } from '../support/http.ts';
import { type Platform, startPlatform } from '../support/platform.ts';
import { recordsOf } from '../support/records.ts';
import { singleRollout } from '../support/rollouts.ts';

let platform: Platform;
beforeEach(async () => {
  platform = await startPlatform();
});

function request(source: string, deployment: string, tag = '1'): EventOf<typeof DeploymentRequested> {
  const time = new Date(platform.ports.clock.now()).toISOString();
  const data = { namespace: 'shop', deployment, image: `ghcr.io/shop/${deployment}:${tag}` };
  return newEvent(DeploymentRequested, { id: '42', source, time, data });
}

const completed = (): string[] =>
  platform.bus
    .events({ type: 'DeploymentCompleted' })
    .map(({ subject }) => subject)
    .sort();

describe('two requests of one id', () => {
  const both = ['default/shop/bank', 'default/shop/shop'];

  it('are both deployed, published in one batch over HTTP', async () => {
    const body = [request('/ci/shop', 'shop'), request('/ci/bank', 'bank')];

    const { status } = await respond('publish', publish, httpRequest({ method: 'POST', body }), platform.ports);
    await platform.bus.advance('10m');

    expect([status, completed()]).toEqual([202, both]);
  });

  it('are both deployed, sent straight to the topic under message ids of the senders', async () => {
    for (const [name, source] of ['/ci/shop', '/ci/bank'].entries()) {
      const { entity, body, subject } = eventMessage(request(source, source.slice('/ci/'.length)));
      platform.bus.broker.send(entity, [{ messageId: `own-${name}`, body, subject, sizeBytes: body.length }]);
    }
    await platform.bus.advance('10m');

    expect(completed()).toEqual(both);
  });

  it('have chains, and records, of their own', async () => {
    await platform.bus.publishAll([request('/ci/shop', 'shop'), request('/ci/bank', 'bank')]);
    await platform.bus.advance('10m');

    const records = await recordsOf(platform.ports.state);
    const started = records.filter(({ type }) => type === 'DeploymentStarted');
    expect(started.map(({ causationId }) => causationId).sort()).toEqual(['/ci/bank 42', '/ci/shop 42']);
    expect(new Set(started.map(({ id }) => id)).size).toBe(2);
    for (const { source, correlationId } of records.filter(({ id }) => id === '42')) {
      const types = records.filter((one) => one.correlationId === correlationId).map(({ type }) => type);
      expect(types.sort(), source).toEqual(['DeploymentCompleted', 'DeploymentRequested', 'DeploymentStarted']);
    }
  });

  it('for one target and of one moment end both: one runs, the other is superseded', async () => {
    const pair: PlatformEvent[] = [request('/ci/shop', 'web', '1'), request('/ci/bank', 'web', '2')];

    await platform.bus.publishAll(pair);
    await platform.bus.advance('10m');

    const [done] = platform.bus.events({ type: 'DeploymentCompleted' });
    const [failed] = platform.bus.events({ type: 'DeploymentFailed' });
    expect(failed?.data).toMatchObject({ requestId: '42', reason: 'Superseded' });
    const sources = [done, failed].map((event) => Reflect.get(event?.data ?? {}, 'requestSource'));
    expect(sources.sort()).toEqual(['/ci/bank', '/ci/shop']);
    const workload = { namespace: 'shop', deployment: 'web' };
    const rollout = await singleRollout(platform.ports.clusters.get('default'), workload);
    expect(rollout.image).toBe(Reflect.get(done?.data ?? {}, 'image'));
    expect(platform.bus.errors()).toEqual([]);
  });
});
