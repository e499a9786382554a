/** Two objectives spent by one check, each told, frozen and lifted by itself, whichever call fails on the way. */
import { expect, it } from 'vitest';
import { handle as depleted } from '../../../functions/platform/error-budget-depleted.ts';
import { handle as check } from '../../../functions/platform/health-check.ts';
import { handle as violated } from '../../../functions/platform/slo-violation.ts';
import { parseConfig } from '../../../shared/config.ts';
import { type EventOf, newEvent } from '../../../shared/events/cloud-event.ts';
import { eventKey } from '../../../shared/events/identity.ts';
import { ErrorBudgetDepleted, HealthCheck, SLOViolation } from '../../../shared/events/platform.ts';
import { failEachCall, runTogether, type Watch } from '../../support/call-faults.ts';
import { DeliveryWorld, type Handling } from '../../support/delivery-world.ts';

const handlings: readonly Handling[] = [
  { definition: HealthCheck, handle: check },
  { definition: SLOViolation, handle: violated },
  { definition: ErrorBudgetDepleted, handle: depleted },
];
const config = parseConfig({
  services: [{ name: 'checkout', team: 'shop', objectives: [{ target: 0.99 }, { slo: 'strict', target: 0.999 }] }],
});

function checkAt(now: number, id: string, good: number, total: number): EventOf<typeof HealthCheck> {
  const time = new Date(now).toISOString();
  return newEvent(HealthCheck, { id, source: '/probe', time, data: { service: 'checkout', good, total } });
}

/** The check that spends both. */
const first = eventKey({ source: '/probe', id: 'check-1' });

interface Freeze {
  readonly causes: readonly { readonly slo: string; readonly episode: string }[];
}

interface Ending {
  readonly ids: readonly string[];
  readonly notified: readonly string[];
  /** Of the freeze: each objective with its episode. */
  readonly causes: readonly string[];
  readonly records: readonly string[];
  readonly deadLetters: readonly string[];
  readonly isIdle: boolean;
}

async function play(watch: Watch, ...checks: { readonly good: number; readonly total: number }[]): Promise<Ending> {
  const world = new DeliveryWorld(handlings);
  const notified = new Set<string>();
  world.config = config;
  world.notify = async ({ key }) => void notified.add(key);
  for (const [n, { good, total }] of checks.entries()) {
    await world.bus.publish(checkAt(world.clock.now(), `check-${n + 1}`, good, total));
    await runTogether(world, watch);
  }
  const { causes } = (await world.state.get<Freeze>('freezes', 'checkout'))?.value ?? { causes: [] };
  const records = (await world.records()).map(({ handler, status }) => `${handler} ${status}`);
  return {
    ids: world.bus
      .events()
      .map(({ type, id }) => `${type} ${id}`)
      .sort(),
    notified: [...notified].sort(),
    causes: causes.map(({ slo, episode }) => `${slo} ${episode}`).sort(),
    records: records.sort(),
    deadLetters: world.bus.errors().map(({ reason }) => reason),
    isIdle: world.isIdle,
  };
}

const same = (ending: Ending, undisturbed: Ending, note: string): void => expect(ending, note).toEqual(undisturbed);

it('a check that spends both budgets has two of each event, and freezes the service for both', async () => {
  const ending = await failEachCall((watch) => play(watch, { good: 900, total: 1_000 }), same);

  expect(ending.ids.map((one) => one.split(' ')[0])).toEqual([
    ...['ErrorBudgetDepleted', 'ErrorBudgetDepleted', 'HealthCheck', 'SLOViolation', 'SLOViolation'],
  ]);
  expect(new Set(ending.ids).size).toBe(5);
  expect(ending.notified).toEqual(
    [
      `checkout/availability/depleted/${first}`,
      `checkout/strict/depleted/${first}`,
      expect.stringMatching(/^[-0-9a-f]{36}\/violation$/),
      expect.stringMatching(/^[-0-9a-f]{36}\/violation$/),
    ].sort(),
  );
  expect(ending.causes).toEqual([`availability ${first}`, `strict ${first}`]);
  expect(
    ending.records.every((one) => one.endsWith('completed')),
    ending.records.join(),
  ).toBe(true);
  expect(ending).toMatchObject({ deadLetters: [], isIdle: true });
});

it('a check that ends both lifts both, and each recovery is told once', async () => {
  const recovery = [
    { good: 900, total: 1_000 },
    { good: 10_000_000, total: 10_000_000 },
  ];

  const ending = await failEachCall((watch) => play(watch, ...recovery), same);

  expect(ending.causes).toEqual([]);
  expect(ending.notified).toEqual(
    expect.arrayContaining([`checkout/availability/recovered/${first}`, `checkout/strict/recovered/${first}`]),
  );
  expect(ending).toMatchObject({ deadLetters: [], isIdle: true });
});
