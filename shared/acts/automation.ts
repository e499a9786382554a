/** Pauses and resumes what the platform does in clusters by itself. */
import { audited } from '../access/audit.ts';
import { KEY_HOLDER } from '../access/rights.ts';
import { type AutomationPause, pauseAutomation, resumeAutomation } from '../automation.ts';
import { ProblemError } from '../http/problem.ts';
import type { Ports } from '../ports/handler.ts';
import { type Asked, demand, type Fields, reasonIn, refuseUnknownFields, textIn } from './asked.ts';

const MAX_NAME = 100;

/**
 * @param fields `action`: `pause` or `resume`; `reason`; `by`, which is needed with a function key alone
 * @returns the pause that holds now; undefined when none does
 * @throws ProblemError 400 naming the field that is wrong, 403 without the right, or as somebody else
 */
export async function changeAutomation(
  fields: Fields,
  asked: Asked,
  ports: Ports,
): Promise<AutomationPause | undefined> {
  refuseUnknownFields(fields, ['action', 'by', 'reason']);
  const { state, clock, log } = ports;
  const { action } = fields;
  if (action !== 'pause' && action !== 'resume') throw new ProblemError(400, "action: expected 'pause' or 'resume'");
  const by = whoIn(fields, asked);
  const reason = reasonIn(fields);
  // It stops everything, so a right for a part of it is not enough.
  demand(asked, 'pause', {}, 'pause or resume automation');
  const act = { right: 'pause', what: `automation/${action}`, why: reason } as const;
  if (action === 'pause') {
    const since = new Date(clock.now()).toISOString();
    const pause = await audited([act], asked, ports, () => pauseAutomation(state, { by, reason, since }));
    log.warn('automation paused', { by, reason, since: pause.since });
    return pause;
  }
  const ended = await audited([act], asked, ports, () => resumeAutomation(state));
  log.warn('automation resumed', { by, reason, pausedSince: ended?.since });
  return undefined;
}

/** A key says nothing of its holder, who says it; a token does, and nobody else is believed. */
function whoIn(fields: Fields, { caller }: Asked): string {
  if (caller === KEY_HOLDER) return textIn(fields, 'by', MAX_NAME);
  if (fields['by'] === undefined || caller.aliases.some((alias) => alias === fields['by'])) return caller.name;
  throw new ProblemError(403, `by: expected ${caller.name}, who asks for it, or nothing`);
}
