import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/http/dashboard.ts';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import { type DeploymentSummary, digestOf, oldestErrors } from '../../../shared/status/summaries.ts';
import type { Timer } from '../../../shared/timeout.ts';
import { respond } from '../../support/api-contract.ts';
import { sampleData } from '../../support/events.ts';
import { httpRequest } from '../../support/http.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const nothing = { count: 0, seconds: 0 };
const services = [{ name: 'web', objectives: [{ target: 0.99 }] }];

async function pageOf({ get }: Platform): Promise<string> {
  return (await get(handle)).body ?? '';
}

/** What is read on the page. */
function text(page: string): string {
  return page
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
}

const refused = { applicationProperties: { DeadLetterReason: 'InvalidEvent' } };

describe('GET /api/dashboard', () => {
  it('shows what needs somebody first', async () => {
    const platform = await startPlatform({ services });
    await platform.deploy('web', '1');
    await platform.deploy('bad', 'fail-1');
    await platform.deploy('late', '1');
    await platform.check('web', 900, 1_000);
    platform.bus.broker.send('errors', [{ subject: 'Misspelt', body: 'x', sizeBytes: 1, ...refused }]);

    const page = await pageOf(platform);

    expect(page).toContain('<title>1 failing · 1 errors · platform-events</title>');
    expect(text(page)).toMatch(/Errors .* InvalidEvent Misspelt .* errors replay 1 /);
    expect(text(page)).toMatch(/web availability, 30d 90 % of 99 % -900 % page ticket frozen/);
    expect(text(page)).toMatch(/default\/shop\/bad failed failing for .* default\/shop\/late completed/);
  });

  /** A good event that the broker gave up on so long ago. */
  async function giveUp({ bus }: Platform, id: string, marks: object = {}): Promise<void> {
    const event = newEvent(HealthCheck, { id, source: '/probe', data: sampleData.HealthCheck });
    const queue = bus.broker.resolve('health-check/Subscriptions/health-check');
    const body = Buffer.from(JSON.stringify({ ...event, ...marks }));
    bus.broker.send('health-check', [{ messageId: id, subject: 'HealthCheck', body, sizeBytes: body.length }]);
    for (const held of queue.receive(1)) {
      queue.deadLetter(held, 'MaxDeliveryCountExceeded', 'after 100 attempts');
    }
  }

  it('tells entries that come back by themselves from those that wait for somebody', async () => {
    const platform = await startPlatform();
    await platform.bus.close();
    const { ports } = platform;
    const bus = new InMemoryEventBus({ clock: ports.clock as VirtualClock });
    const own: Platform = {
      ...platform,
      bus,
      get: () => respond('dashboard', handle, httpRequest({}), { ...ports, publisher: bus, deadLetterQueue: bus }),
    };
    await giveUp(own, 'new');
    await bus.advance('10s');

    const page = await pageOf(own);
    expect(page).toContain('<title>platform-events</title>');
    expect(text(page)).toMatch(/MaxDeliveryCountExceeded HealthCheck .* replayed by itself in 50 s Nobody need do/);

    await giveUp(own, 'often', { automaticreplays: 4 });
    const later = await pageOf(own);
    expect(later).toContain('<title>1 errors · platform-events</title>');
    expect(text(later)).toMatch(/waits for you: replayed 4 times .* errors replay 2 /);

    await bus.advance('20m');
    expect(await pageOf(own)).toContain('<title>2 errors · platform-events</title>');
    expect(text(await pageOf(own))).toContain('waits for you: its replay is overdue');
  });

  it('shows a subscription that is missing, and not those that are there', async () => {
    const platform = await startPlatform();
    platform.bus.broker.deleteSubscription('cluster-created', 'cluster-created');

    const shown = text(await pageOf(platform));

    expect(shown).toMatch(/degraded .* subscription\/cluster-created the subscription does not exist/);
    expect(shown).not.toContain('subscription/cluster-updated');
  });

  it('shows what people sent as text', async () => {
    const platform = await startPlatform();
    const subject = '<script>alert("x")</script>';
    platform.bus.broker.send('errors', [{ subject, body: 'x', sizeBytes: 1, ...refused }]);

    const page = await pageOf(platform);

    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  });

  it('shows no text that turns the reading direction', async () => {
    const platform = await startPlatform();
    platform.bus.broker.send('errors', [{ subject: 'a\u202eb\u0085c', body: 'x', sizeBytes: 1, ...refused }]);

    const page = await pageOf(platform);

    expect(page).toContain('<td>a b c</td>');
    expect(page).not.toMatch(/\p{Bidi_Control}/u);
  });

  it('may load nothing from anywhere, be shown in no frame, and sends nobody its address', async () => {
    const { headers } = await (await startPlatform()).get(handle);

    expect(headers?.['content-security-policy']).toContain("frame-ancestors 'none'");

    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'referrer-policy': 'no-referrer',
    });
  });

  it('keeps the most urgent of any number of deployments, and counts all', async () => {
    const counts = { deployed: 1, completed: 1, failed: 0, rework: 0, rolledBack: 0 };
    const doraTotals = { ...counts, leadTime: { count: 1, seconds: 2 }, recovery: nothing };
    async function* deployments(): AsyncIterable<DeploymentSummary> {
      for (let n = 0; n < 1_000; n++) {
        const names = { cluster: 'default', namespace: 'shop', deployment: `d-${n}`, service: 'web' };
        const newest = {
          requestId: 'r',
          requestSource: '/ci',
          correlationId: 'c',
          image: 'i',
          phase: 'completed',
          isOver: n !== 500,
        } as const;
        yield {
          ...{ ...names, target: `d-${n}`, doraTotals, knownGoodImages: {}, newest: { ...newest, since: n } },
          ...(n === 10 && { failingSince: 1 }),
        };
      }
    }

    const { mostUrgent, ...rest } = await digestOf(deployments(), 4);

    expect(mostUrgent.map(({ target }) => target)).toEqual(['d-10', 'd-500', 'd-999', 'd-998']);
    expect(rest).toEqual({
      ...{ count: 1_000, failing: 1 },
      doraTotals: { ...doraTotals, deployed: 1_000, completed: 1_000, leadTime: { count: 1_000, seconds: 2_000 } },
    });
  });

  it('asks no further for errors when that takes too long', async () => {
    let asked = 0;
    let giveUp = (): void => {};
    const deadLetters = async (from: string): Promise<unknown[]> => {
      if (++asked === 3) giveUp();
      await new Promise(setImmediate);
      return [{ sequenceNumber: String(Number(from) + 1) }];
    };
    const timer: Timer = (_, callback) => {
      giveUp = callback;
      return () => {};
    };

    expect(await oldestErrors({ deadLetterQueue: { deadLetters } as never }, 1_000, timer)).toBeUndefined();
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);

    expect(asked).toBe(3);
  });

  it('says so when there is nothing yet', async () => {
    const page = text(await pageOf(await startPlatform()));

    expect(page).toContain('None: every event is handled');
    expect(page).toContain('No deployments yet.');
    expect(page).toContain('No events yet.');
  });

  it('shows the rest while the broker is unavailable', async () => {
    const { ports, deploy } = await startPlatform();
    await deploy('web', '1');
    const away = (): Promise<never> => Promise.reject(new TransientError('no connection'));
    const bus = Object.assign(Object.create(ports.publisher), { ping: away, deadLetters: away });

    const { body = '' } = await respond('dashboard', handle, httpRequest({}), {
      ...ports,
      publisher: bus,
      deadLetterQueue: bus,
    });

    expect(text(body)).toMatch(/down .* service-bus no connection .* cannot be read: .* default\/shop\/web completed/);
  });
});
