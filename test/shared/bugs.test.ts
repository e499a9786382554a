/** A bug, wherever it is, is in the log once for each time it strikes, with the lines that it came from. */

import { describe, expect, it } from 'vitest';
import { forgetOldWhenDue } from '../../shared/delivery/retention.ts';
import { NotFoundError } from '../../shared/errors.ts';
import { respond } from '../../shared/http/on-http.ts';
import type { Cluster } from '../../shared/ports/cluster.ts';
import type { Ports } from '../../shared/ports/handler.ts';
import type { StateStore } from '../../shared/ports/state.ts';
import { applyChange } from '../../shared/releases/apply-change.ts';
import { HISTORY_LIMITS } from '../../shared/settings.ts';
import { counting, done, event, HANDLER, worldOf } from '../support/delivery-cases.ts';
import { httpRequest } from '../support/http.ts';
import { type LogLine, RecordingLog } from '../support/ports.ts';

const HERE = /^ {4}at .*bugs\.test\.ts:\d+:\d+/m;

function bug(): never {
  throw new Error('x');
}

const withStack = (lines: readonly LogLine[]): LogLine[] => lines.filter(({ fields }) => fields['stack'] !== undefined);

describe('a bug', () => {
  it('in a handler is logged with its stack, once a failure, and the record keeps the message alone', async () => {
    const world = worldOf(
      counting(
        async () => bug(),
        async () => bug(),
        done,
      ),
    );
    await world.bus.publish(event);

    await world.run();

    const found = withStack(world.log.lines);
    expect(found.map(({ message }) => message)).toEqual(Array(2).fill('attempt failed'));
    expect(found[0]?.fields).toMatchObject({ reason: 'Error', error: 'x', stack: expect.stringMatching(HERE) });
  });

  it('that uses up all attempts is logged with its stack each time, and is not in the errors queue', async () => {
    const world = worldOf(async () => bug());
    await world.bus.publish(event);

    await world.run();

    const messages = withStack(world.log.lines).map(({ message }) => message);
    expect(messages).toEqual(Array(12).fill('attempt failed'));
    expect(await world.record(HANDLER, event)).toMatchObject({ status: 'dead-lettered', error: 'x' });
    expect(JSON.stringify(await world.bus.deadLetters('0', 10))).not.toContain('bugs.test.ts');
  });

  it('of a fault that is expected has no stack in the log', async () => {
    const world = worldOf(async () => {
      throw new NotFoundError('gone');
    });
    await world.bus.publish(event);

    await world.run();

    expect(withStack(world.log.lines)).toEqual([]);
  });

  it('in an HTTP function is logged with its stack', async () => {
    const log = new RecordingLog();

    // A handler that fails asks for nothing else.
    await respond('test', async () => bug(), httpRequest({}), { log } as unknown as Ports);

    expect(log.lines[0]?.fields['stack']).toMatch(HERE);
  });

  it('in a cluster, which only makes a rollout wait, is logged with its stack', async () => {
    const log = new RecordingLog();
    const change = { namespace: 'n', deployment: 'd', requestId: 'r', rank: '1', changeCause: 'c', containers: [] };

    await applyChange({
      // Nothing else is asked.
      cluster: () => ({ rollout: async () => bug() }) as unknown as Cluster,
      ...{
        change,
        make: async () => {},
        before: async () => {},
        since: 0,
        deadline: 9,
        now: () => 1,
        requeueAfterMs: 1,
        log,
      },
    });

    expect(withStack(log.lines).map(({ fields }) => fields['stack'])).toEqual([expect.stringMatching(HERE)]);
  });

  it('in forgetting old history is logged with its stack', async () => {
    const log = new RecordingLog();
    // Nothing else is asked.
    const state = { query: () => bug() } as unknown as StateStore;

    await forgetOldWhenDue({ state, clock: { now: () => 0 }, log }, HISTORY_LIMITS);

    expect(log.lines[0]?.fields['stack']).toMatch(HERE);
  });

  it('in a notifier is logged with its stack', async () => {
    const world = worldOf(
      counting(async (_, { notifier }) => {
        await notifier.notify({ key: 'k', severity: 'info', title: 't', text: 't', event });
      }, done),
    );
    world.notify = async () => bug();
    await world.bus.publish(event);

    await world.run();

    expect(withStack(world.log.lines).map(({ fields }) => fields['stack'])).toEqual([expect.stringMatching(HERE)]);
  });
});
