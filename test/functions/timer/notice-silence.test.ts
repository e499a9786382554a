import { describe, expect, it } from 'vitest';
import { handle as checked } from '../../../functions/platform/health-check.ts';
import { handle } from '../../../functions/timer/notice-silence.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { TransientError } from '../../../shared/errors.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { Ports } from '../../../shared/ports/handler.ts';
import type { Notification, Notifier } from '../../../shared/ports/notifier.ts';
import { healthOf } from '../../../shared/slo/health-store.ts';
import { objectiveHealthOf } from '../../../shared/slo/service-health.ts';
import { FixedClock, recordingPorts } from '../../support/ports.ts';

const MINUTE = 60_000;
const config = {
  services: [
    {
      name: 'web',
      team: 'shop',
      objectives: [
        { target: 0.99, silentAfter: '15m' },
        { slo: 'latency', target: 0.99, silentAfter: '1h' },
        { slo: 'freshness', target: 0.99 },
      ],
    },
    { name: 'search', objectives: [{ target: 0.99, silentAfter: '15m' }] },
  ],
};

class Watch {
  readonly config: object;
  readonly clock = new FixedClock('2026-03-01T12:00:00Z');
  readonly state = new MemoryStateStore();
  readonly told: Notification[] = [];
  notify: (notification: Notification) => Promise<void> = async (notification) => void this.told.push(notification);

  constructor(configured: object = config) {
    this.config = configured;
  }

  async check(service: string, { agoMs = 0, ...data }: { slo?: string; agoMs?: number } = {}): Promise<void> {
    const time = new Date(this.clock.now() - agoMs).toISOString();
    const event = newEvent(HealthCheck, { source: '/probe', time, data: { service, good: 0, total: 0, ...data } });
    await checked(event, { ...this.#ports(event), notifier: { notify: (one) => this.notify(one) } });
  }

  /** The timer, every minute. */
  async pass(minutes: number): Promise<void> {
    for (let n = 0; n < minutes; n++) {
      this.clock.advance(MINUTE);
      await this.tick();
    }
  }

  async tick(): Promise<void> {
    const notifier: Notifier = { notify: (one) => this.notify(one) };
    // The timer asks for what every handler has.
    await handle({ ...this.#ports(undefined), notifier } as unknown as Ports);
  }

  /** Titles with the minute of the silence that they are about. */
  titles(): string[] {
    return this.told.map(({ title, key }) => `${title}: ${key.split('/')[1]}`);
  }

  #ports(event: ReturnType<typeof newEvent> | undefined): ReturnType<typeof recordingPorts> {
    const handling = event ?? newEvent(HealthCheck, { source: '/x', data: { service: 'x', good: 1, total: 1 } });
    const { state, clock } = this;
    return recordingPorts({
      handling: handling as Parameters<typeof recordingPorts>[0]['handling'],
      state,
      clock,
      config: this.config,
    });
  }
}

describe('silence', () => {
  it('longer than an objective allows is told once, to its team, and ended by the next check', async () => {
    const watch = new Watch();
    await watch.check('web');
    await watch.check('search');
    await watch.pass(14);
    expect(watch.told).toEqual([]);
    await watch.check('search');

    await watch.pass(10);

    expect(watch.told).toMatchObject([
      {
        key: `web/availability/silent/${Date.parse('2026-03-01T12:00:00Z')}`,
        severity: 'warning',
        title: 'web is silent',
        text: expect.stringContaining("the last health check of 'availability' is of 2026-03-01T12:00:00.000Z"),
        team: 'shop',
      },
    ]);
    await watch.check('web');
    await watch.check('web');
    expect(watch.titles().slice(1)).toEqual(['web is heard of again: availability']);
    expect(watch.told[1]?.key).toBe(`web/availability/heard/${Date.parse('2026-03-01T12:00:00Z')}`);
  });

  it('is of each objective by itself, and none where it says nothing of it', async () => {
    const watch = new Watch();
    await watch.check('web');
    for (let n = 0; n < 10; n++) {
      await watch.pass(9);
      await watch.check('web', { slo: 'availability' });
      await watch.check('search');
    }

    expect(watch.titles()).toEqual(['web is silent: latency']);
  });

  it('of what was never heard of counts from when it was first waited for', async () => {
    const watch = new Watch();

    await watch.pass(15);
    expect(watch.told).toEqual([]);
    await watch.pass(1);

    expect(watch.titles()).toEqual(['web is silent: availability', 'search is silent: availability']);
    const health = await healthOf(watch.state, 'search');
    expect(health && objectiveHealthOf(health, 'availability')).toBeUndefined();
  });

  it('is told by the next run when people could not be notified, and keeps nothing from the others', async () => {
    const watch = new Watch();
    await watch.check('web');
    await watch.check('search');
    const { notify } = watch;
    watch.notify = async (one) => {
      if (one.title.startsWith('web')) throw new TransientError('the channel is away');
      await notify(one);
    };
    watch.clock.advance(15 * MINUTE);

    await expect(watch.tick()).rejects.toThrow('the channel is away');
    expect(watch.titles()).toEqual(['search is silent: availability']);
    watch.notify = notify;
    await watch.pass(3);

    expect(watch.titles()).toEqual(['search is silent: availability', 'web is silent: availability']);
  });

  it('is not ended by a check from before it, which comes late', async () => {
    const watch = new Watch();
    await watch.check('search');
    await watch.pass(20);

    await watch.check('search', { agoMs: 30 * MINUTE });
    await watch.pass(1);

    expect(watch.titles().filter((title) => title.startsWith('search'))).toEqual(['search is silent: availability']);
    await watch.check('search');
    expect(watch.titles().at(-1)).toBe('search is heard of again: availability');
  });

  it('begins again after it was ended', async () => {
    const watch = new Watch();
    await watch.check('search');
    await watch.pass(20);
    await watch.check('search');
    await watch.pass(20);

    expect(watch.titles().filter((title) => title.startsWith('search'))).toEqual([
      'search is silent: availability',
      'search is heard of again: availability',
      'search is silent: availability',
    ]);
  });

  it('of everything at once, while no channel answers, is told in runs that end within the time of a function', async () => {
    const services = Array.from({ length: 60 }, (_, n) => ({
      name: `s-${n}`,
      objectives: [{ target: 0.99, silentAfter: '15m' }],
    }));
    const watch = new Watch({ services });
    await watch.pass(15);
    const tried = new Set<string>();
    watch.notify = async ({ key }) => {
      tried.add(key);
      watch.clock.advance(5_000);
      throw new TransientError('no answer in time');
    };
    const took: number[] = [];

    for (let run = 0; run < 60; run++) {
      watch.clock.advance(MINUTE);
      const begun = watch.clock.now();
      await expect(watch.tick()).rejects.toThrow('no answer');
      took.push(watch.clock.now() - begun);
    }

    expect(Math.max(...took)).toBeLessThan(3 * MINUTE);
    expect(tried.size).toBe(60);
  });
});
