/** The overview: what hurts comes first, and how things stand is how the worst of it stands. */
import { describe, expect, it } from 'vitest';
import { handle as noticeSilence } from '../../../functions/timer/notice-silence.ts';
import { handle as readQueues } from '../../../functions/timer/read-queues.ts';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';
import { InMemoryEventBus } from '../../../shared/local/testing/in-memory-event-bus.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import { changeTarget } from '../../../shared/releases/target-store.ts';
import { oldestErrors } from '../../../shared/status/summaries.ts';
import type { Timer } from '../../../shared/timeout.ts';
import { sampleData } from '../../support/events.ts';
import { getPage, pageText, textOf } from '../../support/pages.ts';
import { type Platform, startPlatform } from '../../support/platform.ts';

const services = [{ name: 'web', objectives: [{ target: 0.99 }] }];
const refused = { applicationProperties: { DeadLetterReason: 'InvalidEvent' } };

const pageOf = async ({ ports }: Platform): Promise<string> => (await getPage(ports)).body ?? '';
const titleOf = (page: string): string | undefined => /<title>(.*)<\/title>/.exec(page)?.[1];

describe('the overview', () => {
  it('says in headline and title what hurts, and lists it before everything else', async () => {
    const platform = await startPlatform({ services });
    await platform.deploy('web', '1');
    await platform.deploy('bad', 'fail-1');
    await platform.deploy('late', '1');
    await platform.check('web', 900, 1_000);
    platform.bus.broker.send('errors', [{ subject: 'Misspelt', body: 'x', sizeBytes: 1, ...refused }]);

    const page = await pageOf(platform);

    const headline = '1 service pages, 1 service frozen, 1 deployment failing, 1 error waits';
    expect(titleOf(page)).toBe(`${headline} · platform-events`);
    expect(page).toContain(`<div class="headline bad"><h1>${headline}</h1>`);
    const listed = /<ul class="troubles">(.*?)<\/ul>/s.exec(page)?.[1] ?? '';
    expect([...listed.matchAll(/class="badge \w+">([^<]+)</g)].map(([, name]) => name)).toEqual([
      ...['page', 'frozen', 'failing', 'errors'],
    ]);
    expect(textOf(page)).toMatch(/web page ticket frozen .* availability 99 % over 30d overspent: 1000 % used/);
  });

  it('shows a refused release as such, although its event was handled', async () => {
    const platform = await startPlatform({ services });
    await platform.deploy('web', '1');
    await platform.check('web', 900, 1_000);
    await platform.deploy('web', '2');

    const page = textOf(await pageOf(platform));

    expect(page).toMatch(/refused default\/shop\/web 10 min ago: Frozen service 'web' is frozen since/);
    expect(page).toMatch(/Deployment State .* default\/shop\/web completed refused: Frozen ghcr.io\/shop\/web:1/);
    expect(page).toMatch(/DeploymentFailed default\/shop\/web Frozen Frozen: service 'web' is frozen/);
  });

  it('tells a refused release no more when a later one is let through, nor after a day', async () => {
    const platform = await startPlatform({ policies: { deployment: { registries: ['ghcr.io/shop'] } } });
    await platform.deploy('web', '1', { image: 'example.com/web:1' });
    expect(titleOf(await pageOf(platform))).toBe('1 release refused · platform-events');

    await platform.bus.advance('1d');
    expect(titleOf(await pageOf(platform))).toBe('Nothing needs you · platform-events');

    await platform.deploy('web', '2', { image: 'example.com/web:1' });
    await platform.deploy('web', '3');
    expect(titleOf(await pageOf(platform))).toBe('Nothing needs you · platform-events');
  });

  it('knows nothing good of a service that was never checked', async () => {
    const platform = await startPlatform({ services });

    const page = await pageOf(platform);

    expect(page).toContain('<div class="headline busy"><h1>1 service never checked</h1>');
    expect(page).not.toMatch(/badge good">keeps/);
    await platform.check('web', 1_000, 1_000);
    expect(await pageOf(platform)).toContain('<div class="headline good"><h1>Nothing needs you</h1>');
  });

  it('tells a service that has fallen silent', async () => {
    const silent = [{ name: 'web', objectives: [{ target: 0.99, silentAfter: '10m' }] }];
    const platform = await startPlatform({ services: silent });
    await platform.check('web', 1_000, 1_000);
    await platform.bus.advance('1h');
    await noticeSilence(platform.ports);

    expect(titleOf(await pageOf(platform))).toBe('1 service silent · platform-events');
    expect(await pageText(platform.ports, 'services')).toMatch(/web silent availability/);
    expect(await pageText(platform.ports, 'services/web')).toMatch(/Silent silent no check since 12:00:00: budget/);
  });

  it('tells a release that somebody has put back after it was rolled back', async () => {
    const platform = await startPlatform();
    await platform.deploy('web', '1');
    await platform.deploy('web', 'fail-2');
    expect(titleOf(await pageOf(platform))).toBe('Nothing needs you · platform-events');
    await changeTarget(platform.ports.state, 'default/shop/web', (record) => {
      const [newest, ...others] = record.releases;
      const putBack = { at: platform.ports.clock.now(), images: [], isNotified: true };
      return newest ? { ...record, releases: [{ ...newest, putBack }, ...others] } : record;
    });

    const page = await pageOf(platform);

    expect(titleOf(page)).toBe('1 release put back · platform-events');
    expect(textOf(page)).toMatch(/put back default\/shop\/web runs what was rolled back, again, since 0 s ago/);
    expect(await pageText(platform.ports, 'deployments')).toMatch(/default\/shop\/web put back rolled back/);
  });

  it('lists five services that page, and says how many more do', async () => {
    const names = Array.from({ length: 7 }, (_, n) => `web-${n}`);
    const platform = await startPlatform({ services: names.map((name) => ({ name, objectives: [{ target: 0.99 }] })) });
    for (const name of names) await platform.check(name, 900, 1_000);

    const page = textOf(await pageOf(platform));

    expect(page).toMatch(/7 services page, 7 services frozen/);
    expect(page).toMatch(/page web-4 burns .* \+ 2 2 more: all services frozen web-0/);
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
    const bus = new InMemoryEventBus({ clock: platform.ports.clock as VirtualClock });
    const ports: Ports = { ...platform.ports, publisher: bus, deadLetterQueue: bus };
    const own: Platform = { ...platform, bus, ports };
    await giveUp(own, 'new');
    await bus.advance('10s');

    expect(titleOf(await pageOf(own))).toBe('Nothing needs you · platform-events');
    expect(await pageText(ports, 'errors')).toMatch(
      /MaxDeliveryCountExceeded HealthCheck .* replayed by itself in 50 s/,
    );

    await giveUp(own, 'often', { automaticreplays: 4 });
    expect(titleOf(await pageOf(own))).toBe('1 error waits · platform-events');
    expect(await pageText(ports, 'errors')).toContain('waits for you: replayed 4 times');

    await bus.advance('20m');
    expect(titleOf(await pageOf(own))).toBe('2 errors wait · platform-events');
    expect(await pageText(ports, 'errors')).toContain('waits for you: its replay is overdue');
  });

  it('shows a subscription that is missing, and counts those that are there', async () => {
    const platform = await startPlatform();
    platform.bus.broker.deleteSubscription('cluster-created', 'cluster-created');

    const shown = textOf(await pageOf(platform));

    expect(shown).toContain('subscription/cluster-created is missing');
    expect(shown).toMatch(/missing subscription\/cluster-created the subscription does not exist/);
    expect(shown).toContain('up 11 subscriptions and triggers');
  });

  it('shows what people sent as text', async () => {
    const platform = await startPlatform();
    const subject = '<script>alert("x")</script>';
    platform.bus.broker.send('errors', [{ subject, body: 'x', sizeBytes: 1, ...refused }]);

    const { body = '' } = await getPage(platform.ports, 'errors');

    expect(body.match(/<script/g)).toHaveLength(1);
    expect(body).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  });

  it('shows no text that turns the reading direction', async () => {
    const platform = await startPlatform();
    platform.bus.broker.send('errors', [{ subject: 'a\u202eb\u0085c', body: 'x', sizeBytes: 1, ...refused }]);

    const { body = '' } = await getPage(platform.ports, 'errors');

    expect(body).toContain('<div>a b c</div>');
    expect(body).not.toMatch(/\p{Bidi_Control}/u);
  });

  it('may load nothing from anywhere, runs its own script alone, and is shown in no frame', async () => {
    const { headers, body = '' } = await getPage((await startPlatform()).ports);

    const policy = headers?.['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toContain('unsafe');
    expect(body).not.toMatch(/ (style|on\w+)=/);
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'referrer-policy': 'same-origin' });
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

  it('says how to publish when nothing was yet, and no more afterwards', async () => {
    const platform = await startPlatform();

    const page = textOf(await pageOf(platform));

    expect(page).toContain('None: every event is handled');
    expect(page).toContain('No deployments yet.');
    expect(page).toMatch(/Nothing was published yet .* npx platform-events publish DeploymentRequested --data '{/);
    expect(page).toContain('curl -X POST http://127.0.0.1/api/events');
    await platform.deploy('web', '1');
    expect(textOf(await pageOf(platform))).not.toContain('Nothing was published yet');
  });

  it('shows the rest while the broker is unavailable', async () => {
    const { ports, deploy } = await startPlatform();
    await deploy('web', '1');
    const away = (): Promise<never> => Promise.reject(new TransientError('no connection'));
    const bus = Object.assign(Object.create(ports.publisher), { ping: away, deadLetters: away });

    const shown = await pageText({ ...ports, publisher: bus, deadLetterQueue: bus });

    expect(shown).toMatch(/service-bus is down .* no connection .* default\/shop\/web completed/);
    expect(shown).toContain('The errors queue cannot be read: the broker does not answer.');
  });

  it('is a page too while the store is unavailable', async () => {
    const { ports } = await startPlatform();
    const away = (): never => {
      throw new TransientError('no connection');
    };
    const state = { ...ports.state, get: away, query: away, insert: away, ping: away };

    const { status, body = '' } = await getPage({ ...ports, state } as Ports);

    expect(status).toBe(503);
    expect(textOf(body)).toContain('The state store does not answer');
  });

  it('tells broker and errors as the timer read them, while they do not answer soon', async () => {
    const platform = await startPlatform();
    platform.bus.broker.send('errors', [{ subject: 'x', body: 'x', sizeBytes: 1, ...refused }]);
    await readQueues(platform.ports);
    const never = (): Promise<never> => new Promise(() => {});
    const bus = Object.assign(Object.create(platform.ports.publisher), { hasSubscription: never, deadLetters: never });
    const ports = { ...platform.ports, publisher: bus, deadLetterQueue: bus };

    const page = await pageText(ports);

    expect(page).toContain('1 error waits');
    expect(page).toMatch(/InvalidEvent unknown 1/);
    expect(page).toMatch(/up service-bus up state-store up cluster\/default up 12 subscriptions/);
  });

  it('counts the deliveries at once where no timer has, and else as the timer did', async () => {
    const platform = await startPlatform();
    await platform.deploy('web', '1');
    expect(await pageText(platform.ports)).toMatch(/Deliveries Deployments 1 /);

    await readQueues(platform.ports);
    await platform.deploy('web', '2');
    // Ten minutes later: the timer does not run.
    expect(await pageText(platform.ports)).toMatch(/Deliveries Deployments 2 /);
    await readQueues(platform.ports);
    await platform.bus.advance('1m');
    expect(await pageText(platform.ports)).toMatch(/Deliveries counted 1 min ago Deployments 2 /);
  });
});
