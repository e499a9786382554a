/** Releases as a timeline: each step with the event that took it, how many attempts that needed, when, and why. */
import { type EventRecord, readRecord } from '../../delivery/event-record.ts';
import type { StateStore } from '../../ports/state.ts';
import { askedImages, imagesText } from '../../releases/containers.ts';
import { phaseOf, type ReleaseRecord, type ReleaseStep, requestReference } from '../../releases/release-record.ts';
import { PHASES } from './deployments-page.ts';
import { badge, type Html, html, joined, type Part, type Tone } from './parts/html.ts';
import { clockTime, durationText, shortened } from './parts/text.ts';
import { breakable, chainLink, type View } from './parts/view.ts';

/** The record of the event that took a step; undefined when it is forgotten. */
interface TakenStep {
  readonly step: ReleaseStep;
  readonly record: EventRecord | undefined;
}

/** A release with the events that took its steps. */
export interface TracedRelease {
  readonly release: ReleaseRecord;
  readonly steps: readonly TakenStep[];
}

/** One read for each event. */
export async function tracedRelease(state: StateStore, release: ReleaseRecord): Promise<TracedRelease> {
  const reads = new Map<string, Promise<EventRecord | undefined>>();
  const recordOf = (step: ReleaseStep, before: ReleaseStep | undefined): Promise<EventRecord | undefined> => {
    const handler = handlerOf(step, before);
    const key = `${handler} ${step.by}`;
    const read = reads.get(key) ?? readRecord(state, handler, step.by).then((found) => found?.value);
    reads.set(key, read);
    return read;
  };
  const steps = await Promise.all(
    release.steps.map(async (step, n) => ({ step, record: await recordOf(step, release.steps[n - 1]) })),
  );
  return { release, steps };
}

/** The subscription whose handler takes such a step. */
function handlerOf(step: ReleaseStep, before: ReleaseStep | undefined): string {
  switch (step.to) {
    case 'requested':
      return 'deployment-requested';
    case 'started':
    case 'completed':
      return 'deployment-started';
    case 'failed':
      if (!before || step.reason === 'Superseded') return 'deployment-requested';
      return step.reason === 'SLOViolation' || step.reason === 'RollbackRequested'
        ? 'deployment-failed'
        : 'deployment-started';
    case 'rolling-back':
    case 'rolled-back':
      return 'deployment-failed';
    case 'closed':
      if (before?.to === 'completed') return 'deployment-completed';
      return before?.to === 'rolled-back' ? 'deployment-rolled-back' : 'deployment-failed';
  }
}

const STEPS: Readonly<Record<ReleaseStep['to'], readonly [string, Tone]>> = { ...PHASES, closed: ['closed', 'quiet'] };

/** @param more about the release, below its steps */
export function releaseItem(view: View, { release, steps }: TracedRelease, more?: Part): Html {
  const { data, correlationId } = release;
  const [first] = release.steps;
  const isRefused = first?.to === 'failed';
  const [text, tone] = PHASES[phaseOf(release)];
  const state = isRefused ? badge(`refused: ${first.reason}`, 'bad') : badge(text, tone);
  const facts: Part[] = [
    html`asked for ${first && clockTime(first.at, view.now)}`,
    data.requestedBy !== undefined && html`by ${data.requestedBy}`,
    data.commit && html`commit <code>${data.commit.sha.slice(0, 12)}</code>`,
    html`request <code>${requestReference(release)}</code>`,
    html`chain ${chainLink(view, correlationId)}`,
  ].filter((part) => part !== false && part !== undefined);
  return html`<li><div class="title"><h3>${breakable(imagesText(askedImages(data)))}</h3>${state}</div>
<p class="soft">${joined(facts, ' · ')}</p>
${data.override && html`<p>Asked to pass a freeze: ${data.override.reason} (${data.override.approvedBy})</p>`}
<ol class="steps">${steps.map((taken, n) => stepItem(view, taken, steps[n - 1]?.step))}</ol>${more && html`<p>${more}</p>`}</li>`;
}

function stepItem(view: View, { step, record }: TakenStep, before: ReleaseStep | undefined): Html {
  const [text, tone] = STEPS[step.to];
  const why = whyOf(step);
  const event =
    record &&
    html`${record.type}${record.runs > 1 && `, run ${record.runs} times`}${record.attempts > 0 && `, ${record.attempts} failed ${record.attempts === 1 ? 'attempt' : 'attempts'}`}`;
  return html`<li class="${tone}"><strong>${text}</strong> ${clockTime(step.at, view.now)} ${before && html`<span class="soft">after ${durationText(step.at - before.at)}</span>`} ${event && html`<span class="soft">by ${event}</span>`}${why !== undefined && html`<p class="why">${shortened(why, 1_000)}</p>`}</li>`;
}

function whyOf(step: ReleaseStep): string | undefined {
  switch (step.to) {
    case 'requested':
      return step.overrode === undefined ? undefined : `let through a freeze: ${step.overrode}`;
    case 'failed':
      return `${step.reason}: ${step.message}`;
    case 'completed':
      return `${step.replicas} ${step.replicas === 1 ? 'replica' : 'replicas'}${step.revision === undefined ? '' : `, revision ${step.revision}`}`;
    case 'rolling-back':
    case 'rolled-back':
      return `to ${imagesText(step.images)}`;
    case 'closed':
      return step.note;
    case 'started':
      return undefined;
  }
}
