import { describe, expect, it } from 'vitest';
import { handle } from '../../../functions/platform/slo-violation.ts';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { targetOf } from '../../../shared/events/deployment-target.ts';
import { SLOViolation } from '../../../shared/events/platform.ts';
import type { StateStore } from '../../../shared/ports/state.ts';
import { advanceRelease, changeTarget } from '../../../shared/releases/release-record.ts';
import { admitRequest, startRelease } from '../../../shared/releases/release-states.ts';
import { rememberNewest } from '../../../shared/releases/suspects.ts';
import { contents, expectOneEffect } from '../../support/deaths.ts';
import { FixedClock, type RecordingPorts, recordingPorts } from '../../support/ports.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const configWith = (rollbackOnPage: string): object => ({
  services: [{ name: 'web', team: 'shop', objectives: [{ target: 0.99, rollbackOnPage }] }],
});
const config = configWith('act');
const data = { namespace: 'shop', deployment: 'web', image: 'ghcr.io/shop/web:2' };

type Violation = EventOf<typeof SLOViolation>;

function violation(severity: 'page' | 'ticket' = 'page', time = NOW): Violation {
  return newEvent(SLOViolation, {
    source: '/handlers/health-check',
    time: new Date(time).toISOString(),
    data: {
      ...{ service: 'web', slo: 'availability', severity, burnRate: 20, longWindow: '1h', shortWindow: '5m' },
      ...{ currentValue: 0.98, targetValue: 0.99, errorBudgetRemaining: 0.5 },
    },
  });
}

/** A release of the service as the deployment handlers leave it, begun at a time. */
async function release(state: StateStore, requestId: string, at: number): Promise<void> {
  const of = { requestId, requestSource: '/ci' };
  const request = { ...of, correlationId: `chain-${requestId}`, data, time: at };
  await changeTarget(state, targetOf(data), (record) =>
    admitRequest(record, request, { objection: undefined, overrode: undefined, at }),
  );
  const started = await advanceRelease(state, { ...data, ...of }, (record, it) =>
    startRelease(record, it, { by: `started-${requestId}`, at }, 10 * MINUTE),
  );
  if (started) await rememberNewest(state, 'web', started);
}

interface Options {
  readonly state?: StateStore;
  readonly config?: unknown;
}

async function deliver(event: Violation, options: Options = {}): Promise<RecordingPorts> {
  const ports = recordingPorts({ handling: event, config, clock: new FixedClock(NOW), ...options });
  await handle(event, ports);
  return ports;
}

describe('a violation', () => {
  it.each([
    ['page', 'critical'],
    ['ticket', 'warning'],
  ] as const)('that is a %s is notified as %s to the team', async (severity, expected) => {
    const { notifications } = await deliver(violation(severity));

    expect(notifications).toMatchObject([
      { severity: expected, team: 'shop', title: 'web burns its error budget 20.0 times too fast' },
    ]);
  });

  it('that pages within the look-back fails the newest release, in the chain of its request', async () => {
    const state = new MemoryStateStore();
    await release(state, 'r1', NOW - 30 * MINUTE);

    const page = violation();

    const { published, notifications } = await deliver(
      { ...page, data: { ...page.data, bad: 20, total: 100 } },
      { state },
    );

    expect(published).toMatchObject([
      {
        type: 'DeploymentFailed',
        correlationid: 'chain-r1',
        data: { ...data, requestId: 'r1', reason: 'SLOViolation', durationSeconds: 1_800 },
      },
    ]);
    expect(notifications[0]).toMatchObject({
      text: 'the release of ghcr.io/shop/web:2 is rolled back',
      facts: { request: 'r1', events: '20 of 100 bad in 1h', 'error budget': '50 % left' },
    });
  });

  it.each([
    ['a ticket', violation('ticket'), NOW - MINUTE, config],
    ['a page after the look-back', violation(), NOW - 61 * MINUTE, config],
    ['a page from before the release began', violation('page', NOW - 2 * MINUTE), NOW - MINUTE, config],
    ['a page of an objective that does not ask for it', violation(), NOW - MINUTE, configWith('off')],
    ['a page of an objective that is not configured', violation(), NOW - MINUTE, {}],
  ])('that is %s fails no release', async (_, event, startedAt, configured) => {
    const state = new MemoryStateStore();
    await release(state, 'r1', startedAt);

    const { published, notifications } = await deliver(event, { state, config: configured });

    expect(published).toEqual([]);
    expect(notifications).toHaveLength(1);
  });

  it('that pages where rollbackOnPage observes only says what it would roll back', async () => {
    const state = new MemoryStateStore();
    await release(state, 'r1', NOW - MINUTE);

    const { published, notifications } = await deliver(violation(), { state, config: configWith('observe') });

    expect(published).toEqual([]);
    expect(notifications).toMatchObject([
      { text: expect.stringContaining('it would be the release of ghcr.io/shop/web:2'), facts: { request: 'r1' } },
    ]);
    expect(await contents(state, 'blamed-releases')).toEqual({});
  });

  it('never fails a release that is superseded', async () => {
    const state = new MemoryStateStore();
    await release(state, 'r1', NOW - 20 * MINUTE);
    await release(state, 'r2', NOW - 10 * MINUTE);

    const { published } = await deliver(violation(), { state });

    expect(published.map(({ data }) => 'requestId' in data && data.requestId)).toEqual(['r2']);
  });

  it('fails a release once, however many violations it causes', async () => {
    const state = new MemoryStateStore();
    await release(state, 'r1', NOW - 10 * MINUTE);
    await deliver(violation(), { state });

    const { published } = await deliver(violation(), { state });

    expect(published).toEqual([]);
  });

  it('fails the release once, delivered twice or dying anywhere', async () => {
    const ending = await expectOneEffect(
      handle,
      violation(),
      async () => {
        const state = new MemoryStateStore();
        await release(state, 'r1', NOW - MINUTE);
        return { state, clock: new FixedClock(NOW), config };
      },
      ({ state }) => contents(state, 'blamed-releases', 'deployments'),
    );

    expect(ending.published).toHaveLength(1);
    expect(ending.notified).toHaveLength(1);
  });
});
