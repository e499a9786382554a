/** Rolls the newest release of a deployment back by a person's word. */
import { audited } from '../access/audit.ts';
import { deploymentScope } from '../access/rights.ts';
import { NotFoundError } from '../errors.ts';
import { parseTarget, targetOf } from '../events/deployment-target.ts';
import { ProblemError } from '../http/problem.ts';
import type { Ports } from '../ports/handler.ts';
import {
  NotRollbackableError,
  type RequestedRollback,
  requestRollback,
  rollbackableRelease,
} from '../releases/rollback-requests.ts';
import { type Asked, demand, type Fields, reasonIn, refuseUnknownFields } from './asked.ts';

interface Place {
  readonly cluster: string;
  readonly namespace: string;
  readonly deployment: string;
}

/**
 * @param fields `reason`
 * @throws ProblemError 400 without a reason, 403 without the right, 404 when nothing was released there, 409 when that
 * cannot be rolled back
 */
export async function rollBackRelease(
  { cluster, namespace, deployment }: Place,
  fields: Fields,
  asked: Asked & { traceparent?(): string },
  ports: Ports,
): Promise<RequestedRollback> {
  refuseUnknownFields(fields, ['reason']);
  const reason = reasonIn(fields);
  const place = { cluster, namespace, deployment };
  const target = targetOf(place);
  if (!parseTarget(target)) throw new ProblemError(404, `'${target.slice(0, 300)}' names no deployment`);
  demand(asked, 'rollback', deploymentScope(ports.config, place), `roll '${target}' back`);
  const who = asked.caller.name;
  try {
    // What cannot be done is refused, and no act.
    const { release } = await rollbackableRelease(ports.state, place);
    const { correlationId } = release;
    const act = { right: 'rollback', what: `deployments/${target}`, why: reason, correlationId } as const;
    const request = { ...place, who, reason, traceparent: asked.traceparent?.() };
    const requested = await audited([act], asked, ports, () => requestRollback(request, ports));
    ports.log.warn('rollback requested', { target, who, ...requested });
    return requested;
  } catch (error) {
    if (error instanceof NotFoundError) throw new ProblemError(404, error.message, { cause: error });
    if (error instanceof NotRollbackableError) throw new ProblemError(409, error.message, { cause: error });
    throw error;
  }
}
