/**
 * The switch that keeps the platform from changing a cluster by itself: a rollback after a failed release or a page, a
 * raised quota. What somebody asks for (a release, a namespace, a cluster) is still done, and everything is recorded and
 * told. One small document, read where such an act is decided.
 */
import type { StateStore } from './ports/state.ts';
import { DELETE, updateDocument } from './update-document.ts';

const PARTITION = 'platform';
const KEY = 'automation';

/** Who paused it, why, and since when. */
export interface AutomationPause {
  readonly by: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
}

/** Undefined while the platform acts by itself. */
export async function automationPause(state: StateStore): Promise<AutomationPause | undefined> {
  return (await state.get<AutomationPause>(PARTITION, KEY))?.value;
}

/** Why nothing is changed by itself now, for people; undefined while the platform acts. */
export async function reasonNotToAct(state: StateStore): Promise<string | undefined> {
  const pause = await automationPause(state);
  return pause && `automation is paused by ${pause.by} since ${pause.since}: ${pause.reason}`;
}

/** @returns the pause that holds now: an earlier one stays as it is */
export async function pauseAutomation(state: StateStore, pause: AutomationPause): Promise<AutomationPause> {
  return updateDocument<AutomationPause>(state, PARTITION, KEY, (found) => found ?? pause);
}

/** @returns the pause that this ended; undefined when there was none */
export async function resumeAutomation(state: StateStore): Promise<AutomationPause | undefined> {
  let ended: AutomationPause | undefined;
  await updateDocument<AutomationPause>(state, PARTITION, KEY, (found) => {
    ended = found;
    return found && DELETE;
  });
  return ended;
}
