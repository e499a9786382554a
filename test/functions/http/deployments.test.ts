import { beforeEach, describe, expect, it } from 'vitest';
import { handle } from '../../../functions/http/deployments.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

let platform: Platform;

beforeEach(async () => {
  platform = await startPlatform();
});

async function listed(query = ''): Promise<{ targets: string[]; next: string | undefined }> {
  const { json } = await platform.get(handle, query);
  const { deployments, next } = json as { deployments: { target: string }[]; next?: string };
  return { targets: deployments.map(({ target }) => target), next };
}

describe('GET /api/deployments', () => {
  it('lists what runs where, what was released last, and the DORA measures', async () => {
    const commit = { sha: 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3', timestamp: '2026-03-01T11:00:00Z' };
    await platform.deploy('web', '1', { commit, requestedBy: 'ana', service: 'front' });
    await platform.deploy('web', 'fail-2', { service: 'front' });

    const { json } = await platform.get(handle);

    expect(json).toEqual({
      deployments: [
        {
          target: 'default/shop/web',
          cluster: 'default',
          namespace: 'shop',
          deployment: 'web',
          service: 'front',
          knownGoodImages: { web: 'ghcr.io/shop/web:1' },
          newest: {
            requestId: expect.any(String),
            requestSource: '/ci',
            correlationId: expect.any(String),
            image: 'ghcr.io/shop/web:fail-2',
            phase: 'rolled-back',
            isOver: true,
            since: expect.stringMatching(/^2026-03-01T12:1.*Z$/),
            reason: 'DeadlineExceeded',
            message: expect.any(String),
          },
          deployed: 2,
          completed: 1,
          failed: 1,
          rework: 0,
          rolledBack: 1,
          changeLeadTimeSeconds: expect.closeTo(3_600, -2),
          changeFailRate: 0.5,
          failedDeploymentRecoverySeconds: expect.any(Number),
          deploymentReworkRate: 0,
        },
      ],
    });
  });

  it('names who sent a request beside whom it names itself', async () => {
    await platform.deploy('web', '1', { requestedBy: 'ana' });

    const { json } = await platform.get(handle);

    expect(json).toMatchObject({
      deployments: [{ newest: { requestedBy: 'ana', sentBy: 'topic deployment-requested' } }],
    });
  });

  it('says since when a deployment has been failing', async () => {
    await platform.deploy('web', 'fail-1');

    expect((await platform.get(handle)).json).toMatchObject({
      deployments: [
        {
          failingSince: expect.stringMatching(/^2026-03-01T12:0/),
          newest: { phase: 'failed', note: 'no known good image exists' },
        },
      ],
    });
  });

  it('shows what was refused where nothing ever ran', async () => {
    await platform.deploy('web', 'latest', { namespace: 'production' });

    const { json } = await platform.get(handle);

    expect(json).toMatchObject({ deployments: [{ newest: { phase: 'failed', reason: 'PolicyViolation' } }] });
    expect(json).toHaveProperty('deployments.0.knownGoodImages', {});
    expect(json).toHaveProperty('deployments.0.changeFailRate', undefined);
  });

  it('narrows by name, and goes on where a page ended', async () => {
    for (const name of ['a', 'b', 'c']) await platform.deploy(name, '1', { service: name });
    await platform.deploy('a', '1', { namespace: 'other' });

    expect((await listed('?deployment=a')).targets).toEqual(['default/other/a', 'default/shop/a']);
    expect((await listed('?namespace=shop&service=c')).targets).toEqual(['default/shop/c']);
    const first = await listed('?limit=2&namespace=shop');
    expect(first).toEqual({ targets: ['default/shop/a', 'default/shop/b'], next: 'default/shop/b' });
    expect(await listed(`?limit=2&namespace=shop&cursor=${first.next}`)).toEqual({ targets: ['default/shop/c'] });
    expect((await platform.get(handle, '?name=a')).status).toBe(400);
  });
});
