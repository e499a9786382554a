/** The longest that a function may take is no guess: here it takes that long, with everything as slow as it may be. */
import { expect, it } from 'vitest';
import { MemoryStateStore } from '../../shared/adapters/memory-store.ts';
import { deliver } from '../../shared/delivery/deliver.ts';
import { claimedRecord, firstRecord, recordKey, recordPartition } from '../../shared/delivery/event-record.ts';
import { Isolation } from '../../shared/delivery/isolation.ts';
import { TransientError } from '../../shared/errors.ts';
import type { PlatformEvent } from '../../shared/events/catalog.ts';
import { exampleEvent } from '../../shared/events/examples.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { HealthCheck, SLOViolation } from '../../shared/events/platform.ts';
import { VirtualClock } from '../../shared/local/service-bus/core/clock.ts';
import type { Handler, Ports } from '../../shared/ports/handler.ts';
import {
  MAX_BESIDE_HANDLER_MS,
  MAX_TURN_MS,
  SEND_ATTEMPTS_MS,
  STORE_ATTEMPT_MS,
  STORE_PAUSES_MS,
} from '../../shared/timeout.ts';
import { sampleData } from '../support/events.ts';
import { recordingPorts } from '../support/ports.ts';

const HANDLER_MS = 20_000;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const STORE_MS = sum([...STORE_PAUSES_MS, ...Array(STORE_PAUSES_MS.length + 1).fill(STORE_ATTEMPT_MS)]);
const SEND_MS = sum(SEND_ATTEMPTS_MS);

it('takes as long as it may, and no longer, when it waits for everything and fails at the end', async () => {
  const clock = new VirtualClock();
  const timer = (ms: number, run: () => void) => clock.at(clock.now() + ms, run).cancel;
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void timer(ms, resolve));
  const event = exampleEvent('HealthCheck');
  const { state, ports } = slowPorts(pause, clock);
  // Two runs of it vanished: the next needs the process to itself.
  const first = firstRecord(
    { handler: 'health-check', event, summary: undefined, redelivery: 0, nonce: 'gone' },
    clock.now(),
  );
  const claimed = claimedRecord(first, 'run', { redelivery: 0, runId: 'gone', now: clock.now(), leaseMs: 0 });
  const key = recordKey('health-check', eventKey(event));
  await state.insert(recordPartition(key), key, { ...claimed, vanished: 1 });
  // Another run has the process to itself, and lets it go at the last moment.
  const isolation = new Isolation(clock.now() - 60_000);
  const other = await isolation.enter(timer, clock.now());
  await other.alone();
  timer(MAX_TURN_MS + 2 * STORE_MS + MAX_TURN_MS - 1, other.leave);
  const begun = clock.now();
  let endedAfterMs: number | undefined;
  let handled = 0;
  const handle: Handler<never> = async (_, { publish }) => {
    handled++;
    await pause(HANDLER_MS - 1);
    publish(SLOViolation, sampleData.SLOViolation);
    return { requeueAfterMs: 1_000 };
  };

  const options = { timer, isolation, handlerTimeoutMs: HANDLER_MS, random: () => 0.5 };
  const ended = deliver({ definition: HealthCheck, handle, body: event, deliveryCount: 50 }, ports, options).catch(
    (error) => {
      endedAfterMs = clock.now() - begun;
      throw error;
    },
  );
  ended.catch(() => undefined);
  await clock.advance('1h');

  await expect(ended).rejects.toThrow('away');
  expect(handled).toBe(1);
  expect(endedAfterMs).toBe(MAX_BESIDE_HANDLER_MS + HANDLER_MS - 2);
});

/** Every call takes its time, and what follows the handler cannot be sent. */
function slowPorts(
  pause: (ms: number) => Promise<void>,
  clock: VirtualClock,
): { state: MemoryStateStore; ports: Ports } {
  const state = new MemoryStateStore();
  const slowly =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await pause(STORE_MS);
      return call(...args);
    };
  const slowState = {
    get: slowly((partition: string, rowKey: string) => state.get<never>(partition, rowKey)),
    insert: slowly((...args: [string, string, unknown]) => state.insert(...args)),
    put: slowly((...args: [string, string, unknown, string]) => state.put(...args)),
    transact: slowly((...args: Parameters<MemoryStateStore['transact']>) => state.transact(...args)),
  };
  const publisher = {
    publishAll: () => pause(2 * SEND_MS),
    schedule: async () => {
      await pause(SEND_MS);
      throw new TransientError('the broker is away');
    },
  };
  const recording = recordingPorts({ handling: exampleEvent('HealthCheck') as PlatformEvent });
  return { state, ports: { ...recording, state: slowState, clock, publisher } as unknown as Ports };
}
