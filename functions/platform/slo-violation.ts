/**
 * Notifies people of a burning error budget. While a page stays open it weighs, again and again, which change is to blame,
 * fails that one's releases when the objective says so, and looks whether that helped.
 */

import { reasonNotToAct } from '../../shared/automation.ts';
import { SETTLE_MS } from '../../shared/blame/judge.ts';
import { blameIn, changePage, openPage, type Page, type Weighed, withWeighed } from '../../shared/blame/pages.ts';
import { describeChanges, describeVerdict, suspectFacts } from '../../shared/blame/verdict-text.ts';
import { weigh } from '../../shared/blame/weigh.ts';
import { teamOf } from '../../shared/config/service-lookup.ts';
import { HOUR_MS, MINUTE_MS } from '../../shared/duration.ts';
import type { DataOf, EventOf } from '../../shared/events/cloud-event.ts';
import { DeploymentFailed } from '../../shared/events/deployment.ts';
import { eventKey } from '../../shared/events/identity.ts';
import { SLOViolation } from '../../shared/events/platform.ts';
import { onEvent } from '../../shared/on-event.ts';
import { type Handler, type HandlerPorts, type Requeue, requeueAfter } from '../../shared/ports/handler.ts';
import type { Notification } from '../../shared/ports/notifier.ts';
import type { RecordedChange } from '../../shared/releases/changes.ts';
import type { ReleaseRecord } from '../../shared/releases/release-record.ts';
import { blameRelease, distrust, type Undoing, undoingOf } from '../../shared/releases/suspects.ts';
import { budgetWords, eventsFact } from '../../shared/slo/budget-text.ts';
import { burnsSince, isOpen } from '../../shared/slo/burns.ts';
import { expectsFact, healthOf } from '../../shared/slo/health-store.ts';
import { type Objective, objectiveOf } from '../../shared/slo/objectives.ts';

type Violation = EventOf<typeof SLOViolation>;

/** A page is watched for so long: as far back as the counts reach that an onset is looked for in. */
const WATCH_MS = 8 * HOUR_MS;
/** What was rolled back is not what burns, when it still burns so long after. */
const HELPS_WITHIN_MS = 15 * MINUTE_MS;
const MIN_PAUSE_MS = MINUTE_MS;
const MAX_PAUSE_MS = 5 * MINUTE_MS;

export const handle: Handler<Violation> = async (event, ports) => {
  const { service, slo, severity } = event.data;
  const objective = objectiveOf(ports.config, service, slo);
  const reasonAgainst = reasonAgainstRollback(severity, objective);
  if (reasonAgainst !== undefined || !objective) {
    await ports.notifier.notify(noticeOf(event, ports, `nothing is rolled back: ${reasonAgainst}`));
    return;
  }
  const by = eventKey(event);
  const opened = await openPage(ports.state, { service, slo, by, openedAt: Date.parse(event.time) });
  // A newer page has its own message.
  if (!opened) return;
  const page = blameIn(opened) ? opened : await weighed(opened, event, objective, ports);
  await notifyWeighed(page, event, objective, ports);
  return follow(page, event, objective, ports);
};

/** Why no change is looked for; undefined when one is. */
function reasonAgainstRollback(
  severity: Violation['data']['severity'],
  objective: Objective | undefined,
): string | undefined {
  if (severity === 'ticket') return 'tickets are never rolled back';
  if (!objective) return 'platform.config.json does not name the objective';
  return objective.rollbackOnPage !== 'off' ? undefined : 'rollbackOnPage is off for the objective';
}

async function weighed(page: Page, event: Violation, objective: Objective, ports: HandlerPorts): Promise<Page> {
  const { service, longWindow } = event.data;
  const paused = await reasonNotToAct(ports.state);
  const verdict = await weigh({ service, objective, longWindow }, page, ports);
  const next: Weighed = paused === undefined ? verdict : { ...verdict, paused };
  return changePage(ports.state, page, (current) => withWeighed(current, next));
}

/** What comes of it: the releases are failed, and it is looked at again until the page ends. */
async function follow(
  page: Page,
  event: Violation,
  objective: Objective,
  ports: HandlerPorts,
): Promise<Requeue | undefined> {
  const { state, clock } = ports;
  const blame = blameIn(page);
  if (blame && (objective.rollbackOnPage === 'observe' || blame.paused !== undefined)) return undefined;
  const undoings = blame ? await Promise.all(blame.blamed.map((change) => undo(change, blame, event, ports))) : [];
  const age = clock.now() - page.openedAt;
  const again = (): Requeue | undefined =>
    age >= WATCH_MS
      ? undefined
      : requeueAfter(Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, age / 10)), { notifiesAgain: true });
  if (undoings.some(({ to }) => to === 'fail' || to === 'waiting')) return again();

  const health = await healthOf(state, page.service);
  if (!blame) return isOpen(health, objective.slo, 'page') ? again() : undefined;
  const backAt = Math.max(...undoings.map((undoing) => (undoing.to === 'rolled-back' ? undoing.at : 0)));
  if (backAt === 0) return undefined;
  if (clock.now() < backAt + HELPS_WITHIN_MS) return again();
  const helped = !burnsSince(health, objective, event.data.longWindow, backAt + SETTLE_MS);
  const ended = await changePage(state, page, (current) => ({ ...current, helped: current.helped ?? helped }));
  if (ended.helped === false) await ports.notifier.notify(didNotHelpNotice(event, blame, ports));
  return undefined;
}

/** Fails a release that is to blame, unless that was done; safe to repeat until its record shows it. */
async function undo(
  change: RecordedChange,
  { alsoUndone, because }: Weighed,
  event: Violation,
  ports: HandlerPorts,
): Promise<Undoing> {
  const undoing = await undoingOf(ports.state, change);
  if (undoing.to !== 'fail') return undoing;
  const { release } = undoing;
  const { key, correlationId: correlationid } = release;
  if (!(await blameRelease(ports.state, key, eventKey(event), ports.clock.now()))) return undoing;
  for (const older of alsoUndone) if (older.target === change.target) await distrust(ports.state, older);
  ports.publish(DeploymentFailed, failedDataOf(event, release, change, because), { key, correlationid });
  return undoing;
}

function failedDataOf(
  event: Violation,
  { data, requestId, requestSource }: ReleaseRecord,
  { startedAt }: RecordedChange,
  because: string,
): DataOf<typeof DeploymentFailed> {
  const { service, slo, longWindow, shortWindow } = event.data;
  return {
    ...data,
    requestId,
    requestSource,
    reason: 'SLOViolation',
    message: `${service} ${burnText(event)} since this release ('${slo}', over ${longWindow} and ${shortWindow}): ${because}`,
    durationSeconds: Math.max(0, Date.parse(event.time) - startedAt) / 1_000,
  };
}

/** Of what was found when the page opened; and of whom is blamed, when that was seen later. */
async function notifyWeighed(page: Page, event: Violation, objective: Objective, ports: HandlerPorts): Promise<void> {
  const [first] = page.weighed;
  if (!first) return;
  const mode = objective.rollbackOnPage;
  await ports.notifier.notify(noticeOf(event, ports, describeVerdict(first, mode), suspectFacts(first)));
  const blame = blameIn(page);
  if (!blame || blame === first) return;
  await ports.notifier.notify({
    ...noticeOf(event, ports, describeVerdict(blame, mode), suspectFacts(blame)),
    key: `${eventKey(event)}/blame`,
    title: `${event.data.service} still burns, and a change is to blame`,
  });
}

function didNotHelpNotice(event: Violation, blame: Weighed, ports: HandlerPorts): Notification {
  const minutes = HELPS_WITHIN_MS / MINUTE_MS;
  return {
    ...noticeOf(
      event,
      ports,
      `${describeChanges(blame.blamed)} went back ${minutes} minutes ago, and it still burns: that was not the cause. Nothing else is rolled back`,
    ),
    key: `${eventKey(event)}/did-not-help`,
    title: `${event.data.service}: the rollback did not help`,
  };
}

function noticeOf(
  event: Violation,
  { config }: HandlerPorts,
  text: string,
  facts: Readonly<Record<string, string>> = {},
): Notification {
  const { service, slo, severity, longWindow, shortWindow, errorBudgetRemaining } = event.data;
  return {
    key: `${eventKey(event)}/violation`,
    severity: severity === 'page' ? 'critical' : 'warning',
    title: `${service} ${burnText(event)}`,
    text,
    team: teamOf(config, service),
    facts: {
      slo,
      windows: `${longWindow} and ${shortWindow}`,
      ...eventsFact(event.data, longWindow),
      'error budget': budgetWords(errorBudgetRemaining),
      ...facts,
    },
    event,
  };
}

function burnText({ data: { burnRate } }: Violation): string {
  return `burns its error budget ${burnRate.toFixed(1)} times too fast`;
}

onEvent(SLOViolation, handle, expectsFact);
