/** What is stored of objectives beside their counts: how far they are measured, allowances, freezes, silences. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStateStore } from '../../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../../shared/config.ts';
import { ConflictError, InvalidEventError } from '../../../shared/errors.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { HealthCheck } from '../../../shared/events/platform.ts';
import type { HandlerPorts, Ports } from '../../../shared/ports/handler.ts';
import { admittedObjectives } from '../../../shared/slo/admission.ts';
import { dropCompletedChecks } from '../../../shared/slo/compact-checks.ts';
import { endFreeze, freeze, liftFreeze } from '../../../shared/slo/freezes.ts';
import { changeHealth, healthOf } from '../../../shared/slo/health-store.ts';
import { remember } from '../../../shared/slo/id-set.ts';
import {
  beginProgress,
  isMeasured,
  measuredCheck,
  progressOf,
  saveProgress,
} from '../../../shared/slo/measured-checks.ts';
import { newObjectiveHealth } from '../../../shared/slo/objective-health.ts';
import { isPending, newHealth } from '../../../shared/slo/service-health.ts';
import { noticeSilence } from '../../../shared/slo/silence.ts';
import { takeMeasurements } from '../../../shared/slo/take-measurements.ts';
import { openAfter } from '../../support/late-calls.ts';
import { FixedClock, RecordingLog } from '../../support/ports.ts';
import { gated } from '../../support/process.ts';

const MINUTE = 60_000;
const measurements = { source: 'main', good: 'g', total: 't' };
const CONFIG = parseConfig({
  measurements: { main: { kind: 'prometheus', url: 'http://localhost:9090' } },
  services: [
    {
      name: 'web',
      objectives: [
        { slo: 'availability', target: 0.99, measurements },
        { slo: 'latency', target: 0.99, measurements },
      ],
    },
    { name: 'api', objectives: [{ slo: 'availability', target: 0.99, maxEventsPerMinute: 10 }] },
    { name: 'job', objectives: ['a', 'b'].map((slo) => ({ slo, target: 0.99, silentAfter: '5m' })) },
  ],
});
const cause = {
  ...{ slo: 'a', since: '2026-03-01T00:00:00Z', reason: 'spent', episode: 'e', windowMs: 1e12 },
  ...{ clusters: ['*'], namespaces: ['*'] },
};

let state: MemoryStateStore;
let clock: FixedClock;
beforeEach(() => {
  state = new MemoryStateStore();
  clock = new FixedClock();
});

const check = (data: object, more: object = {}): EventOf<typeof HealthCheck> =>
  newEvent(HealthCheck, { id: 'c-1', source: '/probe', data: { service: 'web', good: 1, total: 1, ...data }, ...more });

describe('an objective that is measured', () => {
  const [availability, latency] = [
    { service: 'web', slo: 'availability' },
    { service: 'web', slo: 'latency' },
  ];

  it('is measured for itself, whatever is known of another', async () => {
    await beginProgress(state, availability, 1);
    expect(await progressOf(state, latency)).toBeUndefined();
    await beginProgress(state, latency, 2);

    expect((await progressOf(state, availability))?.value).toMatchObject({ until: 1, hasGood: false });
    await expect(beginProgress(state, availability, 3)).rejects.toThrow(ConflictError);
  });

  it('is measured by the instance that was faster, and the other one says nothing', async () => {
    const slower = gated(state, (call, op) =>
      op === 'insert' ? Promise.reject(new ConflictError('there is one')) : call(),
    );

    // It asks for no more than these.
    const ports = { config: CONFIG, state: slower, clock, log: new RecordingLog() } as unknown as Ports;
    await expect(takeMeasurements(ports, clock.now() + MINUTE)).resolves.toBeUndefined();
  });

  it('is saved over what was read, and over nothing else', async () => {
    await beginProgress(state, availability, 1);
    const read = await progressOf(state, availability);
    if (!read) expect.fail('it has begun');
    const next = { value: { ...read.value, until: 2 }, etag: read.etag };

    const saved = await saveProgress(state, availability, next);

    expect(saved).toEqual(await progressOf(state, availability));
    await expect(saveProgress(state, availability, next)).rejects.toThrow(ConflictError);
  });

  it('takes what this app has measured, and none that says so', async () => {
    const said = measuredCheck(availability, { until: 1, key: 'guessed', hasGood: true }, { good: 0, total: 9 });
    expect(await isMeasured(state, said)).toBe(false);
    await beginProgress(state, availability, 1);
    const { value } = (await progressOf(state, availability)) ?? expect.fail('it has begun');

    const ours = measuredCheck(availability, value, { good: 0, total: 9 });

    expect([await isMeasured(state, said), await isMeasured(state, ours)]).toEqual([false, true]);
    expect(await isMeasured(state, { ...ours, data: { ...ours.data, good: 1 } })).toBe(false);
    expect(await isMeasured(state, { ...ours, source: '/probe' })).toBe(false);
    expect(await admittedObjectives(ours, { config: CONFIG, state })).toMatchObject([{ slo: 'availability' }]);
    await expect(admittedObjectives(said, { config: CONFIG, state })).rejects.toMatchObject({
      ...{ reason: 'InvalidEvent', id: said.id, type: 'HealthCheck' },
    });
  });
});

it('an objective with a bound takes no more than can have happened, each check once', async () => {
  const of = (total: number, id: string, minutes = 0) => {
    const time = new Date(clock.now() + minutes * MINUTE).toISOString();
    const sent = check({ service: 'api', good: total, total }, { id, time });
    return admittedObjectives(sent, { config: CONFIG, state });
  };

  await of(590, 'c-1');
  await of(590, 'c-1');
  await of(10, 'c-2');
  const refused = await of(11, 'c-3', 1).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InvalidEventError);
  expect(refused).toMatchObject({
    ...{ id: 'c-3', type: 'HealthCheck' },
    issues: [{ path: 'data.total', value: 11, expected: "at most 10, by maxEventsPerMinute of 'availability'" }],
  });
  await of(10, 'c-4', 1);
  await expect(of(1, 'c-5', 0)).rejects.toThrow('at most 0');
  await of(600, 'c-6', 1_000);
  await expect(of(11, 'c-7', 1_001)).rejects.toThrow('at most 10');
});

it('a check that counts for nothing matters where an objective that is gone has frozen the service', () => {
  const depleted = { ...newObjectiveHealth('gone', 0), depletedBy: 'e' };
  const of = (...objectives: (typeof depleted)[]): boolean =>
    isPending({ ...newHealth('web'), objectives }, 'c', CONFIG.services[2]?.objectives ?? []);

  expect([of(), of(depleted), of({ ...depleted, slo: 'a' })]).toEqual([false, true, false]);
});

it('two objectives that are silent since the same time are each told until somebody was', async () => {
  const told: string[] = [];
  let fails = true;
  const notify = async ({ key }: { key: string }): Promise<void> => {
    if (fails && key.startsWith('job/b/')) throw new Error('away');
    told.push(key.split('/').slice(0, 3).join('/'));
  };
  const ports = { state, config: CONFIG, clock, notifier: { notify }, log: new RecordingLog() };
  const begun = noticeSilence(ports);
  await begun;
  clock.advance(5 * MINUTE);

  await expect(noticeSilence(ports)).rejects.toThrow('away');
  fails = false;
  await noticeSilence(ports);
  await noticeSilence(ports);

  expect(told).toEqual(['job/a/silent', 'job/b/silent']);
});

it('nothing is under way any more when it is done', async () => {
  const name = { service: 'web', slo: 'availability' };
  await beginProgress(state, { ...name, slo: 'latency' }, 0);
  const { value, etag } = (await progressOf(state, { ...name, slo: 'latency' })) ?? expect.fail('it has begun');
  const counted = Array.from({ length: 96 }, (_, n) => `c-${n}`).reduce(remember, '');
  const full = await changeHealth(state, 'web', () => ({ ...newHealth('web'), counted }));
  const log = new RecordingLog();
  const asked = {
    ...{ config: CONFIG, clock, log, publisher: { publish: async () => {} } },
    measurements: { count: async () => ({ good: 1, total: 1, until: clock.now() }) },
  };
  const works: Readonly<Record<string, Parameters<typeof openAfter>[0]>> = {
    save: (late) => saveProgress(late(state), { ...name, slo: 'latency' }, { value, etag }),
    begin: (late) => beginProgress(late(state), name, 0),
    freeze: (late) => freeze(late(state), 'web', cause),
    lift: (late) => liftFreeze(late(state), 'web', 'a', 'other'),
    end: (late) => endFreeze(late(state), 'web', 0),
    admit: (late) => admittedObjectives(check({ service: 'api' }), { config: CONFIG, state: late(state) }),
    // Neither asks for more than these.
    drop: (late) =>
      dropCompletedChecks(full, { state: late(state), log, isCompleted: async () => true } as unknown as HandlerPorts),
    measure: (late) => takeMeasurements({ ...asked, state: late(state) } as unknown as Ports, clock.now() + MINUTE),
    silence: (late) => {
      clock.advance(6 * MINUTE);
      return noticeSilence({ state: late(state), config: CONFIG, clock, notifier: { notify: async () => {} }, log });
    },
  };

  for (const [done, work] of Object.entries(works)) expect([done, await openAfter(work)]).toEqual([done, []]);
  clock.advance(6 * MINUTE);
  expect(await openAfter((late) => works['silence']?.(late) ?? expect.fail())).toEqual([]);
  const { counted: left } = (await healthOf(state, 'web')) ?? expect.fail('it was counted for');
  expect(left.split(',').filter((id) => id !== '')).toHaveLength(64);
});
