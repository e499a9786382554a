/**
 * Messages of one event are delivered by processes whose every call is held. Every order of the calls is played in which a
 * call is held back at most so many times for another one: those are the orders in which faults are found.
 */
import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../shared/errors.ts';
import type { PlatformEvent } from '../../../shared/events/catalog.ts';
import { DeploymentRequested, DeploymentStarted } from '../../../shared/events/deployment.ts';
import { flushPromises } from '../../../shared/local/service-bus/core/clock.ts';
import { type Handler, requeueAfter } from '../../../shared/ports/handler.ts';
import { event, HANDLER } from '../../support/delivery-cases.ts';
import { DeliveryWorld } from '../../support/delivery-world.ts';
import { sampleData } from '../../support/events.ts';
import { type HeldCall, HeldProcesses } from '../../support/held-processes.ts';

/** Longer than a lease, and shorter than a lock. */
const LEASE_OVER_MS = 40_000;

/** How often a call is held back for another one, by what happens once beside, at any point. */
const SWITCHES = { nothing: 2, 'the lease runs out': 1, 'the process dies': 2 };
type Trouble = keyof typeof SWITCHES;

/** What the handler does at its n-th look. */
type Plan = (look: number) => ReturnType<Handler>;

const plans: readonly [string, Plan][] = [
  ['ends at once', async () => {}],
  ['looks twice', async (look) => (look < 2 ? requeueAfter(2_000) : undefined)],
  [
    'fails once',
    async (look) => {
      if (look < 2) throw new TransientError('wait');
    },
  ],
];

/** Takes every way through a run, which asks for its next step as a number from 0 (inclusive) to the given one (exclusive). */
async function takeEveryWay(run: (choose: (below: number) => number) => Promise<void>): Promise<number> {
  const way: number[] = [];
  for (let ways = 1; ; ways++) {
    const widths: number[] = [];
    await run((below) => {
      widths.push(below);
      const step = way[widths.length - 1] ?? 0;
      way[widths.length - 1] = step;
      return step;
    });
    way.length = widths.length;
    while (way.length > 0 && (way.at(-1) ?? 0) + 1 >= (widths[way.length - 1] ?? 0)) way.pop();
    if (way.length === 0) return ways;
    way.push((way.pop() ?? 0) + 1);
  }
}

async function play(plan: Plan, choose: (below: number) => number, trouble: Trouble): Promise<void> {
  const begunAfterEnd: string[] = [];
  const children = new Set<string>();
  let looks = 0;
  const noteBegin = (handler: string, of: PlatformEvent): void => {
    if (world.hasEnded(handler, of)) begunAfterEnd.push(handler);
  };
  const requested: Handler = async (of, ports) => {
    noteBegin(HANDLER, of);
    const result = await plan(++looks);
    if (!result) ports.publish(DeploymentStarted, { ...sampleData.DeploymentStarted, requestId: of.id });
    return result;
  };
  const started: Handler = async (of) => {
    noteBegin('deployment-started', of);
    children.add(of.id);
  };
  const world = new DeliveryWorld([
    { definition: DeploymentRequested, handle: requested },
    { definition: DeploymentStarted, handle: started },
  ]);
  const processes = new HeldProcesses(world, [0, 0, 0]);
  await world.publishTwice(event);
  if (trouble === 'nothing') await world.publishTwice(event);
  for (const process of trouble === 'nothing' ? [0, 1, 2] : [0, 1]) processes.take(process);
  await flushPromises();

  const trail: string[] = [];
  let isOver = trouble === 'nothing';
  let switches = 0;
  let current: HeldCall['process'] | undefined;
  while (processes.held.length > 0) {
    const ours = processes.held.find(({ process }) => process === current);
    const others = !ours || switches < SWITCHES[trouble] ? processes.held.filter((call) => call !== ours) : [];
    const calls = ours ? [ours, ...others] : others;
    const call = calls[choose(calls.length + (isOver ? 0 : 1))];
    trail.push(call?.name ?? trouble);
    if (call) {
      if (ours && call !== ours) switches++;
      current = call.process;
      processes.move(processes.held.indexOf(call));
    } else {
      isOver = true;
      if (trouble === 'the process dies') processes.die(0);
      else {
        await world.clock.advance(LEASE_OVER_MS);
        processes.take(2);
      }
    }
    await flushPromises();
  }
  await processes.calmDown();

  const note = trail.join(', ');
  const records = (await world.records()).map(({ handler, status }) => `${handler} ${status}`);
  expect(begunAfterEnd, note).toEqual([]);
  expect(records.sort(), note).toEqual([`${HANDLER} completed`, 'deployment-started completed']);
  expect(children.size, `children after ${note}`).toBe(1);
  expect(world.bus.errors(), note).toEqual([]);
}

describe.each(plans)('an event whose handler %s', (_, plan) => {
  it.each([
    ['when it is delivered three times', 'nothing', 100],
    ['when it is delivered twice, and the lease runs out', 'the lease runs out', 100],
    ['when it is delivered twice, and a process dies', 'the process dies', 100],
  ] as const)('is handled once %s, in every order', { timeout: 60_000 }, async (_, trouble, least) => {
    const ways = await takeEveryWay((choose) => play(plan, choose, trouble));

    expect(ways).toBeGreaterThan(least);
  });
});
