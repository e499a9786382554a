import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../../shared/adapters/memory-store.ts';
import { createWebhookNotifier, type WebhookOptions } from '../../../../shared/adapters/webhook/notifier.ts';
import { parseConfig } from '../../../../shared/config.ts';
import { ConfigError, PermanentError, TransientError } from '../../../../shared/errors.ts';
import { newEvent } from '../../../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../../../shared/events/deployment.ts';
import { ClusterUpdated } from '../../../../shared/events/infrastructure.ts';
import { parseEvent } from '../../../../shared/events/parse.ts';
import { SLOViolation } from '../../../../shared/events/platform.ts';
import type { Notification, Notifier } from '../../../../shared/ports/notifier.ts';
import { sampleData } from '../../../support/events.ts';
import { FixedClock } from '../../../support/ports.ts';
import { startWebhookServer, type WebhookServer } from '../../../support/webhook-server.ts';

const SECRET = '/services/T000/B000/very-secret';

let server: WebhookServer;
let clock: FixedClock;
let state: MemoryStateStore;
let pauses: number[];
beforeEach(async () => {
  server = await startWebhookServer();
  clock = new FixedClock();
  state = new MemoryStateStore();
  pauses = [];
});
afterEach(() => server.close());

function notifierFor(channels: readonly object[], rest: object = {}, options: Partial<WebhookOptions> = {}): Notifier {
  return createWebhookNotifier({
    config: parseConfig({ notifications: { channels, ...rest } }),
    state,
    clock,
    environment: { MAIN: server.urlOf(SECRET), SHOP: server.urlOf('/shop'), DEAD: 'http://127.0.0.1:1/dead-secret' },
    pause: async (ms) => void pauses.push(ms),
    ...options,
  });
}

/** What it is about nothing that happened: it has no event. */
const silence: Notification = { key: 'web/silent', severity: 'warning', title: 'web is silent', text: 'no checks' };

function notification(change: Partial<Notification> = {}): Notification {
  const event = newEvent(DeploymentFailed, { source: '/test', data: sampleData.DeploymentFailed });
  return { key: 'k1', severity: 'warning', title: 'web failed', text: 'not ready in time', event, ...change };
}

const slack = { format: 'slack', urlSetting: 'MAIN' };
const paths = (): string[] => server.received.map(({ path }) => path);

describe('routing', () => {
  it('sends to the channels that the severity fits', async () => {
    const notifier = notifierFor([
      { ...slack, severities: ['critical'] },
      { ...slack, urlSetting: 'SHOP' },
    ]);

    await notifier.notify(notification({ severity: 'warning' }));

    expect(paths()).toEqual(['/shop']);
  });

  it.each([
    { team: 'shop', expected: [SECRET, '/shop'] },
    { team: 'other', expected: [SECRET] },
    { team: undefined, expected: [SECRET] },
  ])("sends what is about team $team also to the team's own channel", async ({ team, expected }) => {
    const notifier = notifierFor([slack, { ...slack, urlSetting: 'SHOP', teams: ['shop'] }]);

    await notifier.notify(notification({ team }));

    expect(paths().sort()).toEqual(expected);
  });

  it('sends once to a place that two channels lead to', async () => {
    const notifier = notifierFor([
      { ...slack, severities: ['warning'] },
      { ...slack, teams: ['shop'] },
    ]);

    await notifier.notify(notification({ team: 'shop' }));

    expect(paths()).toEqual([SECRET]);
  });

  it('sends nothing where no channel is configured', async () => {
    await notifierFor([]).notify(notification());

    expect(server.received).toEqual([]);
  });
});

describe('sending once', () => {
  it('sends a repeated key once', async () => {
    const notifier = notifierFor([slack]);
    const again = notification();

    await notifier.notify(again);
    await notifier.notify(again);

    expect(server.received).toHaveLength(1);
  });

  it('does not send it for the same event even after the suppression is over', async () => {
    const notifier = notifierFor([slack], { suppressFor: '1h' });
    const again = notification();
    await notifier.notify(again);

    clock.advance(7_200_000);
    await notifier.notify(again);

    expect(server.received).toHaveLength(1);
  });

  it('suppresses the key of another event for as long as configured', async () => {
    const notifier = notifierFor([slack], { suppressFor: '1h' });
    await notifier.notify(notification());

    clock.advance(3_599_999);
    await notifier.notify(notification());
    const during = server.received.length;
    clock.advance(1);
    await notifier.notify(notification());

    expect([during, server.received.length]).toEqual([1, 2]);
  });

  it('sends nothing again to the channels that worked', async () => {
    const notifier = notifierFor([slack, { ...slack, urlSetting: 'SHOP' }]);
    server.answer('/shop', ...Array.from({ length: 3 }, () => ({ status: 503 })));
    const failing = notification();

    await expect(notifier.notify(failing)).rejects.toThrow(TransientError);
    await notifier.notify(failing);

    expect(paths().filter((path) => path === SECRET)).toHaveLength(1);
    expect(paths().filter((path) => path === '/shop')).toHaveLength(4);
  });

  it('forgets what is too old to come again', async () => {
    const notifier = notifierFor([slack]);
    for (let n = 0; n < 30; n++) await notifier.notify(notification({ key: `old-${n}` }));

    clock.advance(15 * 86_400_000);
    for (let n = 0; n < 60; n++) await notifier.notify(notification({ key: `new-${n}` }));

    let [old, recent] = [0, 0];
    for await (const { value } of state.query<{ at: number }>('notifications'))
      value.at < clock.now() ? old++ : recent++;
    expect(old).toBeLessThan(5);
    expect(recent).toBe(60);
  });
});

describe('faults of the receiver', () => {
  it.each([
    ['401', { status: 401 }],
    ['403', { status: 403 }],
    ['423', { status: 423 }],
    ['500', { status: 500 }],
    ['503', { status: 503 }],
    ['a short 429', { status: 429, headers: { 'Retry-After': '0' } }],
    ['a connection that breaks', 'reset'],
  ] as const)('attempts again quickly after %s', async (_, answer) => {
    server.answer(SECRET, answer, answer);

    await notifierFor([slack]).notify(notification());

    expect(server.received).toHaveLength(3);
    expect(pauses).toHaveLength(2);
  });

  it.each([
    { header: '60', expected: 60_000 },
    { header: 'Sun, 01 Mar 2026 12:02:00 GMT', expected: 120_000 },
  ])('passes on the wait of $header that a 429 asks for', async ({ header, expected }) => {
    server.answer(SECRET, { status: 429, headers: { 'Retry-After': header } });

    const error = await notifierFor([slack])
      .notify(notification())
      .catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ retryAfterMs: expected });
    expect([server.received.length, pauses.length]).toEqual([1, 0]);
  });

  it('gives up on a receiver that does not answer, and does not ask at once again', async () => {
    server.answer(SECRET, 'hang');

    await expect(notifierFor([slack], {}, { timeoutMs: 50 }).notify(notification())).rejects.toThrow(
      new TransientError('notifications.channels.0 (MAIN): no answer in time'),
    );
    expect(server.received).toHaveLength(1);
  });

  it.each([200, 500])('reads the beginning of an answer without an end, and hangs up (%d)', async (status) => {
    server.answer(SECRET, ...Array.from({ length: 3 }, () => ({ status, isEndless: true })));

    const outcome = await notifierFor([slack])
      .notify(notification())
      .then(
        () => 'taken',
        (error: unknown) => String(error),
      );

    expect(outcome).toBe(status === 200 ? 'taken' : 'TransientError: notifications.channels.0 (MAIN): answered 500');
    // What the sockets of both sides hold.
    expect(server.bytesWritten).toBeLessThan(32 * 1024 * 1024);
  });

  it('does not unpack an answer either', async () => {
    const body = gzipSync(Buffer.alloc(240 * 1024 * 1024));
    server.answer(SECRET, { status: 200, headers: { 'Content-Encoding': 'gzip' }, body });
    const before = process.memoryUsage.rss();

    await notifierFor([slack]).notify(notification());

    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('has notified a receiver that took it, though the answer breaks off', async () => {
    server.answer(SECRET, { status: 200, headers: { 'Content-Length': '9' }, body: 'ok' });

    await notifierFor([slack], {}, { timeoutMs: 200 }).notify(notification());

    expect(server.received).toHaveLength(1);
  });

  it.each([400, 404, 410, 302])('takes %d for a refusal', async (status) => {
    server.answer(SECRET, { status, headers: { Location: '/shop' }, body: 'no_service' });

    await expect(notifierFor([slack]).notify(notification())).rejects.toThrow(
      new PermanentError(`notifications.channels.0 (MAIN): answered ${status} no_service`),
    );
    expect(paths()).toEqual([SECRET]);
  });

  it('is worth another attempt when one of several channels is', async () => {
    const notifier = notifierFor([slack, { ...slack, urlSetting: 'DEAD' }]);
    server.answer(SECRET, { status: 404 });

    await expect(notifier.notify(notification())).rejects.toThrow(TransientError);
  });
});

describe('the address', () => {
  const everything = (error: unknown): string => {
    if (!(error instanceof Error)) return String(error);
    return `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause === undefined ? '' : everything(error.cause)}`;
  };

  it.each([
    ['a refusal that repeats it', { status: 400, body: `no such hook: ${SECRET}` }],
    ['a server error', { status: 500, body: SECRET }],
    ['a broken connection', 'reset'],
  ] as const)('is in no error after %s', async (_, answer) => {
    server.answer(SECRET, answer, answer, answer);

    const error = await notifierFor([slack])
      .notify(notification())
      .catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(Error);
    expect(everything(error)).not.toContain('very-secret');
  });

  it('is in no error when nobody listens there', async () => {
    const error = await notifierFor([{ ...slack, urlSetting: 'DEAD' }])
      .notify(notification())
      .catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(TransientError);
    expect(everything(error)).not.toContain('dead-secret');
  });

  it.each([
    ['nothing', undefined, /a webhook address, got nothing/],
    ['an empty text', ' ', /a webhook address, got nothing/],
    ['no address', 'very-secret', /an https address, got something else/],
    ['http to another machine', 'http://example.com/very-secret', /an https address, got something else/],
  ])('is asked for at the start when the setting holds %s', (_, value, expected) => {
    const make = (): Notifier => notifierFor([slack, slack], {}, { environment: { MAIN: value } });

    expect(make).toThrow(ConfigError);
    expect(make).toThrow(/notifications\.channels\.1\.urlSetting: expected the setting 'MAIN' to hold/);
    expect(make).toThrow(expected);
    expect(make).not.toThrow(/very-secret/);
  });
});

describe('formats', () => {
  const bodyOf = async (format: string, given: Partial<Notification>, rest: object = {}): Promise<unknown> => {
    await notifierFor([{ format, urlSetting: 'MAIN' }], rest).notify(notification(given));
    return JSON.parse(server.received[0]?.body ?? '');
  };

  it('writes blocks of plain texts for Slack, and mentions nobody on the phone either', async () => {
    const body = await bodyOf('slack', {
      severity: 'critical',
      title: 'down <!channel>',
      text: 'a & b <@U1> *bold* _x_ ~y~ `z` :fire:',
      team: 'shop',
      facts: { 'burn<rate>': '14 & *up*' },
    });

    const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });
    expect(server.received[0]?.headers['content-type']).toBe('application/json');
    expect(body).toEqual({
      text: '🚨 down &lt;!channel&gt;',
      mrkdwn: false,
      blocks: [
        { type: 'header', text: plain('down <!channel>') },
        { type: 'section', text: plain('🚨 a & b <@U1> *bold* _x_ ~y~ `z` :fire:') },
        { type: 'section', fields: [plain('team\nshop'), plain('burn<rate>\n14 & *up*')] },
        { type: 'context', elements: [plain(expect.stringMatching(/^DeploymentFailed [0-9a-f-]{36}$/) as never)] },
      ],
    });
  });

  it("stays within Slack's limits, and cuts no character or escape in half", async () => {
    const facts = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`name-${n}`, '&'.repeat(9_000)]));
    const long = await bodyOf('slack', { title: '😀'.repeat(500), text: '<'.repeat(9_000), facts });

    const { blocks } = long as { blocks: { text?: { text: string }; fields?: { text: string }[] }[] };
    expect(blocks[0]?.text?.text).toMatch(/^(😀)+…$/u);
    expect(blocks[0]?.text?.text.length).toBeLessThanOrEqual(150);
    expect(blocks[1]?.text?.text).toMatch(/^⚠️ <+…$/u);
    expect(blocks[1]?.text?.text.length).toBeLessThanOrEqual(3_000);
    expect(blocks[2]?.fields).toHaveLength(10);
    for (const field of blocks[2]?.fields ?? []) expect(field.text.length).toBeLessThanOrEqual(2_000);
  });

  it('cuts no escape in half in the text that phones show', async () => {
    expect(await bodyOf('slack', { title: '<'.repeat(9_000) })).toMatchObject({
      text: expect.stringMatching(/^⚠️ (&lt;)+…$/u),
    });
  });

  it.each(['slack', 'teams'])('writes no line of a sender, and no text that turns around, for %s', async (format) => {
    await bodyOf(format, {
      title: 'web\u202efdp.exe\nteam: shop',
      text: 'one\r\n\r\ntwo\u2028three\u0000\ud800\u2066',
      facts: { 'a\nb': 'c\n- d' },
    });

    const sent = server.received[0]?.body ?? '';
    expect(sent).toContain('web fdp.exe team: shop');
    expect(sent).toContain('one two three');
    expect(sent).toContain('c - d');
    expect(sent).not.toMatch(/\p{Bidi_Control}|\p{Surrogate}|\\ud800|\\u0000/u);
  });

  it.each([
    ['- item', '\\- item'],
    ['+ item', '\\+ item'],
    ['12. item', '12\\. item'],
    ['12) item', '12\\) item'],
    ['a - b + 1.2.3', 'a - b + 1.2.3'],
    ['1.2', '1\\.2'],
    ['![x](y) <b> `c` # d', '!\\[x\\](y) \\<b\\> \\`c\\` \\# d'],
  ])('writes %s as text for Teams', async (text, expected) => {
    await bodyOf('teams', { text });

    expect(server.received[0]?.body).toContain(JSON.stringify(expected));
  });

  it('writes an adaptive card for Teams', async () => {
    const body = await bodyOf('teams', { text: '[click](http://evil.example) *now*', facts: { budget: '12 %' } });

    expect(body).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            body: [
              { type: 'TextBlock', text: 'web failed', color: 'Warning' },
              { type: 'TextBlock', text: '\\[click\\](http://evil.example) \\*now\\*' },
              { type: 'FactSet', facts: [{ title: 'budget', value: '12 %' }, { title: 'event' }] },
            ],
          },
        },
      ],
    });
  });

  it.each([['"'], ['é'], ['\n'], ['*'], ['\u0000']])(
    'stays well within the 28 KB of Teams when filled with %j',
    async (char) => {
      const facts = Object.fromEntries(
        Array.from({ length: 50 }, (_, n) => [`${n}${char.repeat(900)}`, char.repeat(9_000)]),
      );

      await bodyOf('teams', { title: char.repeat(9_000), text: char.repeat(99_000), facts });

      expect(Buffer.byteLength(server.received[0]?.body ?? '')).toBeLessThan(21_000);
    },
  );

  it('sends the event itself as a CloudEvent', async () => {
    const body = await bodyOf('cloudevents', { key: 'x' });

    expect(server.received[0]?.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    expect(body).toMatchObject({
      type: 'DeploymentFailed',
      severity: 'warning',
      summary: 'web failed: not ready in time',
    });
    expect(parseEvent({ body, receivedAt: 0 }).event).toMatchObject({
      data: sampleData.DeploymentFailed,
    });
  });

  it.each([undefined, 'https://events.example.com/'])(
    'is sent of what is about no event, with base address %s',
    async (baseUrl) => {
      const all = ['slack', 'teams', 'cloudevents'].map((format) => ({ format, urlSetting: 'MAIN' }));
      const notifier = notifierFor(all, { ...(baseUrl && { baseUrl }) });

      await notifier.notify(silence);
      await notifier.notify(silence);

      const bodies = server.received.map(({ body }) => body);
      expect(bodies).toHaveLength(3);
      expect(bodies.every((body) => body.includes('web is silent') && !body.includes('undefined'))).toBe(true);
      expect(bodies.filter((body) => body.includes('https://events.example.com/api/dashboard'))).toHaveLength(
        baseUrl ? 2 : 0,
      );
      expect(bodies.map((body) => JSON.parse(body)).find(({ type }) => type === 'Notification')).toMatchObject({
        ...{ specversion: '1.0', id: 'web/silent', source: '/notifications', severity: 'warning' },
        ...{ summary: 'web is silent: no checks', data: { title: 'web is silent', text: 'no checks' } },
      });
    },
  );

  it('writes no line break into an attribute of a CloudEvent', async () => {
    const body = await bodyOf('cloudevents', { text: 'first\r\n\tsecond\u0000\u0085third' });

    expect(body).toMatchObject({ summary: 'web failed: first second third' });
  });

  it.each([
    ['https://events.example.com:8443/app', 'events.example.com'],
    [undefined, undefined],
  ])('shows a receiver of CloudEvents who sends, by the base address %s', async (baseUrl, origin) => {
    await bodyOf('cloudevents', {}, { baseUrl });

    expect(server.received[0]?.headers['webhook-request-origin']).toBe(origin);
  });

  const source = '/test';
  const deployment = { namespace: 'shop', deployment: 'web' };
  const failed = newEvent(DeploymentFailed, { source, data: { ...sampleData.DeploymentFailed, ...deployment } });
  const violation = newEvent(SLOViolation, { source, data: { ...sampleData.SLOViolation, service: 'checkout' } });
  const cluster = newEvent(ClusterUpdated, { source, data: sampleData.ClusterUpdated, correlationid: 'a b' });
  it.each<[string, Notification['event'], string]>([
    ['the deployment', failed, '/deployments/default/shop/web'],
    ['the service', violation, '/services/checkout'],
    ['the chain', cluster, '/chain?id=a+b'],
    ['the overview, when it is about no event', undefined, ''],
  ])('links to the page of %s, when a base address is configured', async (_, event, page) => {
    for (const format of ['slack', 'teams']) {
      const { event: __, ...without } = notification({ key: format });
      const notifier = notifierFor([{ format, urlSetting: 'MAIN' }], { baseUrl: 'https://events.example.com/' });

      await notifier.notify({ ...without, ...(event && { event }) });

      const [, link] = /(https:\/\/events\.example\.com[^"|]*)/.exec(server.received.at(-1)?.body ?? '') ?? [];
      expect(link).toBe(`https://events.example.com/api/dashboard${page}`);
    }
  });
});
