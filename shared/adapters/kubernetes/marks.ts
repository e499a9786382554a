/**
 * What a Deployment bears of the changes that this app made to it, as annotations: the change last made to each container.
 * Anybody who may write annotations can write these; they count while they are our own field.
 */
import * as z from 'zod';
import type { Change } from '../../ports/cluster.ts';
import { type Deployment, isOurs } from './objects.ts';

/** By container: what was last done to it, and its rank. */
const CHANGES = 'platform-events/changes';
/** The change made last, for people. */
const REQUEST_ID = 'platform-events/request-id';
const CHANGE_CAUSE = 'kubernetes.io/change-cause';

const marksSchema = z.record(z.string(), z.object({ requestId: z.string(), rank: z.string() }));
type Marks = z.output<typeof marksSchema>;

/** The change last made to each container. */
export function marksOf({ metadata }: Pick<Deployment, 'metadata'>): ReadonlyMap<string, Marks[string]> {
  const text = metadata.annotations?.[CHANGES];
  if (text === undefined || !isOurs(metadata, ['f:metadata', 'f:annotations', `f:${CHANGES}`])) return new Map();
  return new Map(Object.entries(parse(text)));
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
): Readonly<Record<string, string>> {
  const marks = new Map(marksOf(found));
  for (const container of containers) marks.set(container, { requestId, rank });
  return { [REQUEST_ID]: requestId, [CHANGES]: JSON.stringify(Object.fromEntries(marks)), [CHANGE_CAUSE]: changeCause };
}
