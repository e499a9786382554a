/** Which checks count for which objective of a service. */
import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/platform/health-check.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import { healthOf } from '../../../shared/slo/health-store.ts';
import { unlistedChecks } from '../../../shared/slo/unlisted-checks.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

const production = { target: 0.99, namespaces: ['production'] };
const services = (...objectives: object[]): object => ({ services: [{ name: 'web', objectives }] });
const config = services(production, { ...production, slo: 'latency' });

class Checks {
  readonly state = new MemoryStateStore();
  config = config;

  async deliver(data: object, at = NOW): Promise<RecordingPorts> {
    const time = new Date(at).toISOString();
    const event = newEvent(HealthCheck, {
      source: '/probe',
      time,
      data: { service: 'web', good: 0, total: 100, ...data },
    });
    const { state } = this;
    const ports = recordingPorts({ handling: event, state, config: this.config, clock: new FixedClock(at) });
    await handle(event, ports);
    return ports;
  }

  /** The bad events of each objective in its window. */
  async bad(): Promise<Record<string, number>> {
    const { objectives = [] } = (await healthOf(this.state, 'web')) ?? {};
    return Object.fromEntries(objectives.map(({ slo, buckets }) => [slo, buckets.sums['30d'].bad]));
  }
}

describe('a check', () => {
  it('of staging neither pages production nor spends its budget', async () => {
    const checks = new Checks();
    await checks.deliver({ namespace: 'production', good: 100 });

    const { published, notifications } = await checks.deliver({ namespace: 'staging' });

    expect([published, notifications]).toEqual([[], []]);
    expect(await checks.bad()).toEqual({ availability: 0, latency: 0 });
    expect(await unlistedChecks(checks.state)).toBe(0);
  });

  it('that names an objective counts for that one alone', async () => {
    const checks = new Checks();
    await checks.deliver({ namespace: 'production', good: 100 });

    const { published } = await checks.deliver({ namespace: 'production', slo: 'latency' });

    expect(await checks.bad()).toEqual({ availability: 0, latency: 100 });
    expect(published.map(({ data }) => 'slo' in data && data.slo)).toEqual(['latency', 'latency']);
  });

  it('that names none counts for each that holds where it was measured', async () => {
    const checks = new Checks();
    checks.config = services(production, { slo: 'everywhere', target: 0.99 });

    await checks.deliver({ namespace: 'production' });
    await checks.deliver({ namespace: 'staging' });

    expect(await checks.bad()).toEqual({ availability: 100, everywhere: 200 });
  });

  it.each([
    [
      'names an objective that there is not',
      { namespace: 'production', slo: 'freshness' },
      "no objective 'freshness' for 'web'",
    ],
    ['does not say where it was measured', {}, 'it does not say where it was measured'],
    ['is of another service', { service: 'odd' }, "no objective for 'odd'"],
  ])('that %s is not counted, and told once an hour', async (_, data, text) => {
    const checks = new Checks();

    const first = await checks.deliver(data);
    const second = await checks.deliver(data);

    expect(first.notifications).toMatchObject([{ severity: 'warning', text: expect.stringContaining(text) }]);
    expect(second.notifications).toEqual([]);
    expect(await checks.bad()).toEqual({});
    expect(await unlistedChecks(checks.state)).toBe(2);
  });

  it('leaves the windows of other objectives where they were', async () => {
    const checks = new Checks();
    await checks.deliver({ namespace: 'production', slo: 'latency' });

    await checks.deliver({ namespace: 'production', slo: 'availability', good: 100 }, NOW + 20 * HOUR);

    const { objectives = [] } = (await healthOf(checks.state, 'web')) ?? {};
    expect(objectives.map(({ slo, buckets, open }) => [slo, buckets.at - NOW, open])).toEqual([
      ['availability', 20 * HOUR, []],
      ['latency', 0, ['page', 'ticket']],
    ]);
  });
});

describe('an objective that was removed', () => {
  it('goes on with its counts when it comes back', async () => {
    const checks = new Checks();
    await checks.deliver({ namespace: 'production' });
    checks.config = services({ ...production, slo: 'latency' });
    await checks.deliver({ namespace: 'production' });
    checks.config = config;

    await checks.deliver({ namespace: 'production' });

    expect(await checks.bad()).toEqual({ availability: 200, latency: 300 });
  });

  it('is forgotten when nothing of it is in a window', async () => {
    const checks = new Checks();
    await checks.deliver({ namespace: 'production' });
    checks.config = services({ ...production, slo: 'latency' });

    await checks.deliver({ namespace: 'production' }, NOW + 31 * 24 * HOUR);

    expect(await checks.bad()).toEqual({ latency: 100 });
  });
});
