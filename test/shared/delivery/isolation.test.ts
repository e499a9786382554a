/** Runs share their process; one of them may have it to itself. */
import { describe, expect, it } from 'vitest';
import { Isolation, type Place } from '../../../shared/delivery/isolation.ts';
import { flushPromises, VirtualClock } from '../../../shared/local/service-bus/core/clock.ts';

const clock = new VirtualClock();
const timer = (ms: number, callback: () => void): (() => void) => clock.at(clock.now() + ms, callback).cancel;

/** What a promise came to by now; undefined when it is still to come. */
async function soFar<T>(promise: Promise<T>): Promise<T | undefined> {
  await flushPromises();
  return Promise.race([promise, Promise.resolve(undefined)]);
}

describe('a run that wants its process to itself', () => {
  it('waits for those under way, and lets nobody in until it leaves', async () => {
    const isolation = new Isolation();
    const [suspect, other] = [await isolation.enter(timer, 0), await isolation.enter(timer, 0)];

    const turn = suspect.alone();
    const late = isolation.enter(timer, 0);
    expect([await soFar(turn), await soFar(late)]).toEqual([undefined, undefined]);
    other.leave();
    expect([await soFar(turn), await soFar(late)]).toEqual([true, undefined]);
    suspect.leave();

    expect(await soFar(late)).toBeDefined();
  });

  it('takes turns with the others, when there are several', async () => {
    const isolation = new Isolation();
    const suspects = [await isolation.enter(timer, 0), await isolation.enter(timer, 0)] as [Place, Place];
    const turns = suspects.map((suspect) => suspect.alone()) as [Promise<boolean>, Promise<boolean>];
    const entering = isolation.enter(timer, 0);

    expect([await soFar(turns[0]), await soFar(turns[1]), await soFar(entering)]).toEqual([true, undefined, undefined]);
    suspects[0].leave();
    expect(await soFar(turns[1])).toBeUndefined();
    (await entering).leave();

    expect(await soFar(turns[1])).toBe(true);
  });

  it('has it already when it asks again', async () => {
    const place = await new Isolation().enter(timer, 0);

    expect([await place.alone(), await place.alone()]).toEqual([true, true]);
  });

  it('stops waiting when others are under way for too long, and they go on', async () => {
    const isolation = new Isolation();
    const [suspect, hanging] = [await isolation.enter(timer, 0), await isolation.enter(timer, 0)];
    const turn = suspect.alone();
    const late = isolation.enter(timer, 0);

    await clock.advance('30s');

    expect(await soFar(turn)).toBe(false);
    expect(await soFar(late)).toBeDefined();
    suspect.leave();
    hanging.leave();
    (await late).leave();
    expect(await soFar((await isolation.enter(timer, 0)).alone())).toBe(true);
  });

  it('lets those in who wait behind it, when it stops waiting before they do', async () => {
    const isolation = new Isolation();
    const [suspect] = [await isolation.enter(timer, 0), await isolation.enter(timer, 0)];
    const turn = suspect.alone();
    await clock.advance('10s');
    const late = isolation.enter(timer, 0);

    await clock.advance('20s');

    expect(await soFar(turn)).toBe(false);
    expect(await soFar(late)).toBeDefined();
  });

  it('keeps those waiting who come later, though somebody before them stops', async () => {
    const isolation = new Isolation();
    const suspect = await isolation.enter(timer, 0);
    await suspect.alone();
    const early = isolation.enter(timer, 0);
    await clock.advance('10s');
    const late = isolation.enter(timer, 0);

    await clock.advance('20s');
    expect([await soFar(early), await soFar(late)]).toEqual([expect.anything(), undefined]);
    suspect.leave();

    expect(await soFar(late)).toBeDefined();
  });

  it('keeps those waiting while another waits for it, though one stops', async () => {
    const isolation = new Isolation();
    const first = await isolation.enter(timer, 0);
    const [second] = [await isolation.enter(timer, 0), await isolation.enter(timer, 0)];
    const gaveUp = first.alone();
    await clock.advance('10s');
    const turn = second.alone();
    const late = isolation.enter(timer, 0);

    await clock.advance('20s');

    expect([await soFar(gaveUp), await soFar(turn), await soFar(late)]).toEqual([false, undefined, undefined]);
  });

  it('keeps nobody waiting for longer than half a minute', async () => {
    const isolation = new Isolation();
    const suspect = await isolation.enter(timer, 0);
    await suspect.alone();
    const late = isolation.enter(timer, 0);

    await clock.advance('29s');
    expect(await soFar(late)).toBeUndefined();
    await clock.advance('1s');

    expect(await soFar(late)).toBeDefined();
  });
});

it('spares its process what may end it for the first ten seconds', async () => {
  const isolation = new Isolation();
  const sparedAt = async (now: number): Promise<number> => (await isolation.enter(timer, now)).sparedMs;

  expect([await sparedAt(5_000), await sparedAt(9_000), await sparedAt(15_000)]).toEqual([10_000, 6_000, 0]);
  expect(await sparedAt(0), 'a clock that was put back').toBe(10_000);
});
