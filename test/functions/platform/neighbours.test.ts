/** Whether a page is explained by what burns beside it: the same service elsewhere, or another measure of the same place. */
import { expect, it } from 'vitest';
import { pagesOf } from '../../../shared/blame/pages.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentRequested, DeploymentRolledBack } from '../../../shared/events/deployment.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { startPlatform } from '../../support/platform.ts';

const NORTH = { target: 0.999, rollbackOnPage: 'act', clusters: ['north'] };
const SOUTH = { target: 0.999, slo: 'south', clusters: ['south'] };

const PLACES: Readonly<Record<string, object>> = {
  south: { cluster: 'south' },
  elsewhere: { cluster: 'north', namespace: 'elsewhere' },
};

interface Outcome {
  readonly goesBack: readonly (string | undefined)[];
  readonly because: readonly string[];
}

/** The service burns in the north, and beside it what is given, once `web:bad` was released in some clusters. */
async function outcome(beside: { readonly slo: string }, released: string[], isBurningToo: boolean): Promise<Outcome> {
  const platform = await startPlatform({
    clusters: { north: {}, south: {} },
    services: [{ name: 'web', workloads: ['*/shop/web'], objectives: [NORTH, beside] }],
  });
  const { bus, ports } = platform;
  const serve = async (minutes: number, share: number): Promise<void> => {
    for (let n = 0; n < minutes; n++) {
      for (const [slo, failing] of [
        ['availability', share],
        [beside.slo, isBurningToo ? share : 0],
      ] as const) {
        const place = PLACES[slo] ?? { cluster: 'north' };
        const data = { service: 'web', slo, ...place, total: 1_000, good: 1_000 * (1 - failing) };
        await bus.publish(newEvent(HealthCheck, { source: '/probe', time: platform.now(), data }));
      }
      await bus.advance('1m');
    }
  };
  for (const cluster of ['north', 'south']) await platform.deploy('web', '1', { cluster });
  await serve(60, 0);
  for (const cluster of released) {
    const data = { cluster, namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:bad' };
    await bus.publish(newEvent(DeploymentRequested, { source: '/ci', time: platform.now(), data }));
  }
  await serve(12, 0.5);
  const pages = await pagesOf(ports.state, 'web');
  const page = pages.find(({ slo }) => slo === 'availability') ?? expect.fail('nobody was paged');
  return {
    goesBack: bus.events({ type: DeploymentRolledBack.type }).map(({ subject }) => subject),
    because: page.weighed.map(({ because }) => because),
  };
}

const TOO_EARLY = 'it is too early to tell whether something else burns too';
const NOTHING_ELSE = 'nothing else changed when it began';
const burnsToo = (slo: string): string => `web (${slo}) began to burn at the same time without being part of it`;
const ELSEWHERE = { ...NORTH, slo: 'elsewhere', namespaces: ['elsewhere'] };
const LATENCY = { ...NORTH, slo: 'latency', rollbackOnPage: 'off' };

it.each([
  ['the south is well', SOUTH, ['north'], false, ['north/shop/web'], [TOO_EARLY, NOTHING_ELSE]],
  ['the south burns without the release', SOUTH, ['north'], true, [], [burnsToo('south')]],
  ['another namespace burns', ELSEWHERE, ['north'], true, [], [burnsToo('elsewhere')]],
  ['the south has the release, too', SOUTH, ['north', 'south'], true, ['north/shop/web'], [TOO_EARLY, NOTHING_ELSE]],
  ['the same place burns by another measure', LATENCY, ['north'], true, ['north/shop/web'], [NOTHING_ELSE]],
])('when %s', async (_, beside, released, isBurningToo, goesBack, because) => {
  expect(await outcome(beside, released, isBurningToo)).toEqual({ goesBack, because });
});
