import { expect, it } from 'vitest';
import { handle } from '../../../functions/http/services.ts';
import { handle as noticeSilence } from '../../../functions/timer/notice-silence.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
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
            checkedAt: '2026-03-01T12:00:00.000Z',
          },
        ],
        freeze: {
          slo: 'availability',
          since: expect.any(String),
          reason: expect.stringContaining('is spent'),
          clusters: ['*'],
          namespaces: ['*'],
        },
        checkedAt: '2026-03-01T12:00:00.000Z',
      },
      { service: 'search', objectives: [{ slo: 'latency', target: 0.9, window: '28d', alerts: [] }] },
    ],
  });
});

it('shows which objectives are silent, and since when; also one that nothing was ever heard of', async () => {
  const objectives = [
    { target: 0.99, silentAfter: '15m' },
    { slo: 'latency', target: 0.99, silentAfter: '15m' },
  ];
  const platform = await startPlatform({ services: [{ name: 'checkout', objectives }] });
  const pass = async (minutes: number): Promise<void> => {
    for (let n = 0; n < minutes; n++) {
      await platform.bus.advance('1m');
      await noticeSilence(platform.ports);
    }
  };
  const shown = async (): Promise<unknown> => (await platform.get(handle)).json;
  const both = (availability: object, latency: object): object => ({
    services: [
      {
        objectives: [
          { slo: 'availability', ...availability },
          { slo: 'latency', ...latency },
        ],
      },
    ],
  });

  await pass(1);
  await platform.bus.publish(
    newEvent(HealthCheck, {
      ...{ source: '/probe', time: '2026-03-01T12:01:00Z' },
      data: { service: 'checkout', slo: 'availability', good: 1, total: 1 },
    }),
  );
  await pass(20);
  const checkedAt = '2026-03-01T12:01:00.000Z';
  expect(await shown()).toMatchObject(both({ checkedAt, silentSince: checkedAt }, { silentSince: checkedAt }));
  expect(await shown()).not.toHaveProperty('services.0.objectives.1.checkedAt');

  await platform.check('checkout', 1, 1);
  expect(await shown()).not.toHaveProperty('services.0.objectives.0.silentSince');
});

it('lists one service', async () => {
  const platform = await startPlatform(config);

  expect((await platform.get(handle, '?service=search')).json).toMatchObject({ services: [{ service: 'search' }] });
  expect((await platform.get(handle, '?service=none')).json).toEqual({ services: [] });
  expect((await platform.get(handle, '?name=search')).status).toBe(400);
});
