/**
 * Which objectives a health check counts for. Whoever sends checks can have a release rolled back or a service unfrozen,
 * so an objective that is measured takes what was measured alone, and one with a bound no more than can have happened.
 */
import { MINUTE_MS } from '../duration.ts';
import { InvalidEventError } from '../errors.ts';
import type { EventOf } from '../events/cloud-event.ts';
import { eventKey } from '../events/identity.ts';
import type { HealthCheck } from '../events/platform.ts';
import type { HandlerPorts } from '../ports/handler.ts';
import { updateDocument } from '../update-document.ts';
import { oldestIn, type RecentIds, remember, seen, without } from './id-set.ts';
import { withKeyLock } from './key-lock.ts';
import { isMeasured, MEASUREMENTS_SOURCE } from './measured-checks.ts';
import { type Objective, objectiveOf, objectivesFor } from './objectives.ts';

type Check = EventOf<typeof HealthCheck>;

/** @throws InvalidEventError when it counts for none of those that it is about, or says more than can be */
export async function admittedObjectives(
  check: Check,
  { config, state }: Pick<HandlerPorts, 'config' | 'state'>,
): Promise<readonly Objective[]> {
  const { service, slo } = check.data;
  const named = slo === undefined ? undefined : objectiveOf(config, service, slo);
  if (named?.measurements && (await isMeasured(state, check))) return [named];

  const fitting = objectivesFor(config, check.data);
  const open = fitting.filter(({ measurements }) => !measurements);
  if (fitting.length > 0 && open.length === 0) throw notMeasured(check, fitting);
  for (const objective of open) await spendAllowance(check, objective, state);
  return open;
}

function notMeasured({ id, type, source, data }: Check, objectives: readonly Objective[]): InvalidEventError {
  const names = objectives.map(({ slo, measurements }) => `'${slo}' (by '${measurements?.source}')`).join(', ');
  const what = `${names} of '${data.service}' is measured, and takes no health check from elsewhere`;
  return new InvalidEventError({ id, type }, [
    { path: 'source', value: source, expected: `${MEASUREMENTS_SOURCE} and an id of this app's own: ${what}` },
  ]);
}

// ---------------------------------------------------------------- the bound

const PARTITION = 'allowances';
/** A sender that was cut off for an hour can say all that happened meanwhile. */
const SAVED_MINUTES = 60;
/** As many checks may come again after a crash. */
const MAX_SPENT = 64;

/** What checks may still say of an objective; a token bucket. */
interface Allowance {
  /** Milliseconds since the Unix epoch: when the newest check was taken. */
  readonly at: number;
  /** How many events. */
  readonly left: number;
  /** The checks that were let through, the newest of them. */
  readonly spent: RecentIds;
}

async function spendAllowance(
  check: Check,
  { slo, maxEventsPerMinute: max }: Objective,
  state: HandlerPorts['state'],
): Promise<void> {
  if (max === undefined) return;
  const { id, type, time, data } = check;
  const key = eventKey(check);
  const [name, at, most] = [`${data.service}/${slo}`, Date.parse(time), max * SAVED_MINUTES];
  await withKeyLock(state, `${PARTITION}/${name}`, () =>
    updateDocument<Allowance>(state, PARTITION, name, (found) => {
      if (found && seen(found.spent, key)) return found;
      const before = found ?? { at, left: most, spent: '' };
      const earned = (Math.max(0, at - before.at) / MINUTE_MS) * max;
      const left = Math.min(most, before.left + earned) - data.total;
      if (left < 0) {
        const expected = `at most ${Math.floor(left + data.total)}, by maxEventsPerMinute of '${slo}'`;
        throw new InvalidEventError({ id, type }, [{ path: 'data.total', value: data.total, expected }]);
      }
      const spent = remember(before.spent, key);
      return { at: Math.max(before.at, at), left, spent: without(spent, new Set(oldestIn(spent, MAX_SPENT))) };
    }),
  );
}
