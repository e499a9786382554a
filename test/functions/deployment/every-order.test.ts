/**
 * Two requests for one target: every order of deliveries, every message any number of times, runs cut off at any call
 * to the world, dead for good or awake again at any later time. `EXPLORE=all` goes through every combination, which
 * takes some minutes; without it each kind of trouble is gone through by itself.
 */
import { describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../../shared/events/deployment.ts';
import { derivedId, eventKey } from '../../../shared/events/identity.ts';
import type { Change, Cluster } from '../../../shared/ports/cluster.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import {
  canonical,
  checkOf,
  forgetfulDelivery,
  realDelivery,
  requestAt,
  runningBefore,
  T0,
} from '../../support/deployment-exploration.ts';
import { IMAGE } from '../../support/deployments.ts';
import { type Exploration, explore, type Site } from '../../support/explore.ts';

const isThorough = process.env['EXPLORE'] === 'all';
const TIMEOUT_MS = isThorough ? 3_600_000 : 60_000;

const pairs = [
  { tags: ['1', '2'], before: true },
  { tags: ['1', 'fail-2'], before: true },
  { tags: ['fail-1', '2'], before: true },
  { tags: ['fail-1', 'fail-2'], before: true },
  { tags: ['1', 'fail-2'], before: false },
  { tags: ['fail-1', '2'], before: false },
  { tags: ['1', '1'], before: true },
];

function exploration(tags: readonly string[], options: Partial<Exploration> & { before?: boolean }): Exploration {
  const { before = true, ...rest } = options;
  const requests = tags.map((tag, index) => requestAt(index, tag));
  return {
    mails: requests,
    now: T0 + 10,
    duplicates: false,
    cuts: 0,
    process: forgetfulDelivery,
    canonical,
    check: checkOf({ requests }),
    ...(before && { prepare: runningBefore }),
    ...rest,
  };
}

describe('two requests for one target end well in every order', () => {
  describe.each(pairs)('$tags, with a deployment before: $before', ({ tags, before }) => {
    it('when every message comes any number of times', async () => {
      const { ends } = await explore(exploration(tags, { before, process: realDelivery, duplicates: true }));

      expect(ends).toBeGreaterThan(1);
    });

    it('even when the delivery remembers nothing', async () => {
      const { ends } = await explore(exploration(tags, { before, duplicates: true }));

      expect(ends).toBeGreaterThan(1);
    });
  });

  it.each(isThorough ? pairs : pairs.slice(1, 2))(
    'when any one run is cut off anywhere, for good or for a while: $tags, $before',
    async ({ tags, before }) => {
      const { states, ends } = await explore(exploration(tags, { before, cuts: 1, duplicates: isThorough }));

      expect(states).toBeGreaterThan(1_000);
      expect(ends).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );

  // Without the weaker delivery's help this takes longest; one request and its rollback stand for the rest.
  it.each(isThorough ? pairs : [{ tags: ['fail-1'], before: true }])(
    'when any one run of the real delivery is cut off anywhere: $tags, $before',
    async ({ tags, before }) => {
      const trouble = { process: realDelivery, cuts: 1, duplicates: isThorough };
      const { states, ends } = await explore(exploration(tags, { before, ...trouble }));

      expect(states).toBeGreaterThan(300);
      expect(ends).toBeGreaterThan(30);
    },
    TIMEOUT_MS,
  );
});

describe('a release whose service burns its budget', () => {
  const request = requestAt(0, '1');
  const PAGE = eventKey({ source: '/handlers/health-check', id: 'page' });
  const violation: PlatformEvent = newEvent(DeploymentFailed, {
    id: derivedId({ parent: PAGE, type: 'DeploymentFailed', handler: 'slo-violation' }),
    source: '/handlers/slo-violation',
    time: new Date(T0 + 5).toISOString(),
    data: {
      ...{ namespace: 'shop', deployment: 'web', image: `${IMAGE}:1` },
      ...{ requestId: request.id, requestSource: request.source },
      ...{ reason: 'SLOViolation', message: 'burns 14.4 times too fast', durationSeconds: 1 },
    },
  });

  it.each([
    { duplicates: true, cuts: 0 },
    { duplicates: isThorough, cuts: 1 },
  ])(
    'is rolled back or left alone, whenever the page comes: $duplicates, $cuts',
    async (trouble) => {
      const mails = [request, violation];
      const check = checkOf({ requests: [request], isBlamed: true });

      // As slo-violation leaves it, before it publishes the failure.
      const prepare = async (state: StateStore): Promise<void> => {
        await runningBefore(state);
        await state.insert('blamed-releases', eventKey(request), { by: PAGE });
      };

      const { ends } = await explore(exploration([], { mails, check, prepare, ...trouble }));

      expect(ends).toBeGreaterThan(4);
    },
    TIMEOUT_MS,
  );
});

describe('the exploration finds', () => {
  it('a handler that does not publish again what it died before publishing', async () => {
    const process = async (body: unknown, event: PlatformEvent, site: Site): Promise<void> => {
      // Whoever comes second thinks that the first one has done it all.
      const isSecond = (await site.state.get('handled', event.id)) !== undefined;
      const bus = { ...site.bus, publishAll: isSecond ? async () => {} : site.bus.publishAll };
      const handled = {
        ...bus,
        publishAll: async (events: readonly PlatformEvent[]): Promise<void> => {
          if (events.length > 0) await site.state.put('handled', event.id, true, '*');
          await bus.publishAll(events);
        },
      };
      await forgetfulDelivery(body, event, { ...site, bus: handled });
    };

    await expect(explore(exploration(['1', '2'], { process, cuts: 1 }))).rejects.toThrow(/has not ended/);
  });

  it('a cluster that lets a run that was cut off overwrite what is newer', async () => {
    let changes = 0;
    const unfenced = <C extends Change>(change: C): C => ({
      ...change,
      rank: `9999/${String(++changes).padStart(9, '0')}`,
    });
    const process = async (body: unknown, event: PlatformEvent, site: Site): Promise<void> => {
      const guarded: Site = {
        ...site,
        guard: (make) =>
          site.guard((state, now) => {
            const cluster: Cluster = make(state, now);
            return {
              ...cluster,
              apply: (release) => cluster.apply(unfenced(release)),
              rollback: (rollback) => cluster.rollback(unfenced(rollback)),
            };
          }),
      };
      await forgetfulDelivery(body, event, guarded);
    };
    const withoutRank: Exploration['canonical'] = (key, value, now) => {
      const { rank: _, ...rest } = Object(canonical(key, value, now));
      return rest;
    };

    await expect(explore(exploration(['1', '2'], { process, cuts: 1, canonical: withoutRank }))).rejects.toThrow(
      /default\/shop\/web runs/,
    );
  });
});
