/** Ends the freeze of a service by a person's word. */
import { audited } from '../access/audit.ts';
import { ProblemError } from '../http/problem.ts';
import type { Ports } from '../ports/handler.ts';
import { endFreeze, freezeOf } from '../slo/freezes.ts';
import { type Asked, demand, type Fields, reasonIn, refuseUnknownFields } from './asked.ts';

/** @throws ProblemError 400 without a reason, 403 without the right, 404 when it is not frozen */
export async function unfreeze(service: string, fields: Fields, asked: Asked, ports: Ports): Promise<void> {
  refuseUnknownFields(fields, ['reason']);
  const why = reasonIn(fields);
  const shown = service.slice(0, 100);
  demand(asked, 'unfreeze', { service }, `unfreeze '${shown}'`);
  const { state, clock, log } = ports;
  if (!(await freezeOf(state, service, clock.now()))) {
    throw new ProblemError(404, `the service '${shown}' is not frozen`);
  }
  await audited([{ right: 'unfreeze', what: `services/${service}`, why }], asked, ports, () =>
    endFreeze(state, service, clock.now()),
  );
  log.warn('freeze ended', { service, who: asked.caller.name });
}
