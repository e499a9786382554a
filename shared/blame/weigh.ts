/**
 * The evidence about a page: since when the service burns, what was changed then, what else burns, and what that says of
 * the changes. It joins what releases, health checks and clusters have left in the store.
 */
import { clusterChangedAt } from '../clusters/inventory.ts';
import type { HandlerPorts } from '../ports/handler.ts';
import type { StateStore } from '../ports/state.ts';
import { changesOf, type RecordedChange } from '../releases/changes.ts';
import { changeByOthers, undoingOf } from '../releases/suspects.ts';
import { beganToBurn, isOpen, onsetOf } from '../slo/burns.ts';
import { healthOf } from '../slo/health-store.ts';
import { isInScope, type Objective, type Scope } from '../slo/objectives.ts';
import type { Onset } from '../slo/onset.ts';
import { type ClusterUpdate, judge, type Neighbour, SETTLE_MS, type Verdict } from './judge.ts';
import { type Look, lookAt } from './looks.ts';
import { onsetIn, type Page, type Weighed } from './pages.ts';
import { describeChanges } from './verdict-text.ts';

/** Who burns, and by which rule that was noticed. */
export interface Burning {
  readonly service: string;
  readonly objective: Objective;
  readonly longWindow: string;
}

/** Changes nothing. A cluster that does not answer is no evidence. */
export async function weigh(burning: Burning, page: Page, ports: HandlerPorts): Promise<Weighed> {
  const { service, objective, longWindow } = burning;
  const now = ports.clock.now();
  const health = await healthOf(ports.state, service);
  if (!isOpen(health, objective.slo, 'page')) return withoutOnset(now, 'it burns no more');
  const found = onsetIn(page);
  const first = found?.onset && { ...found, onset: found.onset };
  const look = lookAt(first, (known) => onsetOf(health, objective, longWindow, known));
  return weighLook(burning, look, now, ports);
}

function withoutOnset(at: number, because: string): Weighed {
  return { ...judge({ finding: { because }, changes: [], now: at }), at };
}

async function weighLook(burning: Burning, look: Look, now: number, ports: HandlerPorts): Promise<Weighed> {
  const { service, objective } = burning;
  const { state } = ports;
  const { onset } = look.finding;
  if (!onset) return withoutOnset(now, look.finding.because);
  const since = onset.earliest - SETTLE_MS;
  const own = await changesIn(state, service, objective, since);
  const names = [...new Set(own.map(({ target }) => placeOf(target).cluster))];
  const updates = await Promise.all(names.map((name) => clusterUpdates(state, name)));
  const evidence = { ...look, changes: own, updates: updates.flat(), now };
  const first = judge(evidence);
  const weighed = { at: now, onset: { from: onset.from, to: onset.to } };
  if (first.blamed.length === 0) return { ...first, ...weighed };

  // What costs more to ask is asked only when somebody would be blamed.
  const others = await Promise.all(first.blamed.map((change) => changeByOthers(ports, change)));
  const neighbours = await neighboursOf(burning, onset, ports);
  const verdict = judge({ ...evidence, changes: [...evidence.changes, ...others.flat()], neighbours });
  return { ...(await whereItRuns(state, verdict)), ...weighed };
}

function placeOf(target: string): { cluster: string; namespace: string } {
  const [cluster = '', namespace = ''] = target.split('/');
  return { cluster, namespace };
}

function changesIn(state: StateStore, service: string, scope: Scope, since: number): Promise<RecordedChange[]> {
  return changesOf(state, service, since, (target) => isInScope(scope, placeOf(target)));
}

async function clusterUpdates(state: StateStore, cluster: string): Promise<ClusterUpdate[]> {
  const at = await clusterChangedAt(state, cluster);
  return at === undefined ? [] : [{ cluster, at }];
}

/** The other services, and the other places where this one is measured. */
async function neighboursOf(
  { service, objective }: Burning,
  onset: Onset,
  { state, config }: Pick<HandlerPorts, 'state' | 'config'>,
): Promise<Neighbour[]> {
  const elsewhere = config.services.map(({ name, objectives }) => ({
    name,
    objectives: objectives.filter((other) => name !== service || !isSameScope(other, objective)),
  }));
  const count = elsewhere.reduce((sum, { objectives }) => sum + objectives.length, 0);
  const neighbours = await Promise.all(
    elsewhere.map(async ({ name, objectives }) => {
      const health = objectives.length > 0 ? await healthOf(state, name) : undefined;
      return Promise.all(
        objectives.map(async (other): Promise<Neighbour> => {
          const burnsToo = beganToBurn(health, other, onset, count);
          const changes = burnsToo ? await changesIn(state, name, other, onset.earliest - SETTLE_MS) : [];
          return { name: `${name} (${other.slo})`, burnsToo, changes };
        }),
      );
    }),
  );
  return neighbours.flat();
}

function isSameScope(a: Scope, b: Scope): boolean {
  return String(a.clusters) === String(b.clusters) && String(a.namespaces) === String(b.namespaces);
}

/** Nobody is blamed with what runs nowhere any more. */
async function whereItRuns(state: StateStore, verdict: Verdict): Promise<Verdict> {
  const undoings = await Promise.all(verdict.blamed.map((change) => undoingOf(state, change)));
  if (verdict.blamed.length === 0 || undoings.some(({ to }) => to === 'fail')) return verdict;
  const because = `${describeChanges(verdict.blamed)} would be to blame, and is not what runs`;
  return { ...verdict, blamed: [], alsoUndone: [], because };
}
