/**
 * What a Deployment bears of the changes that this app made to it, as annotations: the change last made to each container.
 * Anybody who may write annotations can write these, and may do so in our name: they count while they are our own field,
 * and their ranks are of the past.
 */
import * as z from 'zod/mini';
import { MINUTE_MS } from '../../duration.ts';
import type { Change } from '../../ports/cluster.ts';
import { type Deployment, isOurs } from './objects.ts';

/** By container: what was last done to it, and its rank. */
const CHANGES = 'platform-events/changes';
/** The change made last, for people. */
const REQUEST_ID = 'platform-events/request-id';
const CHANGE_CAUSE = 'kubernetes.io/change-cause';

const marksSchema = z.record(z.string(), z.object({ requestId: z.string(), rank: z.string() }));
type Marks = z.output<typeof marksSchema>;

/** By how much the clocks of two hosts of this app may differ, each corrected by its store. */
const CLOCK_TOLERANCE_MS = 5 * MINUTE_MS;

/** The change last made to each container. @param now milliseconds since the Unix epoch */
export function marksOf({ metadata }: Pick<Deployment, 'metadata'>, now: number): ReadonlyMap<string, Marks[string]> {
  const text = metadata.annotations?.[CHANGES];
  if (text === undefined || !isOurs(metadata, ['f:metadata', 'f:annotations', `f:${CHANGES}`])) return new Map();
  return new Map(Object.entries(parse(text)).filter(([, { rank }]) => isBelieved(rank, now)));
}

/** A rank begins with the time of its request: one from the future would supersede every release until then. */
function isBelieved(rank: string, now: number): boolean {
  const [time = ''] = rank.split('/');
  return /^\d{4}-\d\d-\d\d/.test(time) && Date.parse(time) <= now + CLOCK_TOLERANCE_MS;
}

function parse(text: string): Marks {
  try {
    return marksSchema.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The annotations once the change is made to these containers. */
export function changeMarks(
  found: Deployment,
  { requestId, rank, changeCause }: Change,
  containers: Iterable<string>,
  now: number,
): Readonly<Record<string, string>> {
  const marks = new Map(marksOf(found, now));
  for (const container of containers) marks.set(container, { requestId, rank });
  return { [REQUEST_ID]: requestId, [CHANGES]: JSON.stringify(Object.fromEntries(marks)), [CHANGE_CAUSE]: changeCause };
}
