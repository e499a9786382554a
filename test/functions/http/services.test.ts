import { expect, it } from 'vitest';
import { handle } from '../../../functions/http/services.ts';
import { startPlatform } from '../../support/platform.ts';

const config = {
  services: [
    { name: 'checkout', team: 'shop', objectives: [{ target: 0.99 }] },
    { name: 'search', objectives: [{ slo: 'latency', target: 0.9, window: '28d' }] },
  ],
};

it('lists the services with their objectives and freezes', async () => {
  const platform = await startPlatform(config);
  await platform.check('checkout', 900, 1_000);
  await platform.check('odd', 1, 1);

  const { json } = await platform.get(handle);

  expect(json).toEqual({
    services: [
      {
        service: 'checkout',
        team: 'shop',
        objectives: [
          {
            slo: 'availability',
            target: 0.99,
            window: '30d',
            currentValue: 0.9,
            errorBudgetRemaining: -9,
            alerts: ['page', 'ticket'],
          },
        ],
        freeze: { slo: 'availability', since: expect.any(String), reason: expect.stringContaining('is spent') },
        checkedAt: '2026-03-01T12:00:00.000Z',
      },
      { service: 'search', objectives: [{ slo: 'latency', target: 0.9, window: '28d', alerts: [] }] },
    ],
  });
});

it('lists one service', async () => {
  const platform = await startPlatform(config);

  expect((await platform.get(handle, '?service=search')).json).toMatchObject({ services: [{ service: 'search' }] });
  expect((await platform.get(handle, '?service=none')).json).toEqual({ services: [] });
  expect((await platform.get(handle, '?name=search')).status).toBe(400);
});
