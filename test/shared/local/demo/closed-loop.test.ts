import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { MissingStepError, playClosedLoop, type Stage } from '../../../../shared/local/demo/closed-loop.ts';
import type { Fault } from '../../../../shared/local/service-bus/core/faults.ts';
import { startPlatform } from '../../../../shared/local/testing/platform.ts';
import type { DeadLetterEntry } from '../../../../shared/ports/bus.ts';
import type { Notification } from '../../../../shared/ports/notifier.ts';

interface Play {
  readonly errors: readonly DeadLetterEntry[];
  readonly notifications: readonly Notification[];
}

const DAY = 86_400_000;

/** Forty days with the real handlers, the example's configuration, and virtual time. */
async function play({
  service = {},
  objective = {},
  faults = [],
}: {
  service?: object;
  objective?: object;
  faults?: readonly Fault[];
}): Promise<Play> {
  const json = JSON.parse(await readFile(new URL('../../../../platform.config.json', import.meta.url), 'utf8'));
  Object.assign(json.services[0], service);
  Object.assign(json.services[0].objectives[0], objective);
  const platform = await startPlatform({ config: json, start: '2026-03-01T08:00:00Z', hasTimers: false });
  const { bus, ports } = platform;
  for (const fault of faults) bus.faults.add(fault);
  const { clock } = bus;
  const stage: Stage = {
    ...{ clock, state: ports.state, clusters: ports.clusters },
    get notifications() {
      return platform.notifications;
    },
    get events() {
      return platform.events();
    },
    publish: (event) => bus.publish(event),
    advance: (ms) => bus.advance(ms),
    settled: () => bus.settled(),
    chapter: () => {},
  };
  const start = clock.now();
  try {
    await playClosedLoop(stage);
    expect(clock.now() - start).toBeGreaterThan(40 * DAY);
    return { errors: bus.errors(), notifications: platform.notifications };
  } finally {
    await bus.close();
  }
}

describe('the loop', () => {
  it.each([
    ['everything goes well', []],
    ['every message is delivered twice', [{ on: 'send', effect: 'duplicate', times: Number.POSITIVE_INFINITY }]],
    [
      'the locks of a hundred messages are lost',
      // Not a hundred in a row: they would be the hundred deliveries of one message, which then lies in errors.
      Array.from({ length: 100 }, (_, n) => ({ on: 'complete', effect: 'lose-lock', nth: 10 + 3 * n }) as const),
    ],
    [
      'the broker is busy now and then',
      [1, 5, 20, 60].map((nth) => ({ on: 'schedule', effect: 'fail', nth }) as const),
    ],
  ] satisfies [string, Fault[]][])('closes by itself in forty days when %s', async (_, faults) => {
    const { errors, notifications } = await play({ faults });

    expect(errors).toEqual([]);
    const alarms = new Map(
      notifications.filter(({ severity }) => severity === 'critical').map(({ key, title }) => [key, title]),
    );
    expect([...alarms.values()]).toEqual([
      expect.stringMatching(/^checkout burns its error budget \d+\.\d times too fast$/),
      'checkout still burns, and a change is to blame',
      'checkout is frozen',
    ]);
  });

  it.each([
    [
      'the objective does not ask for a rollback',
      { objective: { rollbackOnPage: 'off' } },
      'the page fails the bad release',
    ],
    ['the promise is a looser one', { objective: { target: 0.5 } }, 'the burning budget pages'],
    ['the objective is of another service', { service: { name: 'other' } }, 'the burning budget pages'],
  ])('does not close when %s, and the missing step is named', async (_, changes, step) => {
    const playing = play(changes);

    await expect(playing).rejects.toThrow(MissingStepError);
    await expect(playing).rejects.toThrow(step);
  });
});
