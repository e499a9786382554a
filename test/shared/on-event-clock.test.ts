/**
 * When what follows from a message is due, by what the Functions host says of the message, in whatever zone. The zone is the
 * process's, and so these tests need one of their own: a worker thread (as the mutation tests run in) cannot change it.
 */
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { parseConfig } from '../../shared/config.ts';
import { newEvent } from '../../shared/events/cloud-event.ts';
import { DeploymentRequested } from '../../shared/events/deployment.ts';
import { traceContextOf } from '../../shared/local/functions-host/invoke.ts';
import { triggerMetadata } from '../../shared/local/functions-host/message-data.ts';
import { InMemoryEventBus } from '../../shared/local/testing/in-memory-event-bus.ts';
import { onEvent, usePorts } from '../../shared/on-event.ts';
import { requeueAfter } from '../../shared/ports/handler.ts';
import { HISTORY_LIMITS } from '../../shared/settings.ts';
import { sampleData } from '../support/events.ts';
import { functionApp } from '../support/function-app.ts';
import { clustersOf, FixedClock } from '../support/ports.ts';

const FUNCTION = 'deployment-requested';
const due: number[] = [];
let app: Awaited<ReturnType<typeof functionApp>>;

beforeAll(async () => {
  const bus = new InMemoryEventBus();
  bus.schedule = async ({ at }) => void due.push(at);
  usePorts({
    portsFor: (log) => ({
      ...{ publisher: bus, deadLetterQueue: bus, state: new MemoryStateStore(), clusters: clustersOf({}) },
      measurements: { count: async () => undefined },
      ...{ notifier: { notify: async () => {} }, clock: new FixedClock(), config: parseConfig({}) },
      log,
    }),
    options: {},
    historyLimits: HISTORY_LIMITS,
  });
  app = await functionApp(() => onEvent(DeploymentRequested, async () => requeueAfter(1_000)));
});

/** Has a handler ask for another look in a second, at noon by the host's clock. @returns when it is due */
async function dueAfter(enqueuedTimeUtc: string, extension: object = {}): Promise<string> {
  const event = newEvent(DeploymentRequested, { source: '/ci', data: sampleData.DeploymentRequested });
  const string = JSON.stringify({ ...event, ...extension });
  // As the real host gives them; the rest of the message plays no part.
  const message = { enqueuedTimeUtc: new Date(enqueuedTimeUtc), body: string } as Parameters<typeof triggerMetadata>[0];
  await app.run(FUNCTION, {
    inputData: [{ name: app.triggerOf(FUNCTION), data: { string } }],
    triggerMetadata: triggerMetadata(message, { string }),
    traceContext: traceContextOf(undefined),
  });
  return new Date(due.pop() ?? 0).toISOString();
}

function inZone(zone: string): void {
  const before = process.env['TZ'];
  onTestFinished(() => {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  });
  process.env['TZ'] = zone;
}

it.each(['UTC', 'Asia/Tokyo', 'America/Los_Angeles'])(
  'counts a delay from when the message was enqueued, on a machine in %s',
  async (zone) => {
    inZone(zone);

    expect(await dueAfter('2026-03-01T12:00:05Z')).toBe('2026-03-01T12:00:06.000Z');
  },
);

it('counts a delay from now after a wait in a backlog', async () => {
  expect(await dueAfter('2026-03-01T11:50:00Z')).toBe('2026-03-01T12:00:01.000Z');
});

it.each([
  ['a time that is far off', '2027-01-01T00:00:00Z'],
  ['a time without a zone', '2026-03-01T12:30:00'],
  ['no time', 'soon'],
])("does not believe a field of the body in the place of the message's own time: %s", async (_, enqueuedtime) => {
  expect(await dueAfter('2026-03-01T12:00:00Z', { enqueuedtime })).toBe('2026-03-01T12:00:01.000Z');
});

it('reads a time without a zone as none in a zone ahead of UTC, too', async () => {
  inZone('America/Noronha');
  expect(new Date('2026-03-01T10:00:00').toISOString()).toBe('2026-03-01T12:00:00.000Z');

  // 25 minutes ahead as local time, and long ago as UTC.
  const enqueuedtime = '2026-03-01T10:25:00';
  expect(await dueAfter('2026-03-01T12:00:00Z', { enqueuedtime })).toBe('2026-03-01T12:00:01.000Z');
});
